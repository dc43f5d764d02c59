"""The messages of a chat, OpenAI's → Ollama's."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.wire.jsontext import NotJson, parse_object, render, text_of
from adapters.wire.ollama.content import content_of
from adapters.wire.ollama.reading import an_object, objects, string, string_text
from adapters.wire.ollama.rules import carried
from adapters.wire.openai.checks import missing
from domain.document import Document
from domain.errors import InvalidRequest

_ROLES = {"developer": "system", "function": "tool"}
_RESULTS = {"tool", "function"}

# What Ollama's messages do not have, or have under another name and in another shape.
_OWNED = frozenset(
    {
        "annotations",
        "audio",
        "cache_control",
        "content",
        "function_call",
        "name",
        "reasoning",
        "reasoning_content",
        "refusal",
        "role",
        "tool_calls",
    }
)

_Called = dict[str, bytes]
"""The function of each call so far, by the id of the call: a result tells the id only, and templates want the name."""


def messages_of(document: Document) -> bytes:
    """Return the JSON text of `messages`; raises `InvalidRequest` naming what Ollama cannot be told, by its path."""
    text = document.get("messages")
    if text is None:
        raise missing("messages")
    called: _Called = {}
    found = [
        _message(message, f"messages[{number}]", called) for number, message in enumerate(objects(text, "messages"))
    ]
    return b"[" + b",".join(found) + b"]"


def _message(message: Document, path: str, called: _Called) -> bytes:
    role = string(message.get("role"), f"{path}.role")
    members = {"role": text_of(_ROLES.get(role, role)), **_content(message, role, path)}
    if role == "assistant":
        members |= _said(message, path, called)
    if role in _RESULTS:
        members |= _result(message, path, called)
    return render(Document({**members, **carried(message, _OWNED | members.keys())}))


def _content(message: Document, role: str, path: str) -> dict[str, bytes]:
    text = message.get("content")
    if text is not None:
        return content_of(text, f"{path}.content")
    if role == "assistant":
        return {"content": string_text(message.get("refusal") or b'""', f"{path}.refusal")}
    raise missing(f"{path}.content")


def _said(message: Document, path: str, called: _Called) -> dict[str, bytes]:
    """Return what only the model's own messages have: its thinking and its calls."""
    found = {}
    for name in ("reasoning", "reasoning_content"):
        thinking = message.get(name)
        if thinking is not None and "thinking" not in found and message.get("thinking") is None:
            found["thinking"] = string_text(thinking, f"{path}.{name}")
    calls = [
        _call(call, an_object(call.get("function"), f"{place}.function"), f"{place}.function", called)
        for place, call in _numbered(message, path)
    ]
    legacy = message.get("function_call")
    if not calls and legacy is not None:
        place = f"{path}.function_call"
        calls = [_call(Document({}), an_object(legacy, place), place, called)]
    return {**found, "tool_calls": b"[" + b",".join(calls) + b"]"} if calls else found


def _numbered(message: Document, path: str) -> Sequence[tuple[str, Document]]:
    text = message.get("tool_calls")
    found = [] if text is None else objects(text, f"{path}.tool_calls")
    return [(f"{path}.tool_calls[{number}]", call) for number, call in enumerate(found)]


def _call(call: Document, function: Document, path: str, called: _Called) -> bytes:
    name = string_text(function.get("name"), f"{path}.name")
    members = {"name": name, "arguments": _arguments(function, f"{path}.arguments")}
    found = {"function": render(Document(members))}
    text = call.get("id")
    if text is not None:
        called[string(text, f"{path.removesuffix('.function')}.id")] = name
        found = {"id": text, **found}
    return render(Document(found))


def _arguments(function: Document, path: str) -> bytes:
    """Return the object that the string of arguments holds, with the text of its numbers; no text is no argument."""
    text = string(function.get("arguments") or b'""', path).strip().encode()
    try:
        parse_object(text or b"{}", unique=False)
    except NotJson as error:
        message = f"Invalid value for '{path}': the text in it {error}. Ollama takes arguments as a JSON object."
        raise InvalidRequest(message, path, "invalid_value") from None
    return text or b"{}"


def _result(message: Document, path: str, called: _Called) -> dict[str, bytes]:
    """Return how the result of a call says whose it is; its id goes on as it came."""
    if message.get("tool_name") is not None:
        return {}
    own = message.get("name")
    if own is not None:
        return {"tool_name": string_text(own, f"{path}.name")}
    text = message.get("tool_call_id")
    name = None if text is None else called.get(string(text, f"{path}.tool_call_id"))
    return {} if name is None else {"tool_name": name}
