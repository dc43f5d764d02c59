"""One direction of a connection through the fault proxy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import attrs

from tests.lab import sockets
from tests.lab.faults import Cut, Way
from tests.lab.sockets import BLOCK

Sleep = Callable[[float], Awaitable[object]]


class Lost(ConnectionError):
    """A peer tore its connection down: `side` is the socket."""

    def __init__(self, side: socket.socket) -> None:
        super().__init__("lost")
        self.side = side


class Over(Exception):
    """The connection ends here: so are both of its sides ended."""

    def __init__(self, end: Callable[[socket.socket], None]) -> None:
        super().__init__("over")
        self.end = end


async def _nothing() -> None:
    """Do nothing."""


@attrs.define(eq=False)
class Pipe:
    """Passes bytes on from one socket to the other in the planned way; `came` is done before any are read."""

    source: socket.socket
    target: socket.socket
    way: Way
    sleep: Sleep
    came: Callable[[], Awaitable[None]] = _nothing
    went: Callable[[int], None] = lambda _count: None
    passed: int = 0

    async def run(self) -> None:
        """Go on to the end of what comes; raises `Over` where the whole connection ends before."""
        while await self._arrived():
            await self.came()
            if self.passed == self.way.cut_at:
                await self._cut()
                return
            if not self.passed and self.way.delay_s:
                await self.sleep(self.way.delay_s)
            await self._pass_on()
            if self.way.interval_s:
                await self.sleep(self.way.interval_s)
        sockets.end_writing(self.target)

    async def _arrived(self) -> bool:
        """Whether another byte came, and not the end."""
        await sockets.readable(self.source)
        try:
            return bool(self.source.recv(1, socket.MSG_PEEK))
        except OSError as error:
            raise Lost(self.source) from error

    async def _pass_on(self) -> None:
        data = self.source.recv(self._step())
        place = -1 if self.way.corrupt_at is None else self.way.corrupt_at - self.passed
        if 0 <= place < len(data):
            data = data[:place] + bytes([data[place] ^ 0xFF]) + data[place + 1 :]
        try:
            await asyncio.get_running_loop().sock_sendall(self.target, data)
        except OSError as error:
            raise Lost(self.target) from error
        self.passed += len(data)
        self.went(len(data))

    def _step(self) -> int:
        """Return how many bytes may be read next."""
        left = BLOCK if self.way.cut_at is None else self.way.cut_at - self.passed
        return min(self.way.piece, left)

    async def _cut(self) -> None:
        match self.way.cut:
            case Cut.END:
                raise Over(sockets.hang_up)
            case Cut.RESET:
                raise Over(sockets.reset)
            case Cut.STALL:
                await asyncio.Event().wait()
            case Cut.HALF:
                sockets.end_writing(self.target)
                await self._drop()
            case Cut.SILENCE:
                await self._drop()

    async def _drop(self) -> None:
        """Read to the end, and pass nothing on."""
        while await self._arrived():
            self.source.recv(BLOCK)
