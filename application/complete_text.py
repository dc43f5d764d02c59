"""Answer a legacy text completion as a whole."""

from __future__ import annotations

import attrs

from application.admission import Admission
from application.dispatch import Dispatcher, Errand
from application.settlement import settling
from domain.chat import ChatResponse
from domain.completions import CompletionRequest
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.providers import Call, CompletionProvider, Providers


@attrs.frozen
class CompleteText:
    """Admit → dispatch → settle."""

    admission: Admission
    dispatcher: Dispatcher
    providers: Providers

    async def __call__(
        self, caller: Caller, request: CompletionRequest, journey: Journey | None = None
    ) -> ChatResponse:
        """
        Return the answer; raises `Refused` or `ProviderFailure`.

        `journey` is written as the request goes, for whoever reports on it.
        """
        journey = journey or Journey()

        async def ask(provider: CompletionProvider, request: CompletionRequest, call: Call) -> ChatResponse:
            return await provider.complete_text(request, call)

        with settling(journey):
            grant = self.admission.admit(caller, request.model, request.provider, journey)
            errand = Errand("text completions", self.providers.completions, request, journey)
            response = await self.dispatcher.ask(grant, errand, ask)
            journey.usage = response.usage
            return response
