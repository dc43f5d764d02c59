"""One connection of a double: requests in, chosen bytes out."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

import attrs

from tests.fakes.dialect import Seen


class PeerLeft(Exception):
    """The client has closed the connection."""


@attrs.define(eq=False)
class Connection:
    """Reads requests as they come over the wire, and notices when the client leaves."""

    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    _number: int
    _ahead: bytes = b""

    def __attrs_post_init__(self) -> None:
        """Count bytes as written when the system has them, so that nothing waits in a buffer of ours."""
        self._writer.transport.set_write_buffer_limits(high=1, low=0)  # high=0 never resumes over TLS

    async def head(self) -> Seen | None:
        """Read the head of a request; None where no other request comes."""
        try:
            data = self._ahead + await self._reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        self._ahead = b""
        line, *fields = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, path, _version = line.split(" ", 2)
        pairs = (field.partition(":") for field in fields)
        headers = tuple((name, value.strip()) for name, _, value in pairs)
        return Seen(method, path, headers, connection=self._number)

    async def body(self, seen: Seen) -> None:
        """Read the body of a request."""
        if (seen.header("transfer-encoding") or "").lower() == "chunked":
            seen.body = await self._chunks()
        else:
            seen.body = await self._reader.readexactly(int(seen.header("content-length") or 0))

    async def wait_for_request(self) -> None:
        """Wait until something of another request is there, or the client leaves."""
        await self._reader.read(1)

    async def wait_until_left(self) -> None:
        """Read and drop what comes until the client leaves: to close on unread bytes would be a RST."""
        while await self._reader.read(1 << 16):
            pass

    async def watched(self, work: Coroutine[Any, Any, None]) -> None:
        """Do some work; raises `PeerLeft`, and drops the work, when the client leaves before it is done."""
        try:
            async with asyncio.TaskGroup() as group:
                watch = group.create_task(self._watch())
                await work
                watch.cancel()
        except* (PeerLeft, OSError):
            raise PeerLeft from None

    async def write(self, data: bytes) -> None:
        """Write, and wait until the system has taken it."""
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """Tear the connection down with a RST."""
        sock: socket.socket = self._writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def close(self) -> None:
        """Close the connection in order."""
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()

    async def _watch(self) -> None:
        """Raise as soon as the client leaves; what it sends meanwhile is kept."""
        while data := await self._reader.read(1 << 16):
            self._ahead += data
        raise PeerLeft

    async def _chunks(self) -> bytes:
        found = bytearray()
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            found += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return bytes(found)
