"""A connection of the server without a socket: for what must be tried at every byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import attrs
import uvicorn
from starlette.types import ASGIApp
from typing_extensions import override
from uvicorn.server import ServerState

from adapters.http.limits import Limits
from adapters.http.protocol import Protocol
from adapters.http.wire import WIRE, Wire
from domain.ports.observer import RequestRecord
from tests.fakes.clock import FakeIds
from tests.fakes.echo import Echo, Told, answers_in


@attrs.define
class Records:
    """Keeps what observers are told."""

    records: list[RequestRecord] = attrs.field(factory=list)

    def request_finished(self, record: RequestRecord) -> None:
        """Keep a record."""
        self.records.append(record)


class Pipe(asyncio.Transport):
    """The transport: keeps what is written, and notes how it is ended."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1000), "sockname": ("192.0.2.2", 80)})
        self.written = bytearray()
        self.eof = False
        self.closed = False
        self.reading = True
        self.stuck = 0
        """So many bytes are taken by nobody."""
        self.on_write: Callable[[bytes], object] | None = None

    @override
    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.eof, "written after the end"
        if not self.closed:
            self.written += data
        if self.on_write is not None:
            self.on_write(bytes(data))

    @override
    def write_eof(self) -> None:
        self.eof = True

    @override
    def can_write_eof(self) -> bool:
        return True

    @override
    def close(self) -> None:
        self.closed = True

    abort = close

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def pause_reading(self) -> None:
        self.reading = False

    @override
    def resume_reading(self) -> None:
        self.reading = True

    @override
    def get_write_buffer_size(self) -> int:
        return self.stuck


@attrs.define(eq=False)
class Wired:
    """A connection that waits for bytes; opened inside a running event loop."""

    protocol: Protocol
    pipe: Pipe
    observed: Records

    def send(self, data: bytes) -> None:
        """Let bytes arrive."""
        if not self.pipe.closed:
            self.protocol.data_received(data)

    async def settle(self) -> None:
        """Wait until the application does nothing more by itself."""
        for _ in range(100):
            await asyncio.sleep(0)
            if not self.protocol.tasks:
                return

    async def exchange(self, parts: Iterable[bytes], *, settling: bool = False) -> None:
        """Let bytes arrive in these parts, in one go or with time between them, and wait for what comes of it."""
        for part in parts:
            self.send(part)
            if settling:
                await asyncio.sleep(0)
                await asyncio.sleep(0)
        await self.settle()

    @property
    def answers(self) -> list[Told]:
        """What was answered."""
        return answers_in(bytes(self.pipe.written))

    @property
    def over(self) -> bool:
        """Whether nothing more will be answered."""
        return self.pipe.eof or self.pipe.closed

    def hang_up(self) -> None:
        """Be gone."""
        self.pipe.closed = True
        self.protocol.connection_lost(None)


@cache
def configuration() -> uvicorn.Config:
    """Return the server's configuration, which takes longer to load than most tests."""
    found = uvicorn.Config(Echo(), http=Protocol, ws="none", lifespan="off", proxy_headers=False, log_config=None)
    found.load()
    return found


@attrs.define(eq=False)
class Listening:
    """Makes connections that share an application, by default one that echoes, and their bounds."""

    app: ASGIApp | None = None
    limits: Limits = attrs.field(factory=Limits)
    echo: Echo = attrs.field(factory=Echo)
    observed: Records = attrs.field(factory=Records)
    server: ServerState = attrs.field(factory=ServerState)
    wire: Wire = attrs.field(init=False)

    @wire.default
    def _wire_of_these(self) -> Wire:
        return Wire(FakeIds(), self.observed, self.limits)

    def connect(self) -> Wired:
        """Open a connection; an event loop must be running."""
        state: dict[str, Any] = {WIRE: self.wire}
        protocol = Protocol(configuration(), self.server, state)
        protocol.app = self.app or self.echo
        pipe = Pipe()
        protocol.connection_made(pipe)
        return Wired(protocol, pipe, self.observed)
