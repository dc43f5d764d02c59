"""`POST /v1/embeddings`, both ways."""

from __future__ import annotations

import msgspec

from adapters.wire.jsontext import NotJson, parse_object, render, text_of
from adapters.wire.openai.checks import checked, parse_body
from adapters.wire.openai.usage import parse_usage
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.errors import InvalidRequest, Malformed


class _EmbeddingsBody(msgspec.Struct):
    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str | None = None
    dimensions: int | None = None
    user: str | None = None


class _Answer(msgspec.Struct):
    data: list[dict[str, msgspec.Raw]]


_decode = msgspec.json.Decoder(_EmbeddingsBody).decode


def parse_request(body: bytes, provider: str = "") -> EmbeddingsRequest:
    """Read the body of an embeddings request; raises `InvalidRequest` naming the member at fault."""
    document = parse_body(body)
    view = checked(document, _decode, body)
    if isinstance(view.input, list) and len({type(item) for item in view.input}) > 1:
        raise InvalidRequest(
            "Invalid type for 'input': all items must be strings, integers or lists of integers alike.",
            param="input",
            code="invalid_type",
        )
    return EmbeddingsRequest(model=view.model, document=document, provider=provider)


def parse_response(body: bytes) -> EmbeddingsResponse:
    """Read an upstream's vectors; raises `Malformed` where there are none."""
    try:
        document = parse_object(body, unique=False)
        msgspec.json.decode(body, type=_Answer)
    except (NotJson, msgspec.DecodeError, RecursionError):
        raise Malformed("an answer without embeddings") from None
    return EmbeddingsResponse(document, parse_usage(document.get("usage")))


def render_request(request: EmbeddingsRequest, model: str) -> bytes:
    """Write the body for an upstream that speaks OpenAI: the caller's, with the upstream's name of the model."""
    return render(request.document.having({"model": text_of(model)}))


def render_response(response: EmbeddingsResponse, model: str) -> bytes:
    """Write the answer for the caller: the upstream's, with the caller's name of the model."""
    return render(response.document.having({"model": text_of(model)}).defaulting({"object": b'"list"'}))
