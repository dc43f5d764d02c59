"""Any server that speaks OpenAI's API: render → send → parse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import attrs

from adapters.upstream.answers import whole
from adapters.upstream.chunks import AnswerChunks
from adapters.upstream.sse import SseFraming
from adapters.upstream.upstream import Upstream
from adapters.wire.openai import chat_request, chat_response, completions_request, embeddings
from adapters.wire.openai.models import parse_models
from domain.catalog import Model
from domain.chat import ChatRequest, ChatResponse
from domain.completions import CompletionRequest
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.ports.providers import Call, ChunkStream

R = TypeVar("R")


@attrs.frozen
class OpenAIProvider:
    """Chats, text completions, embeddings and models of an OpenAI-compatible URL, lossless in both directions."""

    upstream: Upstream

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer to a chat."""
        return await self._post(
            "/chat/completions", chat_request.render_request(request, call.model), call, chat_response.parse_response
        )

    def stream(self, request: ChatRequest, call: Call) -> ChunkStream:
        """Return the answer to a chat as a stream."""
        return self._stream("/chat/completions", chat_request.render_request(request, call.model), call)

    async def complete_text(self, request: CompletionRequest, call: Call) -> ChatResponse:
        """Return a whole text completion."""
        return await self._post(
            "/completions", completions_request.render_request(request, call.model), call, chat_response.parse_response
        )

    def stream_text(self, request: CompletionRequest, call: Call) -> ChunkStream:
        """Return a text completion as a stream."""
        return self._stream("/completions", completions_request.render_request(request, call.model), call)

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        """Return vectors."""
        return await self._post(
            "/embeddings", embeddings.render_request(request, call.model), call, embeddings.parse_response
        )

    async def list_models(self, call: Call) -> Sequence[Model]:
        """Return the models that the server lists."""
        with await self.upstream.get("/models", call) as incoming:
            return parse_models(await whole(incoming))

    async def _post(self, path: str, body: bytes, call: Call, parse: Callable[[bytes], R]) -> R:
        with await self.upstream.post(path, body, call) as incoming:
            return parse(await whole(incoming))

    def _stream(self, path: str, body: bytes, call: Call) -> AnswerChunks:
        return AnswerChunks(
            partial(self.upstream.post, path, body, call), SseFraming(), chat_response.ChatChunkReader()
        )
