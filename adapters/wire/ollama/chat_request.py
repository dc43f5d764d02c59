"""`POST /api/chat`, the request: `ChatRequest` → bytes."""

from __future__ import annotations

from adapters.wire.jsontext import NotJson, render, text_of, value_of
from adapters.wire.ollama.messages import messages_of
from adapters.wire.ollama.options import options_of
from adapters.wire.ollama.reading import an_object, string
from adapters.wire.ollama.rules import NOT_IN_OLLAMA, OPTIONS, carried
from adapters.wire.ollama.tools import tools_of
from domain.chat import ChatRequest
from domain.document import Document
from domain.errors import InvalidRequest

_OWNED = NOT_IN_OLLAMA | {
    *OPTIONS,
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "model",
    "options",
    "reasoning",
    "reasoning_effort",
    "response_format",
    "stream",
    "tool_choice",
    "tools",
}

# As Ollama's own OpenAI surface takes them: https://github.com/ollama/ollama/blob/main/openai/openai.go
_THINK = {
    "none": b"false",
    "minimal": b'"low"',
    "low": b'"low"',
    "medium": b'"medium"',
    "high": b'"high"',
    "xhigh": b'"max"',
    "ultra": b'"max"',
    "max": b'"max"',
}


def render_request(request: ChatRequest, model: str) -> bytes:
    """
    Write the body; raises `InvalidRequest` naming the member that Ollama cannot be told, by its path.

    What OpenAI names otherwise is renamed, what Ollama has not is left out, and what neither defines goes on as it
    came. Ollama's own members win over those of OpenAI's that mean the same.
    """
    document = request.document
    _check_choices(document.get("n"))
    members = {
        "model": text_of(model),
        "messages": messages_of(document),
        # Ollama streams unless it is told not to.
        "stream": b"true" if request.stream else b"false",
        **tools_of(document),
        **_format(document),
        **_think(document),
        **options_of(document),
    }
    return render(Document({**members, **carried(document, _OWNED)}))


def _check_choices(text: bytes | None) -> None:
    if text not in {None, b"1", b"1.0"}:
        raise InvalidRequest("Invalid value for 'n': Ollama gives one choice. Leave 'n' out.", "n", "invalid_value")


def _format(document: Document) -> dict[str, bytes]:
    text = document.get("response_format")
    if text is None:
        return {}
    wanted = an_object(text, "response_format")
    match string(wanted.get("type"), "response_format.type"):
        case "text":
            return {}
        case "json_object":
            return {"format": b'"json"'}
        case "json_schema":
            described = an_object(wanted.get("json_schema"), "response_format.json_schema")
            return {"format": described.get("schema") or b'"json"'}
        case kind:
            message = f"Invalid value for 'response_format.type': Ollama knows no {kind[:64]!r}."
            raise InvalidRequest(message, "response_format.type", "invalid_value")


def _think(document: Document) -> dict[str, bytes]:
    path, effort = "reasoning_effort", document.get("reasoning_effort")
    reasoning = document.get("reasoning")
    if effort is None and reasoning is not None:
        path, effort = "reasoning.effort", an_object(reasoning, "reasoning").get("effort")
    if effort is None:
        return {}
    think = _THINK.get(_word(effort))
    if think is None:
        message = f"Invalid value for '{path}': use one of none, minimal, low, medium, high, xhigh and max."
        raise InvalidRequest(message, path, "invalid_value")
    return {"think": think}


def _word(text: bytes) -> str:
    try:
        value = value_of(text)
    except NotJson:
        return ""
    return value if isinstance(value, str) else ""
