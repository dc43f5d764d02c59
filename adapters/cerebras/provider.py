"""Cerebras, through its SDK: render → send → parse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import attrs

from adapters.upstream.answers import whole
from adapters.upstream.chunks import AnswerChunks
from adapters.upstream.sdk import SdkClient
from adapters.upstream.sse import SseFraming
from adapters.wire.cerebras import chat_request, completions_request
from adapters.wire.openai.chat_response import ChatChunkReader, parse_response
from adapters.wire.openai.models import parse_models
from domain.catalog import Model
from domain.chat import ChatRequest, ChatResponse
from domain.completions import CompletionRequest
from domain.ports.providers import Call, ChunkStream

if TYPE_CHECKING:
    from adapters.cerebras.client import CerebrasClient

BASE_URL = "https://api.cerebras.ai"

R = TypeVar("R")


@attrs.frozen
class CerebrasProvider:
    """Chats, text completions and models of Cerebras, which has no embeddings; lossless in both directions."""

    client: CerebrasClient

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer to a chat."""
        return await self._post(
            "/v1/chat/completions", chat_request.render_request(request, call.model), call, parse_response
        )

    def stream(self, request: ChatRequest, call: Call) -> ChunkStream:
        """Return the answer to a chat as a stream."""
        return self._stream("/v1/chat/completions", chat_request.render_request(request, call.model), call)

    async def complete_text(self, request: CompletionRequest, call: Call) -> ChatResponse:
        """Return a whole text completion."""
        return await self._post(
            "/v1/completions", completions_request.render_request(request, call.model), call, parse_response
        )

    def stream_text(self, request: CompletionRequest, call: Call) -> ChunkStream:
        """Return a text completion as a stream."""
        return self._stream("/v1/completions", completions_request.render_request(request, call.model), call)

    async def list_models(self, call: Call) -> Sequence[Model]:
        """Return the models that the credential may use."""
        with await self.client.get("/v1/models", call) as incoming:
            return parse_models(await whole(incoming))

    async def _post(self, path: str, body: bytes, call: Call, parse: Callable[[bytes], R]) -> R:
        with await self.client.post(path, body, call) as incoming:
            return parse(await whole(incoming))

    def _stream(self, path: str, body: bytes, call: Call) -> AnswerChunks:
        return AnswerChunks(partial(self.client.post, path, body, call), SseFraming(), ChatChunkReader())


def cerebras_provider(api_key: str, base_url: str = BASE_URL, http_client: SdkClient | None = None) -> CerebrasProvider:
    """
    Return the provider; nothing is sent.

    `base_url` may end with `/v1`, as other programs want it. The SDK's own variables of the environment have no effect.
    """
    from adapters.cerebras.client import connect  # noqa: PLC0415 - the SDK takes most of a second to import

    return CerebrasProvider(connect(api_key, base_url, http_client or SdkClient()))
