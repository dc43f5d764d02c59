"""The composition root: settings in, a running gateway out. The only place that sees punq."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import attrs
import punq

from adapters.memory.clock import SystemChance, SystemClock, SystemIds
from application.admission import Admission
from application.authenticate import Authenticate
from application.catalog import ModelCatalog
from application.complete_chat import CompleteChat
from application.complete_text import CompleteText
from application.dispatch import Dispatcher
from application.embed import Embed
from application.gateway import Gateway
from application.list_models import ListModels
from application.refresh_models import KnownModels, RefreshModels
from application.stream_chat import StreamChat
from application.stream_text import StreamText
from domain.catalog import RouteTable
from domain.keys import AccessPolicy
from domain.ports.clock import Chance, Clock, Ids
from domain.ports.keys import KeyStore
from domain.ports.providers import Providers
from entrypoints.conversion import known_models, route_table
from entrypoints.keyring import open_keys
from entrypoints.providers import build_providers
from entrypoints.settings import Settings

SHARED_STEPS = (Admission, Dispatcher, ModelCatalog)
USE_CASES = (
    Authenticate,
    CompleteChat,
    CompleteText,
    Embed,
    ListModels,
    RefreshModels,
    StreamChat,
    StreamText,
    Gateway,
)


@attrs.frozen
class Running:
    """A gateway under way, and the ports that whoever drives it shares with it."""

    gateway: Gateway
    clock: Clock
    ids: Ids


@asynccontextmanager
async def running_gateway(settings: Settings) -> AsyncIterator[Running]:
    """
    Open everything, hand out the gateway, close everything in reverse.

    Raises `DataError` where what is kept on disk cannot be used, `HandlerError` where the operator's class cannot.
    """
    async with AsyncExitStack() as opened:
        yield _assembled(settings, opened)


def _assembled(settings: Settings, opened: AsyncExitStack) -> Running:
    container = punq.Container()
    clock, ids = SystemClock(), SystemIds()
    container.register(Clock, instance=clock)
    container.register(Chance, instance=SystemChance())
    container.register(Ids, instance=ids)
    keys, policy = open_keys(settings)
    container.register(KeyStore, instance=keys)
    container.register(AccessPolicy, instance=policy)
    container.register(RouteTable, instance=route_table(settings))
    container.register(KnownModels, instance=known_models(settings))
    container.register(Providers, instance=build_providers(settings.providers, clock, ids, opened))
    for service in (*SHARED_STEPS, *USE_CASES):
        container.register(service, scope=punq.Scope.singleton)
    gateway: Gateway = container.resolve(Gateway)  # fails here if anything is unbound
    gateway.refresh_models.start()
    return Running(gateway, clock, ids)
