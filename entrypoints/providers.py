"""The providers of the settings, and what each of them can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import attrs

from adapters.custom.handler import GuardedHandler, load_handler
from adapters.upstream.completions_over_chat import CompletionsOverChat
from domain.ports.clock import Clock, Ids
from domain.ports.providers import (
    ChatProvider,
    CompletionProvider,
    EmbeddingsProvider,
    ModelLister,
    Providers,
)
from entrypoints.schema import Provider

if TYPE_CHECKING:
    from adapters.upstream.pool import Pool
    from adapters.upstream.upstream import Upstream


@attrs.frozen
class Abilities:
    """What one provider can do; None where it cannot."""

    chat: ChatProvider | None
    completions: CompletionProvider | None
    embeddings: EmbeddingsProvider | None
    models: ModelLister | None


@attrs.frozen
class Builder:
    """
    Builds providers from their settings; connects nothing.

    What a kind needs is imported when there is one of it: HTTP clients and SDKs take longer to import than the rest
    to start.
    """

    clock: Clock
    ids: Ids
    opened: AsyncExitStack
    """Closes what the providers hold open."""

    def build(self, provider: Provider) -> Abilities:
        """
        Return what a provider of these settings can do; raises `HandlerError` where the operator's class cannot
        be used.
        """
        kinds: dict[str, Callable[[Provider], Abilities]] = {
            "cerebras": self._cerebras,
            "ollama": self._ollama,
            "openai": self._openai,
            "custom": self._custom,
        }
        return kinds[provider.kind](provider)

    def _cerebras(self, provider: Provider) -> Abilities:
        from adapters.cerebras.provider import cerebras_provider  # noqa: PLC0415
        from adapters.upstream.sdk import SdkClient  # noqa: PLC0415
        from adapters.upstream.transport import Transport  # noqa: PLC0415

        client = SdkClient(Transport(self._pool(provider)))
        cerebras = cerebras_provider(_credential(provider), provider.base_url, client)
        return Abilities(cerebras, cerebras, None, cerebras)

    def _ollama(self, provider: Provider) -> Abilities:
        from adapters.ollama.provider import OllamaProvider  # noqa: PLC0415

        ollama = OllamaProvider(self._upstream(provider), self.clock, self.ids)
        return Abilities(ollama, CompletionsOverChat(ollama), ollama, ollama)

    def _openai(self, provider: Provider) -> Abilities:
        from adapters.openai.provider import OpenAIProvider  # noqa: PLC0415

        openai = OpenAIProvider(self._upstream(provider))
        return Abilities(openai, openai, openai, openai)

    def _custom(self, provider: Provider) -> Abilities:
        from adapters.custom.provider import DeterministicProvider  # noqa: PLC0415

        if provider.handler:
            return _guarded(GuardedHandler(load_handler(provider.handler), provider.models or ()))
        custom = DeterministicProvider(self.clock, self.ids)
        return Abilities(custom, CompletionsOverChat(custom), custom, custom)

    def _upstream(self, provider: Provider) -> Upstream:
        from adapters.upstream.upstream import Upstream  # noqa: PLC0415

        secret = _credential(provider)
        headers = {"authorization": f"Bearer {secret}"} if secret else {}
        return Upstream(provider.base_url, headers, self._pool(provider), secret)

    def _pool(self, provider: Provider) -> Pool:
        from adapters.upstream.dialing import verified_context  # noqa: PLC0415
        from adapters.upstream.pool import Pool  # noqa: PLC0415

        if provider.base_url.startswith("https:"):
            verified_context()
        pool = Pool(allow_private=provider.reaches_private)
        self.opened.push_async_callback(pool.aclose)
        return pool


def _guarded(handler: GuardedHandler) -> Abilities:
    """Return what the operator's own object can do; its chat stands in for text completions it lacks."""
    can = handler.capabilities
    chat = handler if "chat" in can else None
    over_chat = CompletionsOverChat(handler) if "chat" in can else None
    return Abilities(
        chat=chat,
        completions=handler if "completions" in can else over_chat,
        embeddings=handler if "embeddings" in can else None,
        models=handler,
    )


def build_providers(settings: Mapping[str, Provider], clock: Clock, ids: Ids, opened: AsyncExitStack) -> Providers:
    """Return the tables that say who can what; `opened` closes what they hold open."""
    builder = Builder(clock, ids, opened)
    built = {name: builder.build(provider) for name, provider in settings.items()}
    return Providers(
        chat={name: abilities.chat for name, abilities in built.items() if abilities.chat},
        completions={name: abilities.completions for name, abilities in built.items() if abilities.completions},
        embeddings={name: abilities.embeddings for name, abilities in built.items() if abilities.embeddings},
        models={name: abilities.models for name, abilities in built.items() if abilities.models},
    )


def _credential(provider: Provider) -> str:
    return provider.credential.reveal() if provider.credential is not None else ""
