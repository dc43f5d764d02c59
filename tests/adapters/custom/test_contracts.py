"""The built-in engine does what every provider must do."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import attrs

from adapters.custom.provider import DeterministicProvider
from tests.adapters.custom.fakes import Json, chat, embeddings, engine
from tests.contracts.harness import Sent
from tests.contracts.providers import ChatProviderContract, EmbeddingsProviderContract, ModelListerContract
from tests.contracts.scenarios import ALL

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("look", "listen")]
ASKED: dict[str, Json] = {
    "text": {},
    "tool": {"tools": TOOLS},
    "tools": {"tools": TOOLS, "parallel_tool_calls": True},
    "choices": {"n": 3},
    "length": {"max_tokens": 5},
}


@attrs.define
class EngineHarness:
    """The engine alone: nothing is sent anywhere."""

    scenarios: ClassVar[frozenset[str]] = frozenset(ASKED)
    cannot: ClassVar[frozenset[str]] = ALL - scenarios  # it has no upstream, does not think, and never refuses to speak
    model: ClassVar[str] = "custom"
    secret: ClassVar[str] = ""
    headers: ClassVar[frozenset[str]] = frozenset()

    provider: DeterministicProvider = attrs.field(factory=engine)
    sent: Sequence[Sent] = ()
    connections: int = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Self]:
        yield cls()

    async def script(self, scenario: str) -> None:
        assert scenario in self.scenarios

    def request(self, kind: str, scenario: str, *, stream: bool) -> Any:
        if kind == "embeddings":
            return embeddings(input=["one", "two", "one"])
        return chat(stream=stream, **ASKED[scenario])

    async def holding(self) -> None:
        raise AssertionError  # it never stands still

    async def quiet(self) -> None:
        return


class TestEngineChats(ChatProviderContract):
    harness_type = EngineHarness


class TestEngineEmbeds(EmbeddingsProviderContract):
    harness_type = EngineHarness


class TestEngineLists(ModelListerContract):
    harness_type = EngineHarness
