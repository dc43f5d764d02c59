"""Turn texts into vectors."""

from __future__ import annotations

import attrs

from application.admission import Admission
from application.dispatch import Dispatcher, Errand
from application.settlement import settling
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.providers import Call, EmbeddingsProvider, Providers


@attrs.frozen
class Embed:
    """Admit → dispatch → settle."""

    admission: Admission
    dispatcher: Dispatcher
    providers: Providers

    async def __call__(
        self, caller: Caller, request: EmbeddingsRequest, journey: Journey | None = None
    ) -> EmbeddingsResponse:
        """
        Return the vectors; raises `Refused` or `ProviderFailure`.

        `journey` is written as the request goes, for whoever reports on it.
        """
        journey = journey or Journey()

        async def ask(provider: EmbeddingsProvider, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
            return await provider.embed(request, call)

        with settling(journey):
            grant = self.admission.admit(caller, request.model, request.provider, journey)
            errand = Errand("embeddings", self.providers.embeddings, request, journey)
            response = await self.dispatcher.ask(grant, errand, ask)
            journey.usage = response.usage
            return response
