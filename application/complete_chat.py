"""Answer a chat as a whole."""

from __future__ import annotations

import attrs

from application.admission import Admission
from application.dispatch import Dispatcher, Errand
from application.settlement import settling
from domain.chat import ChatRequest, ChatResponse
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.providers import Call, ChatProvider, Providers


@attrs.frozen
class CompleteChat:
    """Admit → dispatch → settle."""

    admission: Admission
    dispatcher: Dispatcher
    providers: Providers

    async def __call__(self, caller: Caller, request: ChatRequest, journey: Journey | None = None) -> ChatResponse:
        """
        Return the answer; raises `Refused` or `ProviderFailure`.

        `journey` is written as the request goes, for whoever reports on it.
        """
        journey = journey or Journey()

        async def ask(provider: ChatProvider, request: ChatRequest, call: Call) -> ChatResponse:
            return await provider.complete(request, call)

        with settling(journey):
            grant = self.admission.admit(caller, request.model, request.provider, journey)
            errand = Errand("chat completions", self.providers.chat, request, journey)
            response = await self.dispatcher.ask(grant, errand, ask)
            journey.usage = response.usage
            return response
