"""`POST /v1/completions` for Cerebras: `CompletionRequest` → bytes."""

from __future__ import annotations

from adapters.wire.cerebras.chat_request import with_known_options
from adapters.wire.jsontext import render
from adapters.wire.openai.chat_request import upstream_document
from domain.completions import CompletionRequest


def render_request(request: CompletionRequest, model: str) -> bytes:
    """Write the body: Cerebras knows every member that OpenAI defines here, and calls the maximum `max_tokens` too."""
    return render(with_known_options(upstream_document(request.document, model, stream=request.stream)))
