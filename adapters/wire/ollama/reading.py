"""Members of a request read as what they must be; one of another type is refused by its path."""

from __future__ import annotations

import msgspec

from adapters.wire.openai.checks import missing, wrong_type
from domain.document import Document

_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_string = msgspec.json.Decoder(str).decode


def objects(text: bytes, path: str) -> list[Document]:
    """Return the objects of an array."""
    try:
        return [document_of(found) for found in _objects(text)]
    except msgspec.DecodeError:
        raise wrong_type(path, "an array of objects") from None


def an_object(text: bytes | None, path: str) -> Document:
    """Return an object; None is a missing one."""
    if text is None:
        raise missing(path)
    try:
        return document_of(_object(text))
    except msgspec.DecodeError:
        raise wrong_type(path, "an object") from None


def string(text: bytes | None, path: str) -> str:
    """Return a string; None is a missing one."""
    if text is None:
        raise missing(path)
    try:
        return _string(text)
    except msgspec.DecodeError:
        raise wrong_type(path, "a string") from None


def string_text(text: bytes | None, path: str) -> bytes:
    """Return the JSON text of a string, as it came; None is a missing one."""
    if text is None:
        raise missing(path)
    if not text.startswith(b'"'):
        raise wrong_type(path, "a string")
    return text


def document_of(members: dict[str, msgspec.Raw]) -> Document:
    """Return an object that was split into its members as a document."""
    return Document({name: bytes(raw) for name, raw in members.items()})
