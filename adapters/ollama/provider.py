"""Ollama, through its native API: render → send → parse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

import attrs

from adapters.upstream.answers import whole
from adapters.upstream.chunks import AnswerChunks
from adapters.upstream.ndjson import NdjsonFraming
from adapters.upstream.upstream import Upstream
from adapters.wire.ollama import chat_request, chat_response, embeddings
from adapters.wire.ollama.errors import failure_of
from adapters.wire.ollama.models import parse_models
from adapters.wire.ollama.said import Naming
from domain.catalog import Model
from domain.chat import ChatRequest, ChatResponse
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.ports.clock import Clock, Ids
from domain.ports.providers import Call, ChunkStream

R = TypeVar("R")


@attrs.frozen
class OllamaProvider:
    """
    Chats, embeddings and models of an Ollama server; `upstream` is its root, without `/v1` or `/api`.

    It speaks the native API, for what Ollama's OpenAI surface lacks: the size of the context, how long a model stays
    loaded, and errors in the middle of a stream, which that surface swallows.
    """

    upstream: Upstream
    clock: Clock
    ids: Ids

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer to a chat."""
        parse = partial(chat_response.parse_response, naming=self._naming())
        return await self._post("/api/chat", chat_request.render_request(request, call.model), call, parse)

    def stream(self, request: ChatRequest, call: Call) -> ChunkStream:
        """Return the answer to a chat as a stream."""
        body = chat_request.render_request(request, call.model)
        reader = chat_response.ChatLineReader(self._naming())
        return AnswerChunks(partial(self.upstream.post, "/api/chat", body, call), NdjsonFraming(), reader, failure_of)

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        """Return vectors."""
        parse = partial(embeddings.parse_response, request=request)
        return await self._post("/api/embed", embeddings.render_request(request, call.model), call, parse)

    async def list_models(self, call: Call) -> Sequence[Model]:
        """Return the models that the server has."""
        with await self.upstream.get("/api/tags", call) as incoming:
            return parse_models(await whole(incoming, failure_of))

    async def _post(self, path: str, body: bytes, call: Call, parse: Callable[[bytes], R]) -> R:
        with await self.upstream.post(path, body, call) as incoming:
            return parse(await whole(incoming, failure_of))

    def _naming(self) -> Naming:
        return Naming(self.ids.uuid(), int(self.clock.now()))
