"""Answer a legacy text completion as a stream."""

from __future__ import annotations

import attrs

from application.admission import Admission
from application.dispatch import Dispatcher, Errand
from application.settlement import settling
from application.streams import AnswerStream
from domain.completions import CompletionRequest
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.providers import Call, CompletionProvider, Providers


@attrs.frozen
class StreamText:
    """Admit → dispatch; the stream settles at its end."""

    admission: Admission
    dispatcher: Dispatcher
    providers: Providers

    async def __call__(
        self, caller: Caller, request: CompletionRequest, journey: Journey | None = None
    ) -> AnswerStream:
        """
        Return the answer once its first chunks are there; raises `Refused` or `ProviderFailure`.

        `journey` is written as the request goes, for whoever reports on it.
        """
        journey = journey or Journey()

        async def ask(provider: CompletionProvider, request: CompletionRequest, call: Call) -> AnswerStream:
            return await AnswerStream.open(provider.stream_text(request, call), journey, self.dispatcher.clock)

        with settling(journey, whole=False):
            grant = self.admission.admit(caller, request.model, request.provider, journey)
            errand = Errand("text completions", self.providers.completions, request, journey, stream=True)
            return await self.dispatcher.ask(grant, errand, ask)
