"""`POST /api/embed`, both ways."""

from __future__ import annotations

import base64
import struct

import msgspec

from adapters.wire.jsontext import render, text_of
from adapters.wire.ollama.options import options_of
from adapters.wire.ollama.reading import string
from adapters.wire.ollama.rules import NOT_IN_OLLAMA, OPTIONS, carried
from adapters.wire.ollama.said import native_of, others, usage_of
from adapters.wire.openai.checks import missing
from domain.document import Document
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.errors import InvalidRequest, Malformed

_OWNED = NOT_IN_OLLAMA | {*OPTIONS, "input", "model", "options"}

_texts = msgspec.json.Decoder(str | list[str]).decode
_vectors = msgspec.json.Decoder(list[list[float]]).decode
_vector_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode


def render_request(request: EmbeddingsRequest, model: str) -> bytes:
    """Write the body; raises `InvalidRequest` for what Ollama cannot embed, and for an encoding that nobody knows."""
    document = request.document
    _count(document)
    _packed(document)
    members = {"model": text_of(model), "input": document.members["input"], **options_of(document)}
    return render(Document({**members, **carried(document, _OWNED)}))


def parse_response(body: bytes, request: EmbeddingsRequest) -> EmbeddingsResponse:
    """Read the vectors, one for each input of the request and in the encoding that it asks for; else `Malformed`."""
    native = native_of(body)
    text = native.get("embeddings") or b""
    try:
        vectors = _vectors(text)
        texts = [_base64(vector) for vector in vectors] if _packed(request.document) else _vector_texts(text)
    except (msgspec.DecodeError, OverflowError):
        raise Malformed("an answer without embeddings") from None
    if len(vectors) != _count(request.document):
        raise Malformed("another number of embeddings than was asked for")
    usage = usage_of(native)
    data = [
        b'{"object":"embedding","index":%d,"embedding":%b}' % (index, bytes(vector))
        for index, vector in enumerate(texts)
    ]
    used = 0 if usage is None else usage.prompt_tokens
    members = {
        "object": b'"list"',
        "data": b"[" + b",".join(data) + b"]",
        "model": native.get("model") or b'""',
        "usage": text_of({"prompt_tokens": used, "total_tokens": used}),
    }
    more = {name: value for name, value in others(native).items() if name != "embeddings"}
    return EmbeddingsResponse(Document({**more, **members}), usage)


def _count(document: Document) -> int:
    """Return how many texts there are to embed; Ollama takes no tokens, and gives nothing for an empty text."""
    text = document.get("input")
    if text is None:
        raise missing("input")
    try:
        found = _texts(text)
    except msgspec.DecodeError:
        message = "Invalid type for 'input': Ollama takes a string or an array of strings, and no tokens."
        raise InvalidRequest(message, "input", "invalid_type") from None
    if not found:
        raise InvalidRequest("Invalid value for 'input': there is nothing to embed.", "input", "invalid_value")
    return 1 if isinstance(found, str) else len(found)


def _packed(document: Document) -> bool:
    """Whether the caller wants each vector as base64 of its little-endian 32-bit floats instead of as numbers."""
    text = document.get("encoding_format")
    encoding = "float" if text is None else string(text, "encoding_format")
    if encoding in {"float", "base64"}:
        return encoding == "base64"
    message = "Invalid value for 'encoding_format': use 'float' or 'base64'."
    raise InvalidRequest(message, "encoding_format", "invalid_value")


def _base64(vector: list[float]) -> bytes:
    return b'"' + base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)) + b'"'
