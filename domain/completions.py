"""
A legacy text completion: a prompt instead of messages.

Its answers and pieces have the shape of a chat's (`ChatResponse`, `ChatChunk`): a document whose choices
hold `text` instead of a message.
"""

from __future__ import annotations

import attrs

from domain.document import Document


@attrs.frozen
class CompletionRequest:
    """A request to `/v1/completions`; the fields mean what they mean in `ChatRequest`."""

    model: str
    document: Document
    stream: bool = False
    include_usage: bool = False
    provider: str = ""
