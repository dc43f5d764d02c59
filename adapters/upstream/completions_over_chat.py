"""Text completions from providers that only chat."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing

import attrs

from adapters.wire.openai.chat_as_completion import CompletionStream, as_completion
from adapters.wire.openai.completions_as_chat import Chats, as_chats
from domain.chat import ChatChunk, ChatResponse
from domain.completions import CompletionRequest
from domain.errors import UpstreamTimeout
from domain.ports.providers import Call, ChatProvider


@attrs.frozen
class CompletionsOverChat:
    """
    Asks each prompt as a chat of one user message.

    Several prompts are asked one after the other: the caller was admitted for one call at a time, and a local model
    answers no faster when asked for all at once. The deadlines hold for each, the one of the whole for all together.
    """

    chat: ChatProvider
    now: Callable[[], float] = time.monotonic

    async def complete_text(self, request: CompletionRequest, call: Call) -> ChatResponse:
        """Return the whole answer; raises `InvalidRequest` for what no chat can do."""
        chats = as_chats(request)
        calls = self._calls(call)
        return as_completion(chats, [await self.chat.complete(chat, next(calls)) for chat in chats.requests])

    def stream_text(self, request: CompletionRequest, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        """Return the answer as a stream, prompt by prompt; raises `InvalidRequest` for what no chat can do."""
        return self._stream(as_chats(request), call)

    async def _stream(self, chats: Chats, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        completion = CompletionStream(chats)
        calls = self._calls(call)
        for number, chat in enumerate(chats.requests):
            completion.begin(number)
            async with aclosing(self.chat.stream(chat, next(calls))) as chunks:
                async for step in chunks:
                    yield [completion.read(chunk) for chunk in step]

    def _calls(self, call: Call) -> Iterator[Call]:
        """Give the call for each chat in turn: its `total_s` is what is left of the whole."""
        begun = self.now()
        yield call
        while (spent := self.now() - begun) < call.total_s:
            yield attrs.evolve(call, total_s=call.total_s - spent)
        raise UpstreamTimeout("total", call.total_s)
