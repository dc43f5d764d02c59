"""How many connections one host has, and who waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adapters.upstream.pool import Counts, Limits, Pool
from domain.errors import Unreachable, UpstreamTimeout
from tests.adapters.upstream.pool.pooling import Taken, call, closing, empty, outcome, post, taken
from tests.fakes.answers import Ending
from tests.fakes.signals import Signal
from tests.lab import sockets
from tests.lab.measures import until
from tests.lab.raw_upstream import Connection, RawUpstream
from tests.lab.said import Answer, answering, head_of, whole

OK = Taken(200, b"ok")


class Desk:
    """Answers when told to: each request waits for a stamp of its own."""

    def __init__(self) -> None:
        self.order: list[bytes] = []
        self._stamps: dict[bytes, Signal] = {}

    def stamp(self, body: bytes) -> Signal:
        """Return what the request with this body waits for."""
        return self._stamps.setdefault(body, Signal())

    async def serve(self, connection: Connection) -> None:
        """Take requests, and answer each when it is stamped."""
        while asked := await connection.request():
            self.order.append(asked.body)
            await connection.send(self.stamp(asked.body), whole())


async def test_no_host_has_more_connections_than_its_limit() -> None:
    """Whoever comes after that waits, and is served in the order of coming."""
    desk = Desk()
    bodies = [b"%d" % number for number in range(10)]
    async with (
        closing(Pool(limits=Limits(connections=3))) as pool,
        RawUpstream(desk.serve) as upstream,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(taken(pool, post(upstream.address, body))) for body in bodies]
        await until(lambda: Counts(open=3, idle=0, waiting=7) == pool.counts() and len(desk.order) == 3)
        for served, body in enumerate(bodies):
            desk.stamp(body).set()
            await until(lambda served=served: len(desk.order) == min(served + 4, 10))  # type: ignore[misc]
        await asyncio.wait(tasks)

        assert bodies == desk.order
        assert [OK] * 10 == [task.result() for task in tasks]
        assert (3, Counts(open=3, idle=3)) == (len(upstream.connections), pool.counts())


async def test_no_more_requests_wait_than_the_limit() -> None:
    """One more is refused at once."""
    async with (
        closing(Pool(limits=Limits(connections=1, waiting=2))) as pool,
        RawUpstream(answering([gate := Signal(), whole()])) as upstream,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(taken(pool, post(upstream.address))) for _ in range(3)]
        await until(lambda: 2 == pool.counts().waiting)
        refused = await outcome(pool, post(upstream.address))
        gate.set()
        await asyncio.wait(tasks)

        assert isinstance(refused, Unreachable)
        assert "busy" == refused.reason
        assert [OK] * 3 == [task.result() for task in tasks]


async def test_who_waited_too_long_leaves_nothing() -> None:
    """The place goes to the next in the line."""
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering([gate := Signal(), whole()])) as upstream,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(taken(pool, post(upstream.address)))
        await upstream.asked.wait(10)
        short = [group.create_task(outcome(pool, post(upstream.address), call(connect_s=0.05))) for _ in range(3)]
        long = group.create_task(taken(pool, post(upstream.address)))
        await asyncio.wait(short)
        assert Counts(open=1, idle=0, waiting=1) == pool.counts()
        gate.set()

        assert [OK, OK] == [await first, await long]
        assert all(isinstance(task.result(), UpstreamTimeout) for task in short)
        assert Counts(open=1, idle=1) == pool.counts()


@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
async def test_a_place_comes_free_when_a_connection_breaks(ending: Ending) -> None:
    """Whoever waits gets a new connection."""
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering([gate := Signal(), ending], whole())) as upstream,
        asyncio.TaskGroup() as group,
    ):
        broken = group.create_task(outcome(pool, post(upstream.address)))
        await upstream.asked.wait(10)
        waiting = group.create_task(taken(pool, post(upstream.address)))
        await until(lambda: 1 == pool.counts().waiting)
        gate.set()

        assert isinstance(await broken, Unreachable)
        assert OK == await waiting
        assert Counts(open=1, idle=1) == pool.counts()


async def test_a_place_comes_free_when_a_connection_cannot_be_made() -> None:
    """Each of those who wait is told in its turn; none for ever."""
    with sockets.nobody() as address:
        async with closing(Pool(limits=Limits(connections=1))) as pool:
            found = await asyncio.gather(*(outcome(pool, post(address)) for _ in range(5)))
            await empty(pool)

    assert ["connect"] * 5 == [each.reason for each in found if isinstance(each, Unreachable)]


async def test_a_granted_connection_that_closes_at_once_is_replaced() -> None:
    """The server answers and closes, and the one who waits does not notice."""
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering([gate := Signal(), whole(), Ending.CLOSE])) as upstream,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(taken(pool, post(upstream.address))) for _ in range(6)]
        await until(lambda: 5 == pool.counts().waiting)
        gate.set()
        await asyncio.wait(tasks)

        assert [OK] * 6 == [task.result() for task in tasks]
        assert (6, 6) == (len(upstream.requests), len(upstream.connections))
        await empty(pool, upstream)


async def test_hosts_do_not_share_their_limits() -> None:
    """One that is full does not keep another waiting; the same address under another port is another."""
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering([gate := Signal(), whole()])) as slow,
        RawUpstream(answering(whole())) as quick,
        asyncio.TaskGroup() as group,
    ):
        tasks = [group.create_task(taken(pool, post(slow.address))) for _ in range(2)]
        await until(lambda: 1 == pool.counts().waiting)
        assert OK == await taken(pool, post(quick.address))
        gate.set()
        await asyncio.wait(tasks)

        assert 2 == pool.counts().open


async def test_the_last_used_connection_is_used_next(pool: Pool) -> None:
    """So that those that are not needed grow old."""
    async with RawUpstream(answering(whole())) as upstream:
        await asyncio.gather(*(taken(pool, post(upstream.address)) for _ in range(4)))
        last = [asked.connection for asked in upstream.requests][-1]
        for _ in range(5):
            await taken(pool, post(upstream.address))

        assert {last} == {asked.connection for asked in upstream.requests[4:]}


async def test_closing_the_pool_ends_everything() -> None:
    """Requests under way and those that wait fail; nothing is held."""
    pool = Pool(limits=Limits(connections=3))
    pieces: list[Answer] = [whole(), [Signal()], [head_of("Content-Length: 5"), b"ha", Signal()]]
    async with RawUpstream(answering(*pieces)) as upstream, asyncio.TaskGroup() as group:
        await taken(pool, post(upstream.address))
        tasks = [group.create_task(outcome(pool, post(upstream.address))) for _ in range(5)]
        await until(lambda: (3, 2) == (pool.counts().busy, pool.counts().waiting) and len(upstream.requests) == 4)

        await pool.aclose()

        await asyncio.wait(tasks)
        assert not any(isinstance(task.result(), Taken) for task in tasks)
        await empty(pool, upstream)


async def test_a_pool_that_closes_while_a_connection_is_made() -> None:
    """Has none in the end."""
    gate = Signal()

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await gate.wait()
        return ["127.0.0.1"]

    pool = Pool(allow_private=True, resolve=resolve)
    async with RawUpstream(answering(whole())) as upstream, asyncio.TaskGroup() as group:
        task = group.create_task(outcome(pool, post(upstream.address, host="slow.internal")))
        await until(lambda: 1 == pool.counts().busy)
        await pool.aclose()
        gate.set()

        assert isinstance(await task, Unreachable)
        await empty(pool, upstream)
