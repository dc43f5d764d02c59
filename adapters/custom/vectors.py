"""Embeddings without a model: texts that share words lie closer together than texts that do not."""

from __future__ import annotations

import struct
from base64 import b64encode
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from hashlib import blake2b, shake_128
from math import fsum, sqrt

import attrs

from adapters.custom.reading import array, member, one_of, text, whole, wrong_type
from adapters.custom.tokens import tokens
from adapters.wire.jsontext import text_of
from domain.document import Document
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.errors import InvalidRequest
from domain.usage import Usage

DIMENSIONS = 384
MAX_DIMENSIONS = 4_096
MAX_INPUTS = 2_048
MAX_INPUT_TOKENS = 8_192
MAX_TOKENS = 300_000
MAX_NUMBERS = 1 << 21
"""Inputs × dimensions of one request: about 40 MB of JSON."""

_PLACES = 8
"""In so many dimensions each token leaves a mark."""
_OWN = 0.25
"""How far a text is moved from others of the same words, as a part of its length."""


@attrs.frozen
class Input:
    """One thing to embed: its tokens, and the text that tells it from others of the same tokens."""

    tokens: Sequence[str]
    text: str


async def embed(request: EmbeddingsRequest, pause: Callable[[], Awaitable[None]]) -> EmbeddingsResponse:
    """Return a unit vector for each input; raises `InvalidRequest`. `pause` gives others their turn between them."""
    document = request.document
    dimensions = whole(member(document, "dimensions"), "dimensions", 1, MAX_DIMENSIONS) or DIMENSIONS
    encoding = one_of(member(document, "encoding_format"), "encoding_format", ("float", "base64")) or "float"
    total = 0
    entries = []
    for index, read in enumerate(_inputs(member(document, "input", 2 * MAX_TOKENS), dimensions)):
        await pause()
        total += len(read.tokens)
        if total > MAX_TOKENS:
            raise _too_long("input", "array", f"{MAX_TOKENS} tokens in all")
        packed = vector(read, dimensions)
        shown = b64encode(packed).decode() if encoding == "base64" else struct.unpack(f"<{dimensions}f", packed)
        entries.append(text_of({"object": "embedding", "index": index, "embedding": shown}))
    members = {
        "object": text_of("list"),
        "data": b"[" + b",".join(entries) + b"]",
        "model": text_of(request.model),
        "usage": text_of({"prompt_tokens": total, "total_tokens": total}),
    }
    return EmbeddingsResponse(Document(members), Usage(prompt_tokens=total))


def vector(read: Input, dimensions: int) -> bytes:
    """
    Return an input's vector: float32, little endian, of length 1.

    Each token adds to a few places that its hash names; noise that belongs to the whole text is put on top.
    """
    shared = [0.0] * dimensions
    for token, times in Counter(token.strip().lower() for token in read.tokens).items():
        for places in struct.iter_unpack("<HH", blake2b(token.encode(), digest_size=4 * _PLACES).digest()):
            shared[places[0] % dimensions] += times if places[1] & 1 else -times
    own = struct.unpack(f"<{dimensions}h", shake_128(read.text.encode()).digest(2 * dimensions))
    shared_length, own_length = _length(shared), _length(own) / _OWN
    mixed = [one / shared_length + other / own_length for one, other in zip(shared, own, strict=True)]
    length = _length(mixed)
    return struct.pack(f"<{dimensions}f", *[part / length for part in mixed])


def _length(parts: Sequence[float]) -> float:
    """Return a vector's length; `fsum` is the same on every Python, and 1 stands in for a length of nothing."""
    return sqrt(fsum([part * part for part in parts])) or 1.0


def _inputs(value: object, dimensions: int) -> Iterator[Input]:
    """Give the inputs of a request; raises `InvalidRequest` for what OpenAI does not embed."""
    if isinstance(value, str):
        yield _text_input(value, "input")
        return
    items = array(value, "input")
    if not items:
        raise InvalidRequest("Invalid 'input': expected at least one item.", "input", "empty_array")
    if type(items[0]) is int:
        yield _token_input(items, "input")
        return
    if len(items) > MAX_INPUTS or len(items) * dimensions > MAX_NUMBERS:
        raise _too_long("input", "array", f"{MAX_INPUTS} items, and {MAX_NUMBERS} numbers to return")
    for place, item in enumerate(items):
        param = f"input[{place}]"
        yield _token_input(item, param) if isinstance(items[0], list) else _text_input(item, param)


def _text_input(value: object, param: str) -> Input:
    said = text(value, param)
    if not said:
        raise InvalidRequest(f"Invalid '{param}': it must not be empty.", param, "invalid_value")
    # No token has more than nine characters, so a text that is far too long is not even split.
    found = tokens(said) if len(said) <= MAX_INPUT_TOKENS * 9 else []
    if not 0 < len(found) <= MAX_INPUT_TOKENS:
        raise _too_long(param, "string", f"{MAX_INPUT_TOKENS} tokens")
    return Input(found, said)


def _token_input(value: object, param: str) -> Input:
    items = array(value, param)
    if not items:
        raise InvalidRequest(f"Invalid '{param}': expected at least one token.", param, "empty_array")
    if len(items) > MAX_INPUT_TOKENS:
        raise _too_long(param, "array", f"{MAX_INPUT_TOKENS} tokens")
    for place, item in enumerate(items):
        if type(item) is not int:
            raise wrong_type(f"{param}[{place}]", "an integer", item)
        whole(item, f"{param}[{place}]", 0)
    found = [f"#{item}" for item in items]
    return Input(found, " ".join(found))


def _too_long(param: str, kind: str, limit: str) -> InvalidRequest:
    return InvalidRequest(f"Invalid '{param}': it is too long. At most: {limit}.", param, f"{kind}_above_max_length")
