"""`GET /v1/models`, both ways."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.wire.jsontext import NotJson, parse_object, text_of
from domain.catalog import Model
from domain.document import Document
from domain.errors import Malformed


class _Models(msgspec.Struct):
    data: list[msgspec.Raw]


def parse_models(body: bytes) -> Sequence[Model]:
    """Read an upstream's list of models; raises `Malformed` where it is none. Entries without an id are left out."""
    try:
        entries = [parse_object(bytes(raw), unique=False) for raw in msgspec.json.decode(body, type=_Models).data]
    except (NotJson, msgspec.DecodeError, RecursionError):
        raise Malformed("something that is no list of models") from None
    found = [(entry, _id(entry)) for entry in entries]
    return [Model(name, entry) for entry, name in found if name]


def model_document(model: Model) -> Document:
    """Return the OpenAI object of a model; what its provider said of it stands in it as it came."""
    defaults = {"created": b"0", "owned_by": text_of("ai-gateway")}
    fixed = {"id": text_of(model.id), "object": text_of("model")}
    return Document({**fixed, **model.document.members, **fixed}).defaulting(defaults)


def _id(entry: Document) -> str:
    try:
        return msgspec.json.decode(entry.get("id") or b'""', type=str)
    except msgspec.ValidationError:
        return ""
