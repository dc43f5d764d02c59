"""One connection through the fault proxy: two directions, and what is planned to happen on them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import attrs

from tests.fakes.signals import Signal
from tests.lab import sockets
from tests.lab.faults import Cut, Idle, Plan
from tests.lab.pipe import Lost, Over, Pipe, Sleep
from tests.lab.sockets import BLOCK, Address


@attrs.define(eq=False)
class Link:
    """
    One connection through the proxy.

    `asked` counts the bytes passed on to the upstream, `answered` those passed on to the client, `requests` how often
    the client began to send: at first, and after bytes of an answer. `left` is set when the client is seen to have
    closed, in order or with a RST, which `left_by` says; while nothing of its is read, it is not seen.
    """

    number: int
    plan: Plan
    client: socket.socket
    sleep: Sleep = asyncio.sleep
    asked: int = 0
    answered: int = 0
    requests: int = 0
    left: Signal = attrs.field(factory=Signal)
    left_by: Cut | None = None
    _upstream: socket.socket | None = None
    _asking: bool = False
    _task: asyncio.Task[object] | None = None

    async def run(self, to: Address, buffer: int | None) -> None:
        """Pass bytes on in both directions until the connection is over."""
        self._task = asyncio.current_task()
        end: Callable[[socket.socket], None] = sockets.hang_up
        try:
            if self.plan.connect_s:
                await self.sleep(self.plan.connect_s)
            self._upstream = await sockets.dialled(to, buffer)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._ask(self.client, self._upstream))
                group.create_task(self._answer(self._upstream, self.client))
        except* Over as over:
            end = next(each.end for each in over.exceptions if isinstance(each, Over))
        except* OSError as lost:
            end = sockets.reset
            if any(isinstance(each, Lost) and each.side is self.client for each in lost.exceptions):
                self._note_left(Cut.RESET)
        finally:
            end(self.client)
            if self._upstream is not None:
                end(self._upstream)

    def hang_up(self, *, rst: bool = False) -> None:
        """Close the client's side at once: whatever it sends from now on reaches nobody."""
        if self.client.fileno() < 0 or self._task is None:
            return
        loop = self._task.get_loop()
        loop.remove_reader(self.client)
        loop.remove_writer(self.client)
        (sockets.reset if rst else sockets.hang_up)(self.client)
        self._task.cancel()

    async def _ask(self, client: socket.socket, upstream: socket.socket) -> None:
        await Pipe(client, upstream, self.plan.request, self.sleep, self._request_came, self._count_asked).run()
        self._note_left(Cut.END)

    async def _answer(self, upstream: socket.socket, client: socket.socket) -> None:
        await Pipe(upstream, client, self.plan.answer, self.sleep, went=self._count_answered).run()

    async def _request_came(self) -> None:
        """Notice where a request begins, and end an idle connection there if that is planned."""
        if self._asking:
            return
        self._asking = True
        self.requests += 1
        if self.plan.idle is None or self.requests != self.plan.idle_at:
            return
        if self.plan.idle is Idle.UNREAD:
            raise Over(socket.socket.close)
        data = self.client.recv(BLOCK)
        if self.plan.idle is Idle.PASSED and self._upstream is not None:
            await asyncio.get_running_loop().sock_sendall(self._upstream, data)
            self._count_asked(len(data))
        raise Over(sockets.reset if self.plan.idle is Idle.RESET else sockets.hang_up)

    def _count_asked(self, count: int) -> None:
        self.asked += count

    def _count_answered(self, count: int) -> None:
        self.answered += count
        self._asking = False

    def _note_left(self, how: Cut) -> None:
        if self.left_by is None:
            self.left_by = how
            self.left.set()
