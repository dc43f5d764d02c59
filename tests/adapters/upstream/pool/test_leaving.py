"""Answers that said that they are complete, before their framing has ended."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adapters.upstream.exchange import LEAVE_S, MAX_BUFFERED_BYTES, Incoming
from adapters.upstream.pool import Counts, Pool
from tests.adapters.upstream.pool.pooling import NOTHING, Taken, at_rest, both_loops, call, empty, post, taken
from tests.fakes.answers import Ending
from tests.fakes.signals import Signal
from tests.lab.raw_upstream import Connection, Piece, RawUpstream
from tests.lab.said import answering, chunked, head_of, whole

pytestmark = both_loops

DONE = b"data: [DONE]\n\n"
HEAD = head_of("Transfer-Encoding: chunked")
CHUNK = b"%x\r\n%b\r\n" % (len(DONE), DONE)
END = b"0\r\n\r\n"
LATER = whole(b"later")


async def left(pool: Pool, upstream: RawUpstream) -> Incoming:
    """Ask, read what says that it is all, and leave."""
    incoming = await pool.send(post(upstream.address), call())
    assert DONE == await incoming.next_block()
    incoming.leave()
    return incoming


@pytest.mark.parametrize("rest", [[END], [b"0", None, b"\r\n\r", None, b"\n"], [CHUNK * 100, None, END]])
async def test_a_connection_serves_again_once_its_answer_has_ended(pool: Pool, rest: Sequence[Piece]) -> None:
    """A moment later, whatever stood between."""
    gate = Signal()
    async with RawUpstream(answering([HEAD + CHUNK, gate, *rest], LATER)) as upstream:
        await left(pool, upstream)
        assert Counts(open=1, idle=0) == pool.counts()
        gate.set()
        await at_rest(pool)

        assert Taken(200, b"later") == await taken(pool, post(upstream.address))
        assert 1 == len(upstream.connections)


async def test_an_answer_that_had_ended_is_left_without_a_trace(pool: Pool) -> None:
    """Its connection may be another's by then."""
    async with RawUpstream(answering(chunked(DONE), LATER)) as upstream:
        incoming = await left(pool, upstream)
        answer = await pool.send(post(upstream.address), call())
        incoming.leave()
        incoming.close()

        assert b"later" == await answer.read()
        assert 1 == len(upstream.connections)


async def test_an_answer_that_does_not_end_costs_its_connection(pool: Pool) -> None:
    """After half a second; the caller has long gone on."""
    loop = asyncio.get_running_loop()
    async with RawUpstream(answering([HEAD + CHUNK, Signal()])) as upstream:
        begun = loop.time()
        await left(pool, upstream)
        await empty(pool, upstream)

    assert LEAVE_S - 0.01 <= loop.time() - begun <= LEAVE_S + 0.5


async def test_an_answer_that_goes_on_costs_its_connection(pool: Pool) -> None:
    """A server that sends for ever is not listened to."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(HEAD + CHUNK, None, None)
        while True:
            await connection.send(CHUNK * 100)

    async with RawUpstream(script) as upstream:
        await left(pool, upstream)
        await empty(pool, upstream)

        assert upstream.connections[0].sent < 16 * MAX_BUFFERED_BYTES


@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_a_connection_that_ends_after_its_answer_is_gone(pool: Pool, ending: Ending) -> None:
    """That is nobody's failure."""
    gate = Signal()
    async with RawUpstream(answering([HEAD + CHUNK, gate, ending])) as upstream:
        await left(pool, upstream)
        gate.set()
        await empty(pool, upstream)


async def test_an_answer_that_was_left_can_still_be_given_up(pool: Pool) -> None:
    """At once."""
    async with RawUpstream(answering([HEAD + CHUNK, Signal()])) as upstream:
        incoming = await left(pool, upstream)
        incoming.leave()
        incoming.close()
        incoming.close()
        await empty(pool, upstream)


async def test_a_pool_can_be_closed_on_an_answer_that_was_left(pool: Pool) -> None:
    """Nothing keeps it."""
    async with RawUpstream(answering([HEAD + CHUNK, Signal()])) as upstream:
        await left(pool, upstream)
        await pool.aclose()
        await empty(pool, upstream)

    assert NOTHING == pool.counts()
