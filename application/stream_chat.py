"""Answer a chat as a stream."""

from __future__ import annotations

import attrs

from application.admission import Admission
from application.dispatch import Dispatcher, Errand
from application.settlement import settling
from application.streams import AnswerStream
from domain.chat import ChatRequest
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.providers import Call, ChatProvider, Providers


@attrs.frozen
class StreamChat:
    """Admit → dispatch; the stream settles at its end."""

    admission: Admission
    dispatcher: Dispatcher
    providers: Providers

    async def __call__(self, caller: Caller, request: ChatRequest, journey: Journey | None = None) -> AnswerStream:
        """
        Return the answer once its first chunks are there; raises `Refused` or `ProviderFailure`.

        `journey` is written as the request goes, for whoever reports on it.
        """
        journey = journey or Journey()

        async def ask(provider: ChatProvider, request: ChatRequest, call: Call) -> AnswerStream:
            return await AnswerStream.open(provider.stream(request, call), journey, self.dispatcher.clock)

        with settling(journey, whole=False):
            grant = self.admission.admit(caller, request.model, request.provider, journey)
            errand = Errand("chat completions", self.providers.chat, request, journey, stream=True)
            return await self.dispatcher.ask(grant, errand, ask)
