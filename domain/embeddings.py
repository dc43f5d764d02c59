"""Embeddings: texts in, vectors out."""

from __future__ import annotations

import attrs

from domain.document import Document
from domain.usage import Usage


@attrs.frozen
class EmbeddingsRequest:
    """A request for the vectors of one or many inputs; the fields mean what they mean in `ChatRequest`."""

    model: str
    document: Document
    provider: str = ""


@attrs.frozen
class EmbeddingsResponse:
    """The vectors, in OpenAI's dialect and in the encoding that the caller asked for."""

    document: Document
    usage: Usage | None = None
