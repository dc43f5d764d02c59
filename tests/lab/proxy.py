"""
A TCP proxy that does to connections what networks and dying servers do.

    async with FaultProxy(("127.0.0.1", double.port)) as proxy:
        proxy.plan = Plan(answer=Way(cut_at=120, cut=Cut.RESET))    # for the connections from now on
        ...                                                         # send something to proxy.address
        assert 120 == proxy.links[0].answered

As a command: `python -m tests.lab.proxy --to 127.0.0.1:9000 --cut-at 120 --cut reset`.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from typing import Self

import attrs

from tests.fakes.signals import Signal
from tests.lab.faults import Plan
from tests.lab.link import Link
from tests.lab.pipe import Sleep
from tests.lab.sockets import Address, Listener


@attrs.define(eq=False)
class FaultProxy:
    """
    Passes connections on to an upstream.

    `plan` says what happens to them: the same to each, or by the connection's number, from 1. `links` are all that
    there were, in order. `buffer` limits what the system holds for each socket. Pauses are made by `sleep`.
    """

    to: Address
    plan: Plan | Callable[[int], Plan] = attrs.field(factory=Plan)
    listen: Address = ("127.0.0.1", 0)
    buffer: int | None = None
    sleep: Sleep = asyncio.sleep
    ended: Callable[[Link], None] = lambda _link: None
    links: list[Link] = attrs.field(factory=list)
    _listener: Listener = attrs.field(init=False)

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self._listener.address

    @property
    def port(self) -> int:
        """Where it listens, on 127.0.0.1."""
        return self.address[1]

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return self._listener.open

    @property
    def drained(self) -> Signal:
        """Set while there are none."""
        return self._listener.drained

    def hang_up(self, *, rst: bool = False) -> None:
        """Close the client's side of all connections, at once: what it sends from now on reaches nobody."""
        for link in self.links:
            link.hang_up(rst=rst)

    async def __aenter__(self) -> Self:
        self._listener = Listener(self._serve, self.listen, self.buffer)
        await self._listener.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self._listener.__aexit__()

    async def _serve(self, client: socket.socket) -> None:
        number = len(self.links) + 1
        plan = self.plan if isinstance(self.plan, Plan) else self.plan(number)
        link = Link(number, plan, client, self.sleep)
        self.links.append(link)
        try:
            await link.run(self.to, self.buffer)
        finally:
            self.ended(link)


if __name__ == "__main__":
    from tests.lab.command_line import main

    sys.exit(main())
