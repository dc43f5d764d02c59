"""Providers that do as a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence

import attrs

from adapters.wire.jsontext import document_of
from domain.catalog import Model
from domain.chat import ChatChunk, ChatRequest, ChatResponse, ChoiceStep
from domain.completions import CompletionRequest
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.ports.providers import Call
from domain.usage import Usage

USAGE = Usage(prompt_tokens=3, completion_tokens=2)


def answer(text: str = "Hello there") -> ChatResponse:
    """Return a whole answer."""
    message = {"role": "assistant", "content": text, "refusal": None}
    usage = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    return ChatResponse(
        document_of(
            {
                "id": "chatcmpl-1",
                "object": "chat.completion",
                "created": 1,
                "model": "upstream-name",
                "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
                "usage": usage,
            }
        ),
        USAGE,
    )


def chunk(delta: dict[str, object], finish: str | None = None, usage: Usage | None = None) -> ChatChunk:
    """Return one chunk with one choice."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    members: dict[str, object] = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": "upstream-name",
        "choices": [choice],
    }
    if usage is not None:
        members["usage"] = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return ChatChunk(document_of(members), (ChoiceStep(0, "role" in delta, finish),), usage)


def chunks(*words: str) -> list[ChatChunk]:
    """Return a complete streamed answer."""
    return [
        chunk({"role": "assistant", "content": ""}),
        *[chunk({"content": word}) for word in words or ("Hello", " there")],
        chunk({}, "stop", USAGE),
    ]


@attrs.define
class ScriptedProvider:
    """
    Does one step of its script for each call, the last one for ever; remembers what it was asked.

    A step is an answer, a list of chunks and exceptions for a stream, an exception, an event to wait for, or a list of
    an event and the answer behind it.
    """

    script: list[object]
    asked: list[tuple[object, Call]] = attrs.field(factory=list)
    closed: int = 0
    called: asyncio.Event = attrs.field(factory=asyncio.Event)

    def _step(self, request: object, call: Call) -> object:
        self.asked.append((request, call))
        self.called.set()
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]

    async def complete(self, request: ChatRequest | CompletionRequest, call: Call) -> ChatResponse:
        """Answer, or raise."""
        step = self._step(request, call)
        if isinstance(step, list):
            await self._hang(step[0])
            step = step[1]
        if isinstance(step, asyncio.Event):
            await self._hang(step)
        if isinstance(step, BaseException):
            raise step
        assert isinstance(step, ChatResponse)
        return step

    complete_text = complete

    async def stream(
        self, request: ChatRequest | CompletionRequest, call: Call
    ) -> AsyncGenerator[Sequence[ChatChunk], None]:
        """Stream, or raise at the place where the script does."""
        step = self._step(request, call)
        steps: Iterable[object] = step if isinstance(step, list) else [step]
        try:
            for part in steps:
                if isinstance(part, asyncio.Event):
                    await part.wait()
                elif isinstance(part, BaseException):
                    raise part
                elif isinstance(part, ChatChunk):
                    yield [part]
        finally:
            self.closed += 1

    stream_text = stream

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        """Answer, or raise."""
        step = self._step(request, call)
        if isinstance(step, BaseException):
            raise step
        assert isinstance(step, EmbeddingsResponse)
        return step

    async def list_models(self, call: Call) -> Sequence[Model]:
        """List, or raise."""
        step = self._step(None, call)
        if isinstance(step, BaseException):
            raise step
        assert isinstance(step, list)
        return [Model(name) for name in step]

    async def _hang(self, event: asyncio.Event) -> None:
        try:
            await event.wait()
        finally:
            self.closed += 1
