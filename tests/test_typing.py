"""
The provider Protocols accept every provider and reject a wrong one.

What is stated here is checked by mypy: an assignment that it rejects carries an ignore, and an ignore that is not
needed is an error too. The tests only see that the providers of the composition root are those that are stated.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.cerebras.provider import CerebrasProvider
from adapters.custom.provider import DeterministicProvider
from adapters.ollama.provider import OllamaProvider
from adapters.openai.provider import OpenAIProvider
from adapters.upstream.completions_over_chat import CompletionsOverChat
from domain.catalog import Model
from domain.chat import ChatRequest, ChatResponse
from domain.ports.providers import Call, ChatProvider, CompletionProvider, EmbeddingsProvider, ModelLister

CHAT: tuple[type[ChatProvider], ...] = (CerebrasProvider, DeterministicProvider, OllamaProvider, OpenAIProvider)
COMPLETIONS: tuple[type[CompletionProvider], ...] = (CerebrasProvider, CompletionsOverChat, OpenAIProvider)
EMBEDDINGS: tuple[type[EmbeddingsProvider], ...] = (DeterministicProvider, OllamaProvider, OpenAIProvider)
MODELS: tuple[type[ModelLister], ...] = (CerebrasProvider, DeterministicProvider, OllamaProvider, OpenAIProvider)


class WithoutStream:
    """Answers whole chats only."""

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Answer nothing."""
        raise AssertionError


class WrongAnswer:
    """Lists names instead of models."""

    async def list_models(self, call: Call) -> Sequence[str]:
        """List nothing."""
        return ()


class NotAsynchronous:
    """Lists models at once."""

    def list_models(self, call: Call) -> Sequence[Model]:
        """List nothing."""
        return ()


WITHOUT_STREAM: type[ChatProvider] = WithoutStream  # type: ignore[assignment]
WRONG_ANSWER: type[ModelLister] = WrongAnswer  # type: ignore[assignment]
NOT_ASYNCHRONOUS: type[ModelLister] = NotAsynchronous  # type: ignore[assignment]
NO_EMBEDDINGS: type[EmbeddingsProvider] = CerebrasProvider  # type: ignore[assignment]


def test_every_stated_provider_has_the_methods_of_its_protocol() -> None:
    """What mypy accepted is there at run time too."""
    assert all(hasattr(provider, name) for provider in CHAT for name in ("complete", "stream"))
    assert all(hasattr(provider, name) for provider in COMPLETIONS for name in ("complete_text", "stream_text"))
    assert all(hasattr(provider, "embed") for provider in EMBEDDINGS)
    assert all(hasattr(provider, "list_models") for provider in MODELS)
