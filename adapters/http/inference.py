"""The routes that have something answered: chat completions, text completions, embeddings."""

from __future__ import annotations

import attrs

from adapters.http.events import PING_S, send_events
from adapters.http.hangup import while_present
from adapters.http.intake import Intake
from adapters.http.visit import Visit
from adapters.wire.openai import chat_request, completions_request, embeddings
from adapters.wire.openai.answers import ChatStreamRenderer, Identity, render_response
from application.gateway import Gateway
from domain.ports.clock import Clock, Ids


@attrs.frozen
class Inference:
    """Parse → use case → render, for each kind of question."""

    gateway: Gateway
    clock: Clock
    ids: Ids
    intake: Intake
    ping_s: float = PING_S

    async def chat(self, visit: Visit) -> None:
        """`POST /v1/chat/completions`."""
        caller = visit.known_caller()
        request = chat_request.parse_request(await self.intake.json_body(visit), visit.path_param("provider"))
        identity = self._identity(request.model, "chatcmpl-", "chat.completion", stream=request.stream)
        if not request.stream:
            async with while_present(visit):
                response = await self.gateway.complete_chat(caller, request, visit.journey)
            return await visit.answer(200, render_response(response, identity))
        opening = self.gateway.stream_chat(caller, request, visit.journey)
        return await send_events(visit, opening, ChatStreamRenderer(identity, request.include_usage), self.ping_s)

    async def completions(self, visit: Visit) -> None:
        """`POST /v1/completions`."""
        caller = visit.known_caller()
        request = completions_request.parse_request(await self.intake.json_body(visit), visit.path_param("provider"))
        identity = self._identity(request.model, "cmpl-", "text_completion")
        if not request.stream:
            async with while_present(visit):
                response = await self.gateway.complete_text(caller, request, visit.journey)
            return await visit.answer(200, render_response(response, identity))
        opening = self.gateway.stream_text(caller, request, visit.journey)
        return await send_events(visit, opening, ChatStreamRenderer(identity, request.include_usage), self.ping_s)

    async def embeddings(self, visit: Visit) -> None:
        """`POST /v1/embeddings`."""
        caller = visit.known_caller()
        request = embeddings.parse_request(await self.intake.json_body(visit), visit.path_param("provider"))
        async with while_present(visit):
            response = await self.gateway.embed(caller, request, visit.journey)
        await visit.answer(200, embeddings.render_response(response, request.model))

    def _identity(self, model: str, prefix: str, kind: str, *, stream: bool = False) -> Identity:
        return Identity(
            model=model,
            id=prefix + self.ids.uuid(),
            created=int(self.clock.now()),
            kind=kind + ".chunk" if stream else kind,
        )
