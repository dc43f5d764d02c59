"""What a provider's answer says, read from its documents as a client of OpenAI's would read them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.document import Document
from domain.usage import Usage

Way = str
OWN = ("id", "created")
"""What a provider may make up anew for each answer."""


@attrs.define
class Choice:
    """One choice, put together: `calls` are (name, arguments), `ids` theirs."""

    text: str = ""
    reasoning: str = ""
    refusal: str = ""
    calls: list[tuple[str, str]] = attrs.field(factory=list)
    ids: list[str] = attrs.field(factory=list)
    finish_reason: str | None = None

    def say(self, place: Any) -> None:
        """Add what a message, a delta or a text completion's choice says."""
        self.text += place.get("content") or place.get("text") or ""
        self.reasoning += place.get("reasoning") or place.get("reasoning_content") or ""
        self.refusal += place.get("refusal") or ""

    def call(self, index: int, call: Any) -> None:
        """Add a tool call, or a fragment of one; they must begin in their order, and begin with id, type and name."""
        function = call.get("function") or {}
        if index == len(self.calls):
            assert call["type"] == "function"
            assert function["name"]
            assert isinstance(call["id"], str)
            self.ids.append(call["id"])
            self.calls.append((function["name"], ""))
        name, arguments = self.calls[index]
        fragment = function.get("arguments") or ""
        assert isinstance(fragment, str)
        self.calls[index] = (name, arguments + fragment)


@attrs.define
class Reply:
    """An answer, put together; two are equal when a client cannot tell them apart by what they say."""

    choices: dict[int, Choice] = attrs.field(factory=dict)
    usage: Usage | None = None

    @property
    def first(self) -> Choice:
        """The first choice."""
        return self.choices[0]

    @property
    def saying(self) -> dict[int, tuple[object, ...]]:
        """What is said, without the ids that a provider may make up."""
        return {index: attrs.astuple(attrs.evolve(choice, ids=[])) for index, choice in sorted(self.choices.items())}

    @property
    def letters(self) -> int:
        """How much is said."""
        return sum(
            len(choice.text) + len(choice.reasoning) + len(str(choice.calls)) for choice in self.choices.values()
        )


def values(document: Document) -> dict[str, Any]:
    """Decode a document."""
    return {name: json.loads(text) for name, text in document.members.items()}


def shared(document: Document) -> dict[str, Any]:
    """Decode a document without what a provider may make up."""
    return {name: value for name, value in values(document).items() if name not in OWN}


def whole(response: ChatResponse) -> Reply:
    """Read a whole answer."""
    reply = Reply(usage=response.usage)
    for said in values(response.document)["choices"]:
        choice = reply.choices.setdefault(said["index"], Choice(finish_reason=said["finish_reason"]))
        message = said.get("message", said)
        choice.say(message)
        for index, call in enumerate(message.get("tool_calls") or []):
            choice.call(index, call)
    return reply


def streamed(chunks: Iterable[ChatChunk]) -> Reply:
    """Read a stream, or as much of it as there is."""
    reply = Reply()
    for chunk in chunks:
        reply.usage = chunk.usage or reply.usage
        for said in values(chunk.document).get("choices") or []:
            choice = reply.choices.setdefault(said["index"], Choice())
            delta = said.get("delta", said) or {}
            choice.say(delta)
            choice.finish_reason = said.get("finish_reason") or choice.finish_reason
            for call in delta.get("tool_calls") or []:
                choice.call(call["index"], call)
    return reply


def read(parts: Sequence[ChatResponse | ChatChunk]) -> Reply:
    """Read whatever came."""
    if len(parts) == 1 and isinstance(parts[0], ChatResponse):
        return whole(parts[0])
    return streamed(part for part in parts if isinstance(part, ChatChunk))


def facts(document: Document) -> tuple[ChoiceStep, ...]:
    """Return what a chunk should tell of its choices."""
    return tuple(
        ChoiceStep(said["index"], bool((said.get("delta") or {}).get("role")), said.get("finish_reason") or None)
        for said in values(document).get("choices") or []
    )
