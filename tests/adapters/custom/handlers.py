"""Handlers as operators write them, good and bad."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import attrs

from adapters.custom.answers import embedding_texts, last_user_text, text_answer, text_stream, vectors_answer
from domain.catalog import Model
from domain.chat import ChatChunk, ChatRequest, ChatResponse
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.ports.providers import Call
from domain.usage import Usage

SECRET = "hunter2"


class Shout:
    """The example of the guide: answers in capitals."""

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        return text_answer(request, last_user_text(request).upper())

    async def stream(self, request: ChatRequest, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        async for step in text_stream(request, self._words(request)):
            yield step

    async def _words(self, request: ChatRequest) -> AsyncGenerator[str, None]:
        for word in last_user_text(request).upper().split(" "):
            yield f"{word} "


class Everything(Shout):
    """Has every capability."""

    async def complete_text(self, request: Any, call: Call) -> ChatResponse:
        choice = b'[{"index":0,"text":"hi","logprobs":null,"finish_reason":"stop"}]'
        return ChatResponse(request.document.having({"choices": choice}))

    async def stream_text(self, request: Any, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        choice = b'[{"index":0,"text":"hi","logprobs":null,"finish_reason":"stop"}]'
        yield (ChatChunk(request.document.having({"choices": choice})),)

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        return vectors_answer(request, [[1.0, 0.0] for _ in embedding_texts(request)], Usage(7))

    async def list_models(self, call: Call) -> Sequence[Model]:
        return [Model("loud"), Model("louder")]


class Lister:
    """Only lists."""

    async def list_models(self, call: Call) -> Sequence[Model]:
        return (Model("one"),)


class Half:
    """Forgot to stream."""

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        raise NotImplementedError


class Nothing:
    """Has no method that a provider has."""


class Fails:
    """Cannot be made."""

    def __init__(self) -> None:
        raise RuntimeError(SECRET)


class Exits:
    """Does not want to be made."""

    def __init__(self) -> None:
        sys.exit(SECRET)


class Outer:
    """Holds another."""

    Inner = Shout


NOT_A_CLASS = 7


@attrs.define
class Scripted:
    """
    Does what a test says: `steps` are given, raised or, where they are numbers, waited for in seconds.

    `closed` says that the generator's end was reached by whatever way; `swallowed` counts cancellations that a stubborn
    handler did not heed.
    """

    steps: Sequence[Any]
    stubborn: bool = False
    closed: asyncio.Event = attrs.field(factory=asyncio.Event)
    swallowed: int = 0
    started: int = 0

    async def complete(self, request: ChatRequest, call: Call) -> Any:
        self.started += 1
        answer = None
        for step in self.steps:
            answer = await self._do(step)
        return answer

    async def stream(self, request: ChatRequest, call: Call) -> AsyncGenerator[Any, None]:
        self.started += 1
        try:
            for step in self.steps:
                if not isinstance(found := await self._do(step), float):
                    yield found
        finally:
            self.closed.set()

    async def _do(self, step: Any) -> Any:
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, float):
            await self._wait(step)
        return step

    async def _wait(self, seconds: float) -> None:
        ends = asyncio.get_running_loop().time() + seconds
        while (left := ends - asyncio.get_running_loop().time()) > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
                self.swallowed += 1
