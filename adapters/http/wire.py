"""What the connections of a process share: their bounds, their deadlines, and the telling of what was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Any

import attrs

from adapters.http.errors import answer_of
from adapters.http.heads import Header, head_of, headers_of
from adapters.http.limits import Limits
from adapters.http.visit import JSON, Manners
from adapters.sweeper import Sweeper
from adapters.wire.jsontext import text_of
from domain.journey import Ending, Journey
from domain.ports.clock import Ids
from domain.ports.observer import Observer, RequestRecord

WIRE = "ai-gateway.wire"
"""Where the application leaves it for the server's connections, in the state of the ASGI lifespan."""

Leave = Callable[[], None]


@attrs.define(eq=False)
class Wire:
    """
    Belongs to one process and its event loop.

    Connections are counted, in all and for each address; the counts are bounded by the connections.
    """

    ids: Ids
    observer: Observer
    limits: Limits = attrs.field(factory=Limits)
    manners: Manners = attrs.field(factory=Manners)
    sweeper: Sweeper = attrs.field(factory=lambda: Sweeper(asyncio.get_running_loop()))
    _turned_away: int = attrs.field(default=0, init=False)
    _connections: int = attrs.field(default=0, init=False)
    _of_address: dict[str, int] = attrs.field(factory=dict, init=False, repr=False)

    def admit(self, address: str) -> Leave | None:
        """Count a connection, and return what must be called at its end; None where there is no room for it."""
        of_address = self._of_address.get(address, 0)
        if self._connections >= self.limits.connections or of_address >= self.limits.connections_of_address:
            return None
        self._connections += 1
        self._of_address[address] = of_address + 1
        return partial(self._leave, address)

    def _leave(self, address: str) -> None:
        self._connections -= 1
        left = self._of_address.pop(address) - 1
        if left:
            self._of_address[address] = left

    def turn_away(self) -> Leave | None:
        """Count a connection that is only told that there is no room; None where too many are being told."""
        if self._turned_away >= self.limits.turned_away:
            return None
        self._turned_away += 1
        return self._turned

    def _turned(self) -> None:
        self._turned_away -= 1

    def refusal(self, refusal: Exception, method: str, took_s: float) -> bytes:
        """Take note of what is refused before there is a request, and return the answer: the connection's last."""
        answer = answer_of(refusal)
        journey = Journey(self.ids.request_id())
        journey.end(Ending.REFUSED)
        self.observer.request_finished(
            RequestRecord(
                method=method,
                route="(none)",
                status=answer.status,
                stream=False,
                duration_s=took_s,
                error=answer.code or answer.type,
                journey=journey,
            )
        )
        body = text_of(answer.body())
        headers: list[Header] = [
            (b"content-type", JSON.encode()),
            (b"content-length", b"%d" % len(body)),
            *((name.lower().encode(), value.encode()) for name, value in answer.headers.items()),
            (b"x-request-id", journey.request_id.encode()),
            *headers_of(self.manners.of_private),
            (b"connection", b"close"),
        ]
        return head_of(answer.status, headers) + (b"" if method == "HEAD" else body)


def wire_of(state: MutableMapping[str, Any]) -> Wire:
    """Return what the connections share that belong to this state of the lifespan."""
    wire: Wire = state[WIRE]
    return wire
