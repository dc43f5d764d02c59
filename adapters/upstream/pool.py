"""Connections to upstreams, kept alive between requests."""

from __future__ import annotations

import asyncio
import math
from collections import deque

import attrs

from adapters.sweeper import Sweeper
from adapters.upstream.addresses import Resolve, resolve
from adapters.upstream.connection import Connection, NotAccepted
from adapters.upstream.dialing import Dialer
from adapters.upstream.exchange import Incoming
from adapters.upstream.origin import Origin, Outgoing
from domain.errors import Unreachable, UpstreamTimeout
from domain.ports.providers import Call


@attrs.frozen
class Limits:
    """
    How much one host may take: open connections, requests that wait for one, and how long an unused one is kept.

    `idle_s` is shorter than the minute or more after which most servers close by themselves, so that we close first.
    """

    connections: int = 512
    waiting: int = 4096
    idle_s: float = 50.0


@attrs.frozen
class Counts:
    """What a pool holds: connections open, of these idle, and requests that wait for one."""

    open: int = 0
    idle: int = 0
    waiting: int = 0

    @property
    def busy(self) -> int:
        """Connections under a request, or being made for one."""
        return self.open - self.idle


class Pool:
    """
    Keep-alive connections, by host; the last one used is the next one used.

    Nothing runs beside the requests but one timer for all deadlines. A request that is cancelled, wherever it is,
    takes its connection with it: nobody has to be waited for, so nothing can be left behind. A pool belongs to the
    event loop of its first request. Redirects are not followed, and no environment is read.
    """

    def __init__(
        self, *, allow_private: bool = False, resolve: Resolve = resolve, limits: Limits | None = None
    ) -> None:
        self._dialer = Dialer(allow_private, resolve)
        self._limits = limits or Limits()
        self._hosts: dict[Origin, _HostPool] = {}

    async def send(self, request: Outgoing, call: Call) -> Incoming:
        """
        Send a request; returns when the head of the answer is there.

        Raises `Unreachable` or `UpstreamTimeout`. A request that met a connection which the server had just closed is
        sent once more, on a new one, where no byte of it was accepted.
        """
        host = self._hosts.get(request.origin) or self._meet(request.origin)
        loop = host.loop
        begun = loop.time()
        connection = await host.take(call, begun)
        incoming = Incoming(call, loop, host.sweeper, begun)
        connection.start(request, incoming)
        try:
            await incoming.opened()
        except NotAccepted:
            connection = await host.take(call, begun, fresh=True)
            incoming = Incoming(call, loop, host.sweeper, begun)
            connection.start(request, incoming)
            await incoming.opened()
        return incoming

    def counts(self) -> Counts:
        """Return what is held now."""
        hosts = self._hosts.values()
        return Counts(
            sum(host.open for host in hosts),
            sum(len(host.idle) for host in hosts),
            sum(len(host.waiting) for host in hosts),
        )

    async def aclose(self) -> None:
        """Close every connection; requests under way fail."""
        for host in self._hosts.values():
            host.close()
        self._hosts.clear()
        await asyncio.sleep(0)  # transports close in the next turn of the loop

    def _meet(self, origin: Origin) -> _HostPool:
        loop = asyncio.get_running_loop()
        host = self._hosts[origin] = _HostPool(origin, self._dialer, self._limits, loop, Sweeper(loop))
        host.sweeper.add(host)
        return host


@attrs.define(eq=False)
class _Waiter:
    """A request that waits for a connection; `granted` is an idle one, or None for the leave to make one."""

    deadline: float
    granted: asyncio.Future[Connection | None]

    def expire(self) -> None:
        self.deadline = math.inf
        if not self.granted.done():
            self.granted.set_exception(TimeoutError())


@attrs.define(eq=False)
class _HostPool:
    """The connections to one host. `open` counts those that exist, those being made and those that may be made."""

    origin: Origin
    _dialer: Dialer
    _limits: Limits
    loop: asyncio.AbstractEventLoop
    """Held, because to ask for the running one is a system call each time."""
    sweeper: Sweeper
    idle: list[Connection] = attrs.field(factory=list, init=False, repr=False)
    waiting: deque[_Waiter] = attrs.field(factory=deque, init=False, repr=False)
    open: int = attrs.field(default=0, init=False)
    deadline: float = attrs.field(default=math.inf, init=False)
    _all: set[Connection] = attrs.field(factory=set, init=False, repr=False)
    _over: bool = attrs.field(default=False, init=False)

    async def take(self, call: Call, begun: float, *, fresh: bool = False) -> Connection:
        """Return a connection for one request: the last used, or with `fresh` a new one."""
        while True:
            while self.idle and not fresh:
                connection = self.idle.pop()
                if not connection.closed:
                    return connection
            if self.open < self._limits.connections:
                self.open += 1
                return await self._make(call, begun)
            granted = self.idle.pop(0) if fresh and self.idle else await self._wait(call, begun)
            if granted is None:
                return await self._make(call, begun)
            if granted.closed:
                continue  # its place is given on when it is struck off
            if not fresh:
                return granted
            self._all.discard(granted)
            granted.forsake()  # its place is taken over, not given up: there may be a long line for it
            return await self._make(call, begun)

    def release(self, connection: Connection) -> None:
        """Take a connection back, for who waits longest or for later."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.granted.done():
                waiter.granted.set_result(connection)
                return
        connection.idle_since = self.loop.time()
        self.idle.append(connection)
        if len(self.idle) == 1:
            self.deadline = connection.idle_since + self._limits.idle_s
            self.sweeper.heed(self.deadline)

    def lost(self, connection: Connection) -> None:
        """Strike a connection off."""
        self._all.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
        self._free()

    def expire(self) -> None:
        """Close the connections that were not used for long: the oldest stand first."""
        old = self.loop.time() - self._limits.idle_s
        while self.idle and self.idle[0].idle_since <= old:
            self.idle.pop(0).abort()
        self.deadline = self.idle[0].idle_since + self._limits.idle_s if self.idle else math.inf

    def close(self) -> None:
        """Close all, and those that are being made when they are."""
        self._over = True
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.granted.done():
                waiter.granted.set_exception(Unreachable("closed"))
        for connection in list(self._all):
            connection.shut()
        self.sweeper.stop()

    async def _make(self, call: Call, begun: float) -> Connection:
        """Make a connection; its place is counted already, and given on where none comes of it."""
        within_s = min(call.connect_s, call.total_s) - (self.loop.time() - begun)
        try:
            connection = await self._dialer.dial(self.origin, self, within_s)
        except TimeoutError:
            self._free()
            raise _not_connected(call) from None
        except BaseException:
            self._free()
            raise
        if self._over:
            connection.abort()
        if connection.closed:  # it was struck off before it was handed out
            raise Unreachable("closed")
        self._all.add(connection)
        return connection

    def _free(self) -> None:
        """Give one place on, or give it up."""
        while self.waiting:
            waiter = self.waiting.popleft()
            if not waiter.granted.done():
                waiter.granted.set_result(None)
                return
        self.open -= 1

    async def _wait(self, call: Call, begun: float) -> Connection | None:
        """Wait for a connection or a place; what was granted to a request that is gone is given on."""
        if len(self.waiting) >= self._limits.waiting:
            raise Unreachable("busy")
        waiter = _Waiter(begun + min(call.connect_s, call.total_s), self.loop.create_future())
        self.waiting.append(waiter)
        self.sweeper.add(waiter)
        try:
            return await waiter.granted
        except TimeoutError:
            self._withdraw(waiter)
            raise _not_connected(call) from None
        except BaseException:
            self._withdraw(waiter)
            raise
        finally:
            self.sweeper.discard(waiter)

    def _withdraw(self, waiter: _Waiter) -> None:
        """Wait no more; what was granted in the same moment goes to the next."""
        if waiter in self.waiting:
            self.waiting.remove(waiter)
        granted = waiter.granted
        if not granted.done() or granted.cancelled() or granted.exception() is not None:
            return
        connection = granted.result()
        if connection is None:
            self._free()
        elif not connection.closed:
            self.release(connection)


def _not_connected(call: Call) -> UpstreamTimeout:
    if call.total_s < call.connect_s:
        return UpstreamTimeout("total", call.total_s)
    return UpstreamTimeout("connect", call.connect_s)
