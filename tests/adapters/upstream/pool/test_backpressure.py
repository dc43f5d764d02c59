"""Whoever is slow makes the other side wait, and fills no memory here."""

from __future__ import annotations

import asyncio

import pytest

from adapters.upstream.exchange import MAX_BUFFERED_BYTES
from adapters.upstream.pool import Limits, Pool
from domain.errors import UpstreamTimeout
from tests.adapters.upstream.pool.pooling import (
    Taken,
    blocks_of,
    both_loops,
    call,
    closing,
    empty,
    outcome,
    post,
    taken,
)
from tests.fakes.signals import Signal
from tests.lab.measures import until
from tests.lab.raw_upstream import Connection, RawUpstream
from tests.lab.said import answering, chunked, head_of, whole

pytestmark = both_loops

READ = 256 << 10
"""What an event loop reads at once."""
LATER = Taken(200, b"later")


async def turns(count: int = 200) -> None:
    """Let everything happen that can."""
    for _ in range(count):
        await asyncio.sleep(0)


def body_of(size: int) -> bytes:
    """Return a body whose bytes can be told apart."""
    return b"".join(b"%07d\n" % number for number in range(size // 8))


@pytest.mark.parametrize("framed", [whole, chunked])
async def test_an_answer_that_nobody_reads_waits_at_the_upstream(pool: Pool, framed: object) -> None:
    """No more than 256 KiB and one read are kept here; when it is read on, all of it comes."""
    body = body_of(4 << 20)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(framed(body))  # type: ignore[operator]

    async with RawUpstream(script, buffer=65_536) as upstream:
        with await pool.send(post(upstream.address), call()) as incoming:
            await turns()
            stalled = 0
            while stalled < upstream.connections[0].sent:  # the system still takes some, more and more slowly
                stalled = upstream.connections[0].sent
                await turns()
            kept = incoming._buffered
            found = b"".join([block async for block in blocks_of(incoming)])

    assert kept <= MAX_BUFFERED_BYTES + READ
    assert stalled < len(body)
    assert body == found


async def test_a_slow_reader_gets_all_of_it_in_small_parts(pool: Pool) -> None:
    """Reading goes on and stops as it does; what is kept is never more."""
    body = body_of(2 << 20)
    most = 0
    found = []
    async with RawUpstream(answering(whole(body)), buffer=65_536) as upstream:
        with await pool.send(post(upstream.address), call()) as incoming:
            while block := await incoming.next_block():
                found.append(block)
                await turns(5)
                most = max(most, incoming._buffered)

    assert most <= MAX_BUFFERED_BYTES + READ
    assert body == b"".join(found)


@pytest.mark.parametrize("extra", [8, 1_000, 40_000, 200_000])
async def test_a_connection_reads_on_for_the_next_request(pool: Pool, extra: int) -> None:
    """Whether or not its last answer was more than is kept: nobody had read of it when it was whole."""
    body = body_of(MAX_BUFFERED_BYTES + extra)
    async with RawUpstream(answering(whole(body), whole(b"later"))) as upstream:
        with await pool.send(post(upstream.address), call()) as incoming:
            await turns()
            found = b"".join([block async for block in blocks_of(incoming)])
        assert body == found

        assert LATER == await taken(pool, post(upstream.address))


@pytest.mark.parametrize("extra", [8, 1_000, 40_000, 200_000])
async def test_a_connection_reads_on_while_its_last_answer_is_unread(pool: Pool, extra: int) -> None:
    """It serves the next request, although whoever asked before has not read yet."""
    body = body_of(MAX_BUFFERED_BYTES + extra)
    async with RawUpstream(answering(whole(body), whole(b"later"))) as upstream:
        with await pool.send(post(upstream.address), call()) as incoming:
            await turns()
            assert LATER == await taken(pool, post(upstream.address))
            assert body == b"".join([block async for block in blocks_of(incoming)])


async def test_an_answer_that_nobody_reads_can_be_given_up(pool: Pool) -> None:
    """Although nothing is being read from its connection."""
    async with RawUpstream(answering(whole(bytes(8 << 20)))) as upstream:
        incoming = await pool.send(post(upstream.address), call())
        await turns()
        incoming.close()
        incoming.close()
        await empty(pool, upstream)


async def test_an_unread_answer_that_breaks_gives_what_came_first(pool: Pool) -> None:
    """Then the failure: a reader who is late is not told that it was all."""
    body = body_of(64 << 10)

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(head_of(f"Content-Length: {2 * len(body)}") + body)

    async with RawUpstream(script) as upstream:
        incoming = await pool.send(post(upstream.address), call())
        await empty(pool, upstream)
        assert body == await incoming.next_block()
        found = (await asyncio.gather(incoming.next_block(), return_exceptions=True))[0]

    assert isinstance(found, Exception)


async def test_a_request_that_nobody_reads_ends_at_its_deadline() -> None:
    """And leaves nothing, however large it is."""
    gate = Signal()

    async def script(connection: Connection) -> None:
        await connection.head()
        await gate.wait()

    async with closing(Pool(limits=Limits(connections=1))) as pool, RawUpstream(script, buffer=4096) as upstream:
        found = await outcome(pool, post(upstream.address, bytes(8 << 20)), call(first_byte_s=0.1))
        assert isinstance(found, UpstreamTimeout)
        await empty(pool)
        assert len(upstream.connections[0].received) < 1 << 20
        gate.set()
        await empty(pool, upstream)


async def test_a_request_is_read_as_slowly_as_the_upstream_likes(pool: Pool) -> None:
    """All of it arrives."""
    body = body_of(2 << 20)

    async def script(connection: Connection) -> None:
        await connection.head()
        while len(connection.received) < len(body):
            await connection.read(50_000)
            await turns(2)
        await connection.send(whole(b"later"))
        received.append(bytes(connection.received).partition(b"\r\n\r\n")[2])

    received: list[bytes] = []
    async with RawUpstream(script, buffer=16_384) as upstream:
        assert LATER == await taken(pool, post(upstream.address, body))
        await until(lambda: bool(received))

    assert body == received[0]
