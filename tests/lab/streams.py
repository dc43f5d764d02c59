"""A plain client for the tests of the laboratory itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from tests.lab.sockets import Address


@asynccontextmanager
async def dialled(address: Address, **options: Any) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect, and close at the end."""
    reader, writer = await asyncio.open_connection(*address, **options)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


async def read_all(reader: asyncio.StreamReader) -> bytes:
    """Read to the end; where the connection was reset, raise that even where something came before."""
    found = await reader.read()
    if (error := reader.exception()) is not None:
        raise error
    return found
