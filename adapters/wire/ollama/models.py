"""`GET /api/tags`, the models that a server has."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from adapters.wire.jsontext import NotJson, parse_object, text_of
from adapters.wire.ollama.times import seconds_of
from domain.catalog import Model
from domain.document import Document
from domain.errors import Malformed


class _Tags(msgspec.Struct):
    models: list[msgspec.Raw] | None


def parse_models(body: bytes) -> Sequence[Model]:
    """Read the list; raises `Malformed` where it is none. Entries without a name are left out."""
    try:
        found = msgspec.json.decode(body, type=_Tags).models or []
        models = [_model(parse_object(bytes(raw), unique=False)) for raw in found]
    except (NotJson, msgspec.DecodeError, RecursionError):
        raise Malformed("something that is no list of models") from None
    return [model for model in models if model.id]


def _model(entry: Document) -> Model:
    name = msgspec.json.decode(entry.get("name") or entry.get("model") or b'""', type=str)
    members = {
        "id": text_of(name),
        "object": b'"model"',
        "created": text_of(seconds_of(entry.get("modified_at"), 0)),
        "owned_by": text_of(_owner(name)),
    }
    return Model(name, Document({**members, **entry.without("name", "model", *members).members}))


def _owner(name: str) -> str:
    """Return the namespace that a name is in: `library`, unless it says another."""
    return name.rpartition("/")[0].rpartition("/")[2] or "library"
