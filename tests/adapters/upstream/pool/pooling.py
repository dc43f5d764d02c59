"""Requests through a pool, and what a pool must hold afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import attrs
import pytest

from adapters.upstream.exchange import Incoming
from adapters.upstream.origin import Origin, Outgoing, head_of
from adapters.upstream.pool import Counts, Pool
from domain.errors import ProviderFailure
from domain.ports.providers import Call
from tests.lab.measures import until
from tests.lab.raw_upstream import RawUpstream
from tests.lab.sockets import Address

NOTHING = Counts()
UVLOOP = ("asyncio", {"use_uvloop": True})
both_loops = pytest.mark.parametrize("anyio_backend", [("asyncio", {}), UVLOOP], ids=["asyncio", "uvloop"])
"""For what depends on how transports behave: the event loop that comes with Python, and the gateway's."""


@attrs.frozen
class Taken:
    """An answer that was read to its end."""

    status: int
    body: bytes
    headers: Mapping[str, str] = attrs.field(factory=dict, eq=False)


def call(connect_s: float = 20, first_byte_s: float = 20, idle_s: float = 20, total_s: float = 30) -> Call:
    """Return a call with deadlines that no answer here needs, so that what hangs fails."""
    return Call("m", "", connect_s, first_byte_s, idle_s, total_s)


def post(
    address: Address,
    body: bytes = b"{}",
    path: str = "/",
    *,
    host: str = "",
    scheme: Any = "http",
    method: str = "POST",
) -> Outgoing:
    """Return a request to an address, or by the name of a host."""
    origin = Origin(scheme, host or address[0], address[1])
    headers = [(b"host", origin.authority.encode()), (b"content-length", b"%d" % len(body))]
    return Outgoing(origin, head_of(method, path, headers) + b"\r\n", body, bodiless=method == "HEAD")


async def taken(pool: Pool, request: Outgoing, within: Call | None = None) -> Taken:
    """Send a request and read its answer to the end."""
    with await pool.send(request, within or call()) as incoming:
        blocks = [block async for block in blocks_of(incoming)]
    return Taken(incoming.status, b"".join(blocks), incoming.headers)


async def outcome(pool: Pool, request: Outgoing, within: Call | None = None) -> Taken | ProviderFailure:
    """Send a request and return its whole answer, or what failed; nothing else may be raised."""
    try:
        return await taken(pool, request, within)
    except ProviderFailure as failure:
        return failure


async def blocks_of(incoming: Incoming) -> AsyncIterator[bytes]:
    """Read an answer block by block."""
    while block := await incoming.next_block():
        yield block


async def at_rest(pool: Pool) -> None:
    """See that nothing is under way any more: no connection busy, no request waiting."""
    await until(lambda: (0, 0) == (pool.counts().busy, pool.counts().waiting))


async def empty(pool: Pool, *upstreams: RawUpstream) -> None:
    """See that nothing is held any more, here or there."""
    await until(lambda: pool.counts() == NOTHING and not any(upstream.open for upstream in upstreams))


@asynccontextmanager
async def closing(pool: Pool) -> AsyncIterator[Pool]:
    """Use a pool, and close it."""
    try:
        yield pool
    finally:
        await pool.aclose()
