"""The parameters of a request → Ollama's `options`."""

from __future__ import annotations

from adapters.wire.jsontext import NotJson, render, value_of
from adapters.wire.ollama.reading import an_object
from adapters.wire.ollama.rules import OPTIONS
from domain.document import Document


def options_of(document: Document) -> dict[str, bytes]:
    """
    Return the member `options`, nothing where there is none to set; numbers keep their text.

    The caller's own `options` win over parameters of the same name, but for the maximum of tokens: there the smaller
    counts, so that no limit that was set is lifted in passing.
    """
    found = {name: text for name in OPTIONS if (text := document.get(name)) is not None}
    if found.get("stop") == b"[]":
        del found["stop"]  # it asks for nothing, but would switch off the stops of the model itself
    own = document.get("options")
    if own is not None:
        given = an_object(own, "options")
        found.update({name: text for name in given.members if (text := given.get(name)) is not None})
    limit = document.get("max_completion_tokens") or document.get("max_tokens")
    if limit is not None:
        found["num_predict"] = _tighter(limit, found.get("num_predict"))
    if found.get("stop", b"").startswith(b'"'):
        found["stop"] = b"[" + found["stop"] + b"]"  # Ollama takes an array only, and answers a string with status 500
    return {"options": render(Document(found))} if found else {}


def _tighter(limit: bytes, own: bytes | None) -> bytes:
    """Return the smaller of two maxima; in Ollama's `num_predict`, zero and less are no maximum."""
    if own is None:
        return limit
    first, second = _number(limit), _number(own)
    if first is None or second is None:
        return own  # no number: Ollama's own words for that are better than ours
    return limit if first > 0 and (second <= 0 or first <= second) else own


def _number(text: bytes) -> float | None:
    try:
        value = value_of(text)
    except NotJson:
        return None
    return value if type(value) in {int, float} else None
