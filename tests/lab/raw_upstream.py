"""
An upstream of which a script says every byte, and when it reads.

    async def script(connection: Connection) -> None:
        while request := await connection.request():
            await connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", gate, b"ok")

    async with RawUpstream(script) as upstream:
        ...                                 # send something to upstream.address
        assert upstream.requests[0].raw.startswith(b"POST / HTTP/1.1\r\n")

When a script returns, its connection is closed. `tests.lab.said` has the scripts that only answer. Where the answer
matters more than its bytes, use the doubles of `tests.fakes`.
"""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Self

import attrs

from tests.fakes.answers import Ending
from tests.fakes.connection import PeerLeft
from tests.fakes.signals import Signal
from tests.lab import sockets
from tests.lab.sockets import BLOCK, Address, Listener
from tests.lab.wire import PlainWire, TlsWire, Wire

Piece = bytes | Signal | Ending | None
"""
What is sent, or what is waited for before the rest is, or how the connection ends there.

None lets whoever runs in the same event loop read what was sent, so that what follows comes apart from it.
"""
_TURNS = 4


@attrs.frozen
class Asked:
    """One request, byte for byte."""

    connection: int
    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """All of it."""
        return self.head + self.body

    @property
    def target(self) -> str:
        """What its first line asks for."""
        return self.head.split(b" ", 2)[1].decode()


def _this_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


@attrs.define(eq=False)
class Connection:
    """
    One connection of a raw upstream, as its script sees it.

    `received` has all that was read, also of requests that were not read to their end, and `sent` counts what the
    system took. `left` is set once the script has read the client's end, or met its RST; `left_by` says which.
    """

    number: int
    upstream: RawUpstream
    wire: Wire
    sock: socket.socket
    received: bytearray = attrs.field(factory=bytearray)
    sent: int = 0
    left: Signal = attrs.field(factory=Signal)
    left_by: Ending | None = None
    _taken: int = 0
    _task: asyncio.Task[Any] = attrs.field(factory=_this_task)

    async def read(self, limit: int = BLOCK) -> bytes:
        """Read what comes next; b"" when the client has left."""
        try:
            data = await self.wire.receive(limit)
        except ConnectionError:
            self._note_left(Ending.RESET)
            return b""
        if not data:
            self._note_left(Ending.CLOSE)
        self.received += data
        return data

    async def head(self) -> bytes:
        """Read the head of the next request; b"" when there is none."""
        return await self._through(b"\r\n\r\n")

    async def body(self, head: bytes) -> bytes:
        """Read the body that belongs to a head; raises `PeerLeft` where it breaks off."""
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked\r\n", head):
            return await self._through(b"0\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)\r\n", head)
        return await self._exactly(int(length[1]) if length else 0)

    async def request(self) -> Asked | None:
        """Read a whole request, and note it; None where none comes."""
        head = await self.head()
        if not head:
            return None
        asked = Asked(self.number, head, await self.body(head))
        self.upstream.requests.append(asked)
        self.upstream.asked.set()
        return asked

    async def send(self, *pieces: Piece) -> None:
        """Send pieces in turn; raises `PeerLeft` when the client leaves meanwhile, or the pieces end the connection."""
        for piece in pieces:
            match piece:
                case bytes():
                    await self._send(piece)
                case Signal():
                    await self.wait(piece)
                case Ending.RESET:
                    sockets.reset(self.sock)
                    raise PeerLeft
                case Ending.CLOSE:
                    sockets.hang_up(self.sock)
                    raise PeerLeft
                case Ending.OPEN:
                    await self.until_left()
                    raise PeerLeft
                case Ending.KEEP:
                    pass
                case None:
                    for _ in range(_TURNS):
                        await asyncio.sleep(0)

    async def wait(self, gate: Signal) -> None:
        """
        Wait for a gate to open; raises `PeerLeft` when the client leaves before.

        Where the client has sent something that was not read, it is not seen to leave.
        """
        self.upstream.holding.set()
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                await gate.wait()
                watch.cancel()
        except* PeerLeft:
            raise PeerLeft from None

    async def until_left(self) -> None:
        """Read and drop what comes until the client leaves."""
        while await self.read():
            pass

    def hang_up(self) -> None:
        """Close the connection at once, from outside of its script: whatever comes from now on reaches nobody."""
        if self.sock.fileno() < 0:
            return
        loop = self._task.get_loop()
        loop.remove_reader(self.sock)
        loop.remove_writer(self.sock)
        if isinstance(self.wire, TlsWire):
            self.wire.say_goodbye()
        sockets.hang_up(self.sock)
        self._task.cancel()

    def end_writing(self) -> None:
        """Say that no more will come, and stay."""
        sockets.end_writing(self.sock)

    def reset(self) -> None:
        """Tear the connection down."""
        sockets.reset(self.sock)

    async def _watch(self) -> None:
        """Raise as soon as the client leaves."""
        await sockets.readable(self.sock)
        try:
            if self.sock.recv(1, socket.MSG_PEEK):
                return
        except OSError:
            self._note_left(Ending.RESET)
        self._note_left(Ending.CLOSE)
        raise PeerLeft

    async def _send(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            for start in range(0, len(view), BLOCK):
                await self.wire.send(bytes(view[start : start + BLOCK]))
                self.sent += len(view[start : start + BLOCK])
        except OSError:
            self._note_left(Ending.RESET)
            raise PeerLeft from None

    async def _through(self, mark: bytes) -> bytes:
        """Read to the end of a mark; b"" where nothing came at all."""
        searched = self._taken
        while (place := self.received.find(mark, searched)) < 0:
            searched = max(self._taken, len(self.received) - len(mark))
            if not await self.read():
                return b"" if len(self.received) == self._taken else self._broken()
        return self._take(place + len(mark))

    async def _exactly(self, count: int) -> bytes:
        end = self._taken + count
        while len(self.received) < end:
            if not await self.read():
                self._broken()
        return self._take(end)

    def _take(self, end: int) -> bytes:
        start, self._taken = self._taken, end
        return bytes(self.received[start:end])

    def _broken(self) -> bytes:
        raise PeerLeft

    def _note_left(self, how: Ending) -> None:
        if self.left_by is None:
            self.left_by = how
            self.left.set()


Script = Callable[[Connection], Awaitable[None]]


@attrs.define(eq=False)
class RawUpstream:
    """
    Plays a script on each connection.

    `requests` are all that were read whole, on whatever connection, in order; `connections` all that came. `asked` is
    set with each request, `holding` when a script has come to a gate, `drained` while no connection is open. `buffer`
    limits what the system holds for each connection.
    """

    script: Script
    tls: ssl.SSLContext | None = None
    buffer: int | None = None
    requests: list[Asked] = attrs.field(factory=list)
    connections: list[Connection] = attrs.field(factory=list)
    asked: Signal = attrs.field(factory=Signal)
    holding: Signal = attrs.field(factory=Signal)
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
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return self._listener.open

    @property
    def drained(self) -> Signal:
        """Set while there are none."""
        return self._listener.drained

    async def __aenter__(self) -> Self:
        self._listener = Listener(self._serve, buffer=self.buffer)
        await self._listener.__aenter__()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self._listener.__aexit__()

    async def _serve(self, sock: socket.socket) -> None:
        wire = TlsWire(sock, self.tls) if self.tls else PlainWire(sock)
        connection = Connection(len(self.connections) + 1, self, wire, sock)
        self.connections.append(connection)
        try:
            await self.script(connection)
            if isinstance(wire, TlsWire):
                wire.say_goodbye()
        except PeerLeft:
            pass  # it was noted
