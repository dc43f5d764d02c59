"""`POST /v1/completions`, the request."""

from __future__ import annotations

import msgspec

from adapters.wire.jsontext import render
from adapters.wire.openai.chat_request import StreamOptions, upstream_document
from adapters.wire.openai.checks import checked, parse_body
from domain.completions import CompletionRequest


class _CompletionBody(msgspec.Struct):
    model: str
    prompt: str | list[str | int | list[int]] | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    suffix: str | None = None
    logprobs: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    seed: int | None = None
    user: str | None = None


_decode = msgspec.json.Decoder(_CompletionBody).decode


def parse_request(body: bytes, provider: str = "") -> CompletionRequest:
    """Read the body of a text completion request; raises `InvalidRequest` naming the member at fault."""
    document = parse_body(body)
    view = checked(document, _decode, body)
    return CompletionRequest(
        model=view.model,
        document=document,
        stream=bool(view.stream),
        include_usage=bool(view.stream_options and view.stream_options.include_usage),
        provider=provider,
    )


def render_request(request: CompletionRequest, model: str) -> bytes:
    """Write the body for an upstream that speaks OpenAI."""
    return render(upstream_document(request.document, model, stream=request.stream))
