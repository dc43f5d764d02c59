"""Ask the providers which models they have."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import attrs

from application.catalog import ModelCatalog
from domain.catalog import Model
from domain.errors import GatewayError
from domain.ports.clock import Clock
from domain.ports.providers import Call, ModelLister, Providers

ASKING_S = 10.0


@attrs.frozen
class ProviderReport:
    """What one provider said when it was asked for its models, and how long that took in seconds."""

    provider: str
    models: Sequence[Model]
    took_s: float
    failure: GatewayError | None = None


@attrs.frozen
class KnownModels:
    """The models that the operator has named for a provider, which is then not asked: provider → models."""

    models: Mapping[str, Sequence[Model]]


@attrs.frozen
class RefreshModels:
    """Brings the catalogue up to date; a provider that does not answer keeps the models it last had."""

    providers: Providers
    known: KnownModels
    catalog: ModelCatalog
    clock: Clock

    def start(self) -> None:
        """Put what the operator has named into the catalogue; asks nobody."""
        for name, models in self.known.models.items():
            self.catalog.replace(name, models)

    async def __call__(self) -> Sequence[ProviderReport]:
        """Ask every provider that the operator named no models for, all at once, and return what they said."""
        asked = {name: lister for name, lister in self.providers.models.items() if name not in self.known.models}
        reports = await self.ask(asked)
        for report in reports:
            if report.failure is None:
                self.catalog.replace(report.provider, report.models)
        return reports

    async def ask(self, listers: Mapping[str, ModelLister]) -> Sequence[ProviderReport]:
        """Ask these providers, all at once, and return what they said in the order of their names."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._ask(name, listers[name])) for name in sorted(listers)]
        return [task.result() for task in tasks]

    async def _ask(self, name: str, lister: ModelLister) -> ProviderReport:
        begun = self.clock.monotonic()
        call = Call(model="", connect_s=ASKING_S, first_byte_s=ASKING_S, idle_s=ASKING_S, total_s=ASKING_S)
        try:
            models = await lister.list_models(call)
        except GatewayError as failure:
            return ProviderReport(name, (), self.clock.monotonic() - begun, failure)
        return ProviderReport(name, models, self.clock.monotonic() - begun)
