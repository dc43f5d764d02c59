"""What the laboratory does to sockets, and how it serves them: without streams, so that nothing is read unasked."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Self

import attrs

from tests.fakes.signals import Signal

BLOCK = 65_536
Address = tuple[str, int]


def listening(address: Address, backlog: int = 1024, buffer: int | None = None) -> socket.socket:
    """Return a listening socket; what it accepts has buffers of so many bytes, where that is given."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    limit_buffers(sock, buffer)
    sock.bind(address)
    sock.listen(backlog)
    sock.setblocking(False)
    return sock


async def dialled(address: Address, buffer: int | None = None) -> socket.socket:
    """Return a connected socket."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setblocking(False)
    try:
        limit_buffers(sock, buffer)
        await asyncio.get_running_loop().sock_connect(sock, address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        sock.close()
        raise
    return sock


def limit_buffers(sock: socket.socket, size: int | None) -> None:
    """Have the system hold no more than about so many bytes for a socket; None leaves it as it is."""
    if size is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)


def hang_up(sock: socket.socket) -> None:
    """
    Close a socket in order.

    What had come and was not read is read first: to close on it would be a RST.
    """
    with suppress(OSError):
        while sock.recv(BLOCK, socket.MSG_DONTWAIT):
            pass
    sock.close()


def reset(sock: socket.socket) -> None:
    """Tear a connection down: the peer gets a RST instead of an end."""
    with suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def end_writing(sock: socket.socket) -> None:
    """Say that no more will come, and go on reading."""
    with suppress(OSError):
        sock.shutdown(socket.SHUT_WR)


async def readable(sock: socket.socket) -> None:
    """Wait until something has come, and leave it there."""
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(sock, ready.set)
    try:
        await ready.wait()
    finally:
        if sock.fileno() >= 0:
            loop.remove_reader(sock)


@contextmanager
def black_hole() -> Iterator[Address]:
    """Give an address that lets no connection come about, and refuses none: its queue is full, and nobody accepts."""
    with listening(("127.0.0.1", 0), backlog=0) as listener, socket.socket() as filler:
        address: Address = listener.getsockname()
        filler.connect(address)
        yield address


@contextmanager
def nobody() -> Iterator[Address]:
    """Give an address that refuses connections, and that nobody else takes meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()


@attrs.define(eq=False)
class Listener:
    """
    Accepts connections and has each served by a task of its own, until it is left.

    `drained` is set while no connection is being served. The first exception that serving raised, but for what the
    network does, is raised when the listener is left.
    """

    serve: Callable[[socket.socket], Awaitable[None]]
    address: Address = ("127.0.0.1", 0)
    buffer: int | None = None
    drained: Signal = attrs.field(factory=Signal)
    connections: int = 0
    open: int = 0
    _socket: socket.socket = attrs.field(init=False)
    _group: asyncio.TaskGroup = attrs.field(init=False)
    _tasks: set[asyncio.Task[None]] = attrs.field(factory=set)
    _faults: list[BaseException] = attrs.field(factory=list)

    async def __aenter__(self) -> Self:
        self._socket = listening(self.address, buffer=self.buffer)
        self.address = self._socket.getsockname()
        self.drained.set()
        self._group = await asyncio.TaskGroup().__aenter__()
        self._tasks.add(self._group.create_task(self._accept()))
        return self

    async def __aexit__(self, *_unused: object) -> None:
        for task in self._tasks.copy():
            task.cancel()
        await self._group.__aexit__(None, None, None)
        self._socket.close()
        if self._faults:
            raise self._faults[0]

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._socket)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connections += 1
            self.open += 1
            self.drained.clear()
            task = self._group.create_task(self._serve(sock))
            self._tasks.add(task)
            task.add_done_callback(partial(self._served, sock))  # also of a task that was cancelled before it began

    async def _serve(self, sock: socket.socket) -> None:
        try:
            await self.serve(sock)
        except OSError:
            pass  # a peer may leave when it likes
        except Exception as fault:  # noqa: BLE001 - raised when the listener is left
            self._faults.append(fault)

    def _served(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        sock.close()
        self._tasks.discard(task)
        self.open -= 1
        if not self.open:
            self.drained.set()
