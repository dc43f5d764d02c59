"""The tools that a model may call: Ollama takes OpenAI's as they are, but nobody can tell it which to choose."""

from __future__ import annotations

import msgspec

from adapters.wire.ollama.reading import an_object, objects, string
from adapters.wire.openai.checks import wrong_type
from domain.document import Document
from domain.errors import InvalidRequest

_raws = msgspec.json.Decoder(list[msgspec.Raw]).decode


def tools_of(document: Document) -> dict[str, bytes]:
    """
    Return the member `tools`, nothing where no tool may be called; the text of each tool stays as it came.

    `tool_choice` is honoured by what is left out: all tools for "none", all others where some are named. "required"
    cannot be enforced.
    """
    choice = document.get("tool_choice")
    names = None if choice is None else _chosen(choice)
    text = document.get("tools")
    if names is not None and not names:
        return {}
    offered = [] if text is None else [_name(tool, f"tools[{n}]") for n, tool in enumerate(objects(text, "tools"))]
    for name in names or ():
        if name not in offered:
            message = f"Invalid value for 'tool_choice': there is no tool {name[:64]!r} in 'tools'."
            raise InvalidRequest(message, "tool_choice", "invalid_value")
    if text is None or not offered:
        return {}
    if names is None:
        return {"tools": text}
    kept = [bytes(raw) for raw, name in zip(_raws(text), offered, strict=True) if name in names]
    return {"tools": b"[" + b",".join(kept) + b"]"}


def _name(tool: Document, path: str) -> str:
    kind = string(tool.get("type") or b'"function"', f"{path}.type")
    if kind != "function":
        message = f"Invalid value for '{path}.type': Ollama takes functions, and no {kind[:64]!r}."
        raise InvalidRequest(message, f"{path}.type", "invalid_value")
    return _function(tool, path)


def _chosen(choice: bytes) -> list[str] | None:
    """Return the names of the only tools that may be called, None for any."""
    if choice.startswith(b'"'):
        word = string(choice, "tool_choice")
        if word in {"none", "auto", "required"}:
            return [] if word == "none" else None
        message = f"Invalid value for 'tool_choice': {word[:64]!r}. Use 'none', 'auto', 'required' or a function."
        raise InvalidRequest(message, "tool_choice", "invalid_value")
    found = an_object(choice, "tool_choice")
    match string(found.get("type"), "tool_choice.type"):
        case "function":
            return [_function(found, "tool_choice")]
        case "allowed_tools":
            return _allowed(an_object(found.get("allowed_tools"), "tool_choice.allowed_tools"))
        case kind:
            message = f"Invalid value for 'tool_choice.type': Ollama knows no {kind[:64]!r}. Use 'function'."
            raise InvalidRequest(message, "tool_choice.type", "invalid_value")


def _allowed(allowed: Document) -> list[str]:
    path = "tool_choice.allowed_tools.tools"
    text = allowed.get("tools")
    if text is None:
        raise wrong_type(path, "an array of objects")
    return [_function(tool, f"{path}[{number}]") for number, tool in enumerate(objects(text, path))]


def _function(holder: Document, path: str) -> str:
    return string(an_object(holder.get("function"), f"{path}.function").get("name"), f"{path}.function.name")
