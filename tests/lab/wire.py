"""What a raw upstream reads from and writes to: a socket, or TLS over one."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

import attrs

from tests.lab.sockets import BLOCK

Done = TypeVar("Done")


class Wire(Protocol):
    """Bytes in, b"" at their end, and bytes out; nothing is read before it is asked for."""

    async def receive(self, limit: int) -> bytes:
        """Wait for some bytes."""
        ...

    async def send(self, data: bytes) -> None:
        """Send bytes, and wait until the system has them."""
        ...


@attrs.frozen(eq=False)
class PlainWire:
    """A socket."""

    sock: socket.socket

    async def receive(self, limit: int) -> bytes:
        """Wait for some bytes."""
        return await asyncio.get_running_loop().sock_recv(self.sock, limit)

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await asyncio.get_running_loop().sock_sendall(self.sock, data)


class TlsWire:
    """TLS over a socket, as the server; its end is the socket's, with or without a word of good-bye."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        self._sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._sending = asyncio.Lock()

    async def receive(self, limit: int) -> bytes:
        """Wait for some bytes; the first time, shake hands before."""
        try:
            return await self._do(lambda: self._tls.read(limit))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def send(self, data: bytes) -> None:
        """Send bytes."""
        await self._do(lambda: self._tls.write(data))

    def say_goodbye(self) -> None:
        """
        Tell the peer that this is the end, as TLS wants it: an end without it may be an attacker's.

        The few bytes are sent at once; where they cannot be, they are not.
        """
        with suppress(ssl.SSLError, OSError):
            try:
                self._tls.unwrap()
            except ssl.SSLWantReadError:  # the peer's own good-bye is not waited for
                self._sock.send(self._out.read(), socket.MSG_DONTWAIT)

    async def _do(self, action: Callable[[], Done]) -> Done:
        while True:
            try:
                done = action()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await asyncio.get_running_loop().sock_recv(self._sock, BLOCK)
                if data:
                    self._in.write(data)
                else:
                    self._in.write_eof()
            else:
                await self._flush()
                return done

    async def _flush(self) -> None:
        async with self._sending:
            if data := self._out.read():
                await asyncio.get_running_loop().sock_sendall(self._sock, data)
