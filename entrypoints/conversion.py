"""Turns settings into the values that the domain works with; nothing behind this knows of settings."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from adapters.memory.keys import key_id
from application.refresh_models import KnownModels
from domain.catalog import Alias, Model, Retry, RouteTable, Target, Timeouts
from domain.keys import AccessPolicy, Key, digest_of
from entrypoints import schema
from entrypoints.schema import Settings, StaticKey, TimeoutSettings

OLLAMA_STREAM_FIRST_BYTE_S = 300.0
"""Ollama loads a model on its first request, before any byte: seconds to minutes."""


def access_policy(settings: Settings, pepper: bytes) -> AccessPolicy:
    """Return who is let in."""
    return AccessPolicy(pepper, required=settings.process.require_auth and not settings.process.development_mode)


def static_keys(entries: Iterable[StaticKey], pepper: bytes) -> tuple[Key, ...]:
    """Return the keys of `[auth]`; their ids are their names, or made from their digests: the same at every start."""
    digests = ((entry, digest_of(entry.key.reveal(), pepper)) for entry in entries)
    return tuple(Key(entry.name or key_id(digest), digest, entry.name, entry.weight) for entry, digest in digests)


def route_table(settings: Settings) -> RouteTable:
    """Return the routing that the settings describe."""
    providers = {name: _of_provider(provider, settings) for name, provider in settings.providers.items()}
    return RouteTable(
        providers=providers,
        aliases={name: _alias(name, alias, providers) for name, alias in settings.models.items()},
        default_provider=settings.routing.default_provider,
    )


def known_models(settings: Settings) -> KnownModels:
    """Return the models that the operator has named, by provider."""
    named = {name: provider.models for name, provider in settings.providers.items() if provider.models is not None}
    return KnownModels({name: tuple(Model(model) for model in models) for name, models in named.items()})


def _of_provider(provider: schema.Provider, settings: Settings) -> Timeouts:
    standard = Timeouts(total_s=settings.process.request_timeout_s)
    if provider.kind == "ollama":
        standard = attrs.evolve(standard, stream_first_byte_s=OLLAMA_STREAM_FIRST_BYTE_S)
    return _over(standard, provider.timeouts)


def _alias(name: str, alias: schema.Alias, providers: dict[str, Timeouts]) -> Alias:
    of_targets = [providers[target.provider] for target in alias.targets]
    return Alias(
        name=name,
        targets=tuple(_target(target) for target in alias.targets),
        timeouts=None if alias.timeouts is None else _over(_longest(of_targets), alias.timeouts),
        retry=Retry(alias.retry.attempts, alias.retry.base_s, alias.retry.max_s),
        fallback_on=frozenset(alias.fallback_on),
    )


def _target(target: schema.AliasTarget) -> Target:
    return Target(target.provider, target.model, target.weight, target.priority, target.set, target.default)


def _over(standard: Timeouts, told: TimeoutSettings) -> Timeouts:
    """Return the standard with what was told in its place."""
    fields = attrs.asdict(told)
    return attrs.evolve(standard, **{name: value for name, value in fields.items() if value is not None})


def _longest(known: list[Timeouts]) -> Timeouts:
    """Return timeouts that none of these exceeds, so that an alias that names one leaves the others as they were."""
    firsts = [timeouts.first_byte_s for timeouts in known]
    given = [first for first in firsts if first is not None]
    return Timeouts(
        connect_s=max(timeouts.connect_s for timeouts in known),
        first_byte_s=max(given) if len(given) == len(firsts) else None,
        idle_s=max(timeouts.idle_s for timeouts in known),
        total_s=max(timeouts.total_s for timeouts in known),
        stream_first_byte_s=max(timeouts.first_byte(stream=True) for timeouts in known),
    )
