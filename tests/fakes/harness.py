"""The harness of the provider contracts around a provider that talks to a double."""

from __future__ import annotations

import ssl
from abc import abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar, Self

import attrs
import trustme

from adapters.wire.jsontext import document_of
from domain.chat import ChatRequest
from domain.completions import CompletionRequest
from domain.embeddings import EmbeddingsRequest
from tests.contracts.scenarios import ALL
from tests.fakes.dialect import Seen
from tests.fakes.upstream import UpstreamDouble

SECRET = "sk-canary-0123456789abcdef"
NETWORK = frozenset({"refused", "tls"})
"""What is done to a double rather than by it."""
BODY_HEADERS = frozenset({"content-length", "content-type"})


def all_but(cannot: frozenset[str]) -> frozenset[str]:
    """Return the scenarios of the contracts without those that a double cannot do."""
    return ALL - cannot


@attrs.define(eq=False)
class DoubleHarness:
    """
    A provider and the double that it talks to.

    A provider's own test names the double and the headers of the provider's requests, and connects the provider.
    """

    double_type: ClassVar[type[Any]]
    scenarios: ClassVar[frozenset[str]]
    cannot: ClassVar[frozenset[str]]
    headers: ClassVar[frozenset[str]]
    model: ClassVar[str] = "the-upstream-name"
    secret: ClassVar[str] = SECRET

    double: UpstreamDouble
    _provider: Any = None

    @classmethod
    @asynccontextmanager
    async def opened(cls) -> AsyncIterator[Self]:
        """Start the double; it is stopped at the end."""
        async with cls.double_type() as double:
            yield cls(double)

    @abstractmethod
    def connect(self, url: str) -> Any:
        """Return a provider that talks to the double at this address, with `secret` as its credential."""

    @property
    def provider(self) -> Any:
        """The provider under test."""
        if self._provider is None:
            self._provider = self.connect(self.double.url)
        return self._provider

    @property
    def sent(self) -> Sequence[Seen]:
        """The requests that arrived."""
        return self.double.seen

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self.double.open_connections

    async def script(self, scenario: str) -> None:
        """Make the double answer so; to refuse connections it stops, to be distrusted it moves to TLS."""
        if scenario == "refused":
            await self.double.stop()
        elif scenario == "tls":
            await self.double.stop()
            self.double.tls = _distrusted()
            self._provider = None
            await self.double.start()
        else:
            self.double.always("text" if scenario == "sent" else scenario)

    def request(self, kind: str, scenario: str, *, stream: bool) -> ChatRequest | CompletionRequest | EmbeddingsRequest:
        """Return a request; what is asked does not matter to a double."""
        del scenario
        match kind:
            case "chat":
                return chat_request(stream=stream)
            case "text":
                asked = document_of({"model": "theirs", "prompt": "The capital of France is", "stream": stream})
                return CompletionRequest("theirs", asked, stream=stream)
            case _:
                return EmbeddingsRequest("theirs", document_of({"model": "theirs", "input": ["one", "two", "three"]}))

    async def holding(self) -> None:
        """Wait until the double stands still."""
        await self.double.holding.wait(5)
        self.double.holding.clear()

    async def quiet(self) -> None:
        """Wait until the double has no request to answer."""
        await self.double.idle.wait(5)


def chat_request(*, stream: bool) -> ChatRequest:
    """Return a chat with one message and one tool."""
    tool = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object", "properties": {}}}}
    messages = [{"role": "user", "content": "How warm is it in Zürich?"}]
    asked = {"model": "theirs", "messages": messages, "tools": [tool], "stream": stream}
    return ChatRequest("theirs", document_of(asked), stream=stream)


def _distrusted() -> ssl.SSLContext:
    """Return the TLS of a server whose certificate nobody vouches for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context
