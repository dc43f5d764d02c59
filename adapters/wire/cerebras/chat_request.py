"""`POST /v1/chat/completions` for Cerebras: `ChatRequest` → bytes."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from adapters.wire.cerebras.rules import MESSAGE, PART, REQUEST, STREAM_OPTIONS
from adapters.wire.jsontext import parse_object, render
from adapters.wire.openai.chat_request import upstream_document
from domain.chat import ChatRequest
from domain.document import Document

_objects = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode
_texts = msgspec.json.Decoder(list[msgspec.Raw]).decode


def render_request(request: ChatRequest, model: str) -> bytes:
    """Write the body: the caller's members as Cerebras takes them; what no rule names stands in it as it came."""
    document = REQUEST.apply(upstream_document(request.document, model, stream=request.stream))
    changes = {}
    messages = document.get("messages")
    if messages is not None:
        changes["messages"] = _each(messages, _message)
    return render(with_known_options(document).having(changes))


def with_known_options(document: Document) -> Document:
    """Return the document with those `stream_options` that Cerebras knows."""
    text = document.get("stream_options")
    if text is None:
        return document
    options = parse_object(text, unique=False)
    known = STREAM_OPTIONS.apply(options)
    return document if known is options else document.having({"stream_options": render(known)})


def _message(message: Document) -> Document:
    found = MESSAGE.apply(message)
    content = found.get("content")
    if content is None or not content.startswith(b"["):
        return found
    parts = _each(content, PART.apply)
    return found if parts is content else found.having({"content": parts})


def _each(text: bytes, change: Callable[[Document], Document]) -> bytes:
    """Change the objects of an array; those that stay the same keep their text, and the array where all do."""
    try:
        found = [Document({name: bytes(raw) for name, raw in item.items()}) for item in _objects(text)]
    except msgspec.ValidationError:
        return text  # no array of objects: Cerebras's own words for that are better than ours
    changed = [change(item) for item in found]
    if all(new is old for new, old in zip(changed, found, strict=True)):
        return text
    texts = zip(changed, found, _texts(text), strict=True)
    return b"[" + b",".join([bytes(raw) if new is old else render(new) for new, old, raw in texts]) + b"]"
