"""A legacy text completion, asked as chats: `CompletionRequest` → `ChatRequest`, one for each prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import attrs
import msgspec

from adapters.wire.jsontext import value_of
from adapters.wire.openai.checks import missing, wrong_type
from domain.chat import ChatRequest
from domain.completions import CompletionRequest
from domain.document import Document
from domain.errors import InvalidRequest

T = TypeVar("T")

MAX_PROMPTS = 20
"""Each prompt is a chat of its own, so their number is bounded more tightly than OpenAI bounds it."""

MAX_LOGPROBS = 5
_DEFAULT_MAX_TOKENS = b"16"

_NOT_CARRIED = (
    # What only a text completion has, and is answered for here.
    *("prompt", "suffix", "echo", "best_of", "logprobs"),
    # What only a chat has: a text completion has no messages and calls no tools.
    *("messages", "top_logprobs", "tools", "tool_choice", "parallel_tool_calls", "functions", "function_call"),
)


@attrs.frozen
class Chats:
    """
    The chats that a text completion asks for: one for each prompt, in their order.

    `choices` is how many answers each has: choice j of prompt i is choice i · `choices` + j of the completion. `echoed`
    are the prompts where they stand before the text, and empty texts where they do not. `top_logprobs` is how many
    tokens are shown beside each chosen one.
    """

    requests: Sequence[ChatRequest]
    echoed: Sequence[str]
    choices: int
    top_logprobs: int


def as_chats(request: CompletionRequest) -> Chats:
    """
    Return the chats for a text completion; raises `InvalidRequest` naming the member that no chat can do.

    Members that mean the same in both, and those that nobody knows, are carried as they came.
    """
    document = request.document
    prompts = _prompts(document.get("prompt"))
    choices = _member(document, "n", int, "an integer") or 1
    _check_best_of(_member(document, "best_of", int, "an integer"), choices)
    if document.get("suffix") not in {None, b'""'}:
        raise _unsupported("suffix", "This provider continues texts, it does not fill them in: leave 'suffix' out.")
    echo = _member(document, "echo", bool, "a boolean")
    likely = _likely(document)
    carried = document.without(*_NOT_CARRIED).defaulting({"max_tokens": _DEFAULT_MAX_TOKENS})
    if likely is not None:
        carried = carried.having({"logprobs": b"true", "top_logprobs": b"%d" % likely})
    return Chats(
        requests=[_chat(request, carried, prompt) for prompt in prompts],
        echoed=[decoded(prompt) if echo else "" for prompt in prompts],
        choices=choices,
        top_logprobs=likely or 0,
    )


def decoded(text: bytes) -> str:
    """Return the string that a JSON text known to be valid holds."""
    found: Any = value_of(text)
    return str(found)


def _prompts(prompt: bytes | None) -> Sequence[bytes]:
    """Return the JSON text of each prompt."""
    if prompt is None:
        raise missing("prompt")
    if prompt.startswith(b'"'):
        return [prompt]
    try:
        found = [bytes(raw) for raw in msgspec.json.decode(prompt, type=list[msgspec.Raw])]
    except msgspec.DecodeError:
        raise wrong_type("prompt", "a string or a list of strings") from None
    if not found:
        raise InvalidRequest("Invalid value for 'prompt': the list is empty.", "prompt", "empty_array")
    if not all(text.startswith(b'"') for text in found):
        message = "Invalid type for 'prompt': this provider takes text, a string or a list of strings, and no tokens."
        raise InvalidRequest(message, "prompt", "invalid_type")
    if len(found) > MAX_PROMPTS:
        message = f"Invalid value for 'prompt': this provider takes at most {MAX_PROMPTS} prompts at once. Send less."
        raise InvalidRequest(message, "prompt", "array_above_max_length")
    return found


def _chat(request: CompletionRequest, carried: Document, prompt: bytes) -> ChatRequest:
    return ChatRequest(
        model=request.model,
        document=carried.having({"messages": b'[{"role":"user","content":' + prompt + b"}]"}),
        stream=request.stream,
        include_usage=request.include_usage,
        provider=request.provider,
    )


def _check_best_of(best_of: int | None, choices: int) -> None:
    if best_of is None or best_of == choices:
        return
    if best_of < choices:
        message = f"Invalid value for 'best_of': {best_of} is less than 'n', which is {choices}."
        raise InvalidRequest(message, "best_of", "invalid_value")
    raise _unsupported("best_of", "This provider does not choose among its answers: leave 'best_of' out.")


def _likely(document: Document) -> int | None:
    """Return how many tokens beside the chosen ones are asked for, None where not even those are."""
    likely = _member(document, "logprobs", int, "an integer")
    if likely is not None and not 0 <= likely <= MAX_LOGPROBS:
        message = f"Invalid value for 'logprobs': {likely} is not between 0 and {MAX_LOGPROBS}."
        raise InvalidRequest(message, "logprobs", "invalid_value")
    return likely


def _member(document: Document, name: str, kind: type[T], expected: str) -> T | None:
    text = document.get(name)
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.DecodeError:
        raise wrong_type(name, expected) from None


def _unsupported(param: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, param, "unsupported_parameter")
