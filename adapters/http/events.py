"""A streamed answer → server-sent events, to the end or to the caller's hang-up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from adapters.http.errors import answer_of
from adapters.http.hangup import while_present
from adapters.http.visit import Visit
from adapters.wire.jsontext import text_of
from adapters.wire.openai.answers import PING, ChatStreamRenderer, event
from application.streams import AnswerStream
from domain.errors import GatewayError, Unavailable

PING_S = 15.0


async def send_events(
    visit: Visit, opening: Awaitable[AnswerStream], renderer: ChatStreamRenderer, ping_s: float = PING_S
) -> None:
    """
    Wait for a stream's first chunks and send it.

    Until then nothing is sent, so that the status can be true. A failure on the way is an event in the stream,
    never a clean end;
    while the upstream is silent, comments keep the connection alive. When the caller hangs up, the upstream is
    closed before this returns.
    """
    async with while_present(visit, quiet_s=ping_s, comment=PING):
        stream = await opening
        try:
            await visit.begin_events()
            await _pump(visit, stream, renderer)
        finally:
            await stream.aclose()


async def _pump(visit: Visit, stream: AnswerStream, renderer: ChatStreamRenderer) -> None:
    try:
        async for chunks in stream:
            events = renderer.render(chunks)
            if events:
                await visit.write_events(events)
        await visit.write_events(renderer.end(), more=False)
    except GatewayError as failure:
        await _break(visit, failure)
    except asyncio.CancelledError:
        # The server's own end: the caller must not take the silence for the end of the answer.
        await _break(visit, Unavailable("The gateway is shutting down."))
        raise
    except Exception as fault:
        await _break(visit, fault)
        raise


async def _break(visit: Visit, failure: Exception) -> None:
    """Tell the caller in the stream that it is not whole, and end it."""
    answer = answer_of(failure)
    visit.error = answer.code or answer.type
    body = answer.body()
    if visit.path_param("provider") == "cerebras":
        body["status_code"] = answer.status  # its SDK raises by this member
    await visit.write_events(event(text_of(body)), more=False)
