"""
What the gateway needs from whoever answers: one Protocol for each capability.

A provider implements those it can; the tables in the composition root say who can what. Failures are
raised as `domain.errors.ProviderFailure`; anything else that a provider raises is a fault of the provider.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

import attrs

from domain.catalog import Model
from domain.chat import ChatChunk, ChatRequest, ChatResponse
from domain.completions import CompletionRequest
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse


@attrs.define
class Call:
    """
    One attempt at one target: what the provider is told, and where it tells back.

    `model` is the upstream's name of the model and replaces the caller's. The deadlines are in seconds
    from now: `connect_s` to a connection, `first_byte_s` to the first byte of the answer, `idle_s` between two
    reads of it, `total_s` for all. `relayed` takes the upstream's headers that the caller may see, lower case.
    """

    model: str
    request_id: str = ""
    connect_s: float = 5.0
    first_byte_s: float = 600.0
    idle_s: float = 60.0
    total_s: float = 600.0
    relayed: dict[str, str] = attrs.field(factory=dict)


class ChunkStream(Protocol):
    """
    A streamed answer under way; an async generator is one.

    Each step gives the chunks that arrived together, at least one. It ends by itself only after a complete
    answer: one that breaks off raises. `aclose` ends the call upstream and may be called at any point.
    """

    def __aiter__(self) -> AsyncIterator[Sequence[ChatChunk]]:
        """Return itself."""
        ...

    async def __anext__(self) -> Sequence[ChatChunk]:
        """Wait for the next chunks."""
        ...

    async def aclose(self) -> None:
        """Stop, and free what the stream holds."""
        ...


class ChatProvider(Protocol):
    """Answers chats."""

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer."""
        ...

    def stream(self, request: ChatRequest, call: Call) -> ChunkStream:
        """Return the answer as a stream; nothing is sent before its first step."""
        ...


class CompletionProvider(Protocol):
    """Answers legacy text completions."""

    async def complete_text(self, request: CompletionRequest, call: Call) -> ChatResponse:
        """Return the whole answer."""
        ...

    def stream_text(self, request: CompletionRequest, call: Call) -> ChunkStream:
        """Return the answer as a stream; nothing is sent before its first step."""
        ...


class EmbeddingsProvider(Protocol):
    """Turns texts into vectors."""

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        """Return the vectors, one for each input and in its order."""
        ...


class ModelLister(Protocol):
    """Says which models there are."""

    async def list_models(self, call: Call) -> Sequence[Model]:
        """Return the models by their bare upstream names; `call.model` is ""."""
        ...


@attrs.frozen
class Providers:
    """Who can what: for each capability, the providers that have it, by name."""

    chat: Mapping[str, ChatProvider]
    completions: Mapping[str, CompletionProvider]
    embeddings: Mapping[str, EmbeddingsProvider]
    models: Mapping[str, ModelLister]
