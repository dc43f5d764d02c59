"""
The built-in engine: the same request, the same answer, and no network.

It is what `custom` is without a handler: good for a first look, for demonstrations, and for the tests of programs that
talk to OpenAI. What it says and counts is described in docs/reference/custom-provider.md.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from itertools import islice

import attrs

from adapters.custom.answering import answer
from adapters.custom.asked import read_chat
from adapters.custom.messages import count_prompt
from adapters.custom.vectors import embed
from adapters.custom.writing import Answer
from adapters.wire.jsontext import document_of
from domain.catalog import Model
from domain.chat import ChatChunk, ChatRequest, ChatResponse
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.ports.clock import Clock, Ids
from domain.ports.providers import Call

CHUNKS_A_STEP = 8
MODEL = Model(
    "custom", document_of({"id": "custom", "object": "model", "created": 1_767_225_600, "owned_by": "ai-gateway"})
)


@attrs.frozen
class DeterministicProvider:
    """Answers chats and embeds texts by rules that a request alone decides; only ids and times differ."""

    clock: Clock
    ids: Ids

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer; raises `InvalidRequest` where OpenAI would refuse the request."""
        return (await self._answer(request, call)).response()

    async def stream(self, request: ChatRequest, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        """Give the answer in chunks, a few at a time; raises as `complete` does, before the first of them."""
        chunks = (await self._answer(request, call)).chunks()
        while step := list(islice(chunks, CHUNKS_A_STEP)):
            yield step
            await self._pause()

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        """Return vectors; raises `InvalidRequest` where OpenAI would refuse the request."""
        return await embed(request, self._pause)

    async def list_models(self, call: Call) -> Sequence[Model]:
        """Return the one model that stands for all: the engine answers to any name."""
        return (MODEL,)

    async def _answer(self, request: ChatRequest, call: Call) -> Answer:
        asked = read_chat(request)
        utterances = await answer(asked, call.model, self._pause)
        return Answer(
            id=f"chatcmpl-{self.ids.uuid()}",
            created=int(self.clock.now()),
            model=request.model,
            utterances=utterances,
            prompt_tokens=await count_prompt(asked.messages, asked.read, self._pause),
        )

    async def _pause(self) -> None:
        """Let others have their turn."""
        await self.clock.sleep(0)
