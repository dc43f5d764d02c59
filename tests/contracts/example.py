"""
An operator's own processing, and its test: this file needs nothing but the repository on the path.

`test_contracts.py` runs it from another folder, without this project's settings.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar, Self

import attrs

from adapters.custom.handler import GuardedHandler
from adapters.wire.jsontext import document_of
from domain.chat import ChatChunk, ChatRequest, ChatResponse, ChoiceStep
from domain.document import Document
from domain.errors import UpstreamError
from domain.ports.providers import Call
from domain.usage import Usage
from tests.contracts.harness import Sent
from tests.contracts.providers import ChatProviderContract
from tests.contracts.scenarios import ALL

USAGE = Usage(prompt_tokens=2, completion_tokens=2)
WORDS = ("Polly ", "wants ", "a cracker.")


@attrs.define
class Parrot:
    """Says always the same; `mood` is what a test wants of it."""

    mood: str = "text"
    standing: asyncio.Event = attrs.field(factory=asyncio.Event)
    calm: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Answer with all words at once."""
        del request
        if self.mood == "429":
            raise UpstreamError(429, "Polly is tired.", retry_after="7")
        if self.mood in {"slow", "silence"}:
            await self._stand_still()
        message = {"role": "assistant", "content": "".join(WORDS)}
        return ChatResponse(_document("chat.completion", call, {"message": message}, "stop"), USAGE)

    async def stream(self, request: ChatRequest, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        """Answer word by word."""
        del request
        if self.mood == "429":
            raise UpstreamError(429, "Polly is tired.", retry_after="7")
        if self.mood == "slow":
            await self._stand_still()
        for number, word in enumerate(WORDS):
            first = {"role": "assistant"} if number == 0 else {}
            document = _document("chat.completion.chunk", call, {"delta": {**first, "content": word}}, None)
            yield [ChatChunk(document, (ChoiceStep(0, number == 0, None),))]
            if self.mood == "silence":
                await self._stand_still()
        last = _document("chat.completion.chunk", call, {"delta": {}}, "stop")
        yield [ChatChunk(last, (ChoiceStep(0, finish_reason="stop"),), USAGE)]

    async def _stand_still(self) -> None:
        self.calm.clear()
        self.standing.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.standing.clear()
            self.calm.set()


def _document(kind: str, call: Call, said: dict[str, object], finish_reason: str | None) -> Document:
    usage = {"prompt_tokens": 2, "completion_tokens": 2, "total_tokens": 4}
    choice = {"index": 0, **said, "finish_reason": finish_reason}
    members = {"id": "polly", "object": kind, "created": 1, "model": call.model, "choices": [choice]}
    return document_of({**members, "usage": usage} if finish_reason else members)


@attrs.define
class ParrotHarness:
    """A parrot behind the gateway's guard."""

    scenarios: ClassVar[frozenset[str]] = frozenset({"text", "429", "slow", "silence"})
    cannot: ClassVar[frozenset[str]] = ALL - scenarios  # it has no network, and few words
    model: ClassVar[str] = "polly"
    secret: ClassVar[str] = ""
    headers: ClassVar[frozenset[str]] = frozenset()

    parrot: Parrot = attrs.field(factory=Parrot)
    sent: Sequence[Sent] = ()
    connections: int = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Self]:
        """Return a new parrot."""
        harness = cls()
        harness.parrot.calm.set()
        yield harness

    @property
    def provider(self) -> GuardedHandler:
        """The parrot as the gateway sees it."""
        return GuardedHandler(self.parrot)

    async def script(self, scenario: str) -> None:
        """Put it into a mood."""
        self.parrot.mood = scenario

    def request(self, kind: str, scenario: str, *, stream: bool) -> ChatRequest:
        """Ask for a word."""
        del kind, scenario
        asked = {"model": "theirs", "messages": [{"role": "user", "content": "Polly?"}], "stream": stream}
        return ChatRequest("theirs", document_of(asked), stream=stream)

    async def holding(self) -> None:
        """Wait until it stands still."""
        await self.parrot.standing.wait()

    async def quiet(self) -> None:
        """Wait until it stands still no more."""
        await self.parrot.calm.wait()


class TestParrot(ChatProviderContract):
    harness_type = ParrotHarness
