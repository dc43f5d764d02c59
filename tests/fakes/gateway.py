"""A gateway built by hand around scripted providers, for tests of what stands around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

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
from domain.catalog import Alias, RouteTable, Timeouts
from domain.keys import AccessPolicy, Key, digest_of
from domain.ports.providers import Providers
from tests.fakes.clock import FakeChance, FakeClock
from tests.fakes.providers import ScriptedProvider

PEPPER = b"p" * 32
SECRET = "sk-test-key"


@attrs.define
class FakeKeys:
    """Knows one key; notes the digests it was asked for."""

    asked: list[bytes] = attrs.field(factory=list)

    async def find(self, digest: bytes) -> Key | None:
        """Return the one key there is."""
        self.asked.append(digest)
        known = digest_of(SECRET, PEPPER)
        return Key("ci", known, "ci") if digest == known else None


def gateway_of(
    providers: Mapping[str, ScriptedProvider],
    *,
    aliases: Sequence[Alias] = (),
    default_provider: str = "",
    clock: FakeClock | None = None,
    chance: FakeChance | None = None,
    required: bool = True,
) -> Gateway:
    """Return a gateway in which every provider can do everything."""
    clock = clock or FakeClock()
    table = RouteTable(
        {name: Timeouts() for name in providers}, {alias.name: alias for alias in aliases}, default_provider
    )
    able = Providers(providers, providers, providers, providers)
    catalog = ModelCatalog()
    admission = Admission(table, catalog)
    dispatcher = Dispatcher(table, clock, chance or FakeChance())
    return Gateway(
        authenticate=Authenticate(FakeKeys(), AccessPolicy(PEPPER, required)),
        complete_chat=CompleteChat(admission, dispatcher, able),
        stream_chat=StreamChat(admission, dispatcher, able),
        complete_text=CompleteText(admission, dispatcher, able),
        stream_text=StreamText(admission, dispatcher, able),
        embed=Embed(admission, dispatcher, able),
        list_models=ListModels(table, catalog),
        refresh_models=RefreshModels(able, KnownModels({}), catalog, clock),
    )
