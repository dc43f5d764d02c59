"""Providers that break one promise each; `test_contracts.py` sees to it that the contracts notice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from typing import Any, ClassVar

import attrs
import httpx
from typing_extensions import override

from adapters.openai.provider import OpenAIProvider
from adapters.upstream.upstream import Upstream
from domain.chat import ChatChunk, ChatRequest, ChatResponse, ChoiceStep
from domain.errors import CredentialRefused, StreamBroken, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call, ChunkStream
from tests.contracts.providers import ChatProviderContract
from tests.contracts.scenarios import ALL
from tests.fakes.harness import SECRET, DoubleHarness
from tests.fakes.openai_double import OpenAIDouble


@attrs.define
class Mutant:
    """A provider as it should be, for a mutant to change one thing of."""

    sound: OpenAIProvider

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer."""
        return await self.sound.complete(request, call)

    async def stream(self, request: ChatRequest, call: Call) -> AsyncIterator[Sequence[ChatChunk]]:
        """Return the answer as a stream."""
        async with aclosing(self.sound.stream(request, call)) as steps:
            async for step in steps:
                yield [self.changed(chunk) for chunk in step]

    def changed(self, chunk: ChatChunk) -> ChatChunk:
        """Change a chunk."""
        return chunk


class Swallowing(Mutant):
    """Takes a stream that broke off for a whole one."""

    @override
    async def stream(self, request: ChatRequest, call: Call) -> AsyncIterator[Sequence[ChatChunk]]:
        try:
            async for step in super().stream(request, call):
                yield step
        except StreamBroken:
            return


class Chatty(Mutant):
    """Repeats what an upstream said of the credential."""

    @override
    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        try:
            return await super().complete(request, call)
        except CredentialRefused as refused:
            raise refused from ValueError(f"Incorrect API key provided: {SECRET[:8]}****")


class Vague(Mutant):
    """Calls every error an internal one."""

    @override
    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        try:
            return await super().complete(request, call)
        except UpstreamError:
            raise UpstreamError(500) from None


class Confused(Mutant):
    """Names the wrong deadline."""

    @override
    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        try:
            return await super().complete(request, call)
        except UpstreamTimeout as late:
            raise UpstreamTimeout("connect", late.after_s) from late


class Uncounted(Mutant):
    """Loses the usage of streams."""

    @override
    def changed(self, chunk: ChatChunk) -> ChatChunk:
        return attrs.evolve(chunk, usage=None)


class Forgetful(Mutant):
    """Tells facts beside a chunk that are not in it."""

    @override
    def changed(self, chunk: ChatChunk) -> ChatChunk:
        return attrs.evolve(chunk, choices=(ChoiceStep(),))


class Clinging(Mutant):
    """Does not end the call when its stream is closed."""

    @override
    def stream(self, request: ChatRequest, call: Call) -> Any:
        return _Clinging(self.sound.stream(request, call))


@attrs.define
class _Clinging:
    sound: ChunkStream

    def __aiter__(self) -> _Clinging:
        return self

    async def __anext__(self) -> Sequence[ChatChunk]:
        return await anext(aiter(self.sound))

    async def aclose(self) -> None:
        """Keep the call."""


class Wandering(httpx.AsyncBaseTransport):
    """Goes wherever an upstream points."""

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with httpx.AsyncClient(follow_redirects=True, verify=False) as client:  # noqa: S501 - it is a bad example
            answer = await client.send(request)
        return httpx.Response(answer.status_code, headers={}, stream=httpx.ByteStream(answer.content))


class MutantHarness(DoubleHarness):
    double_type = OpenAIDouble
    cannot: ClassVar[frozenset[str]] = frozenset()
    headers: ClassVar[frozenset[str]] = frozenset(
        {"accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
    )
    mutant: ClassVar[type[Mutant]] = Mutant
    more_headers: ClassVar[dict[str, str]] = {}
    transport: ClassVar[dict[str, Any]] = {}

    @override
    def connect(self, url: str) -> Mutant:
        headers = {"authorization": f"Bearer {self.secret}", **self.more_headers}
        return self.mutant(OpenAIProvider(Upstream(f"{url}/v1", headers, **self.transport)))


def _harness(*scenarios: str, **changes: object) -> type[MutantHarness]:
    shown = {"scenarios": frozenset(scenarios), "cannot": ALL - set(scenarios)}
    return type("Harness", (MutantHarness,), {**shown, **changes})


class TestSound(ChatProviderContract):
    harness_type = _harness("text", "sent", "429", "401", "early-eof", "slow", "silence", "302")


class TestSwallowing(ChatProviderContract):
    harness_type = _harness("text", "early-eof", mutant=Swallowing)


class TestChatty(ChatProviderContract):
    harness_type = _harness("text", "401", mutant=Chatty)


class TestVague(ChatProviderContract):
    harness_type = _harness("text", "429", mutant=Vague)


class TestConfused(ChatProviderContract):
    harness_type = _harness("text", "slow", mutant=Confused)


class TestUncounted(ChatProviderContract):
    harness_type = _harness("text", mutant=Uncounted)


class TestForgetful(ChatProviderContract):
    harness_type = _harness("text", mutant=Forgetful)


class TestClinging(ChatProviderContract):
    harness_type = _harness("text", "silence", mutant=Clinging)


class TestLeaking(ChatProviderContract):
    harness_type = _harness("sent", more_headers={"cookie": "session=of-a-client"})


class TestWandering(ChatProviderContract):
    harness_type = _harness("302", transport={"transport": Wandering()})


class TestSilentAboutItself(ChatProviderContract):
    harness_type = _harness("text", cannot=frozenset())
