"""
Kept connections that the server closes as the next request is written.

The request may be sent once more, on a new connection, only where no byte of it can have been accepted. A request that
a server has read is never sent again: it may be paid for.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from adapters.upstream.pool import Limits, Pool
from domain.errors import Unreachable
from tests.adapters.upstream.pool.pooling import Taken, at_rest, both_loops, closing, empty, outcome, post, taken
from tests.lab.faults import Idle, Plan
from tests.lab.measures import until
from tests.lab.proxy import FaultProxy
from tests.lab.racing import racing
from tests.lab.raw_upstream import RawUpstream
from tests.lab.said import answering, whole

pytestmark = both_loops

OK = Taken(200, b"ok")


@pytest.mark.parametrize("idle", [Idle.READ, Idle.RESET, Idle.PASSED])
async def test_a_request_that_was_read_is_not_sent_again(pool: Pool, idle: Idle) -> None:
    """Whether the server then closes in order or with a RST: nobody can tell what it did with the request."""
    async with (
        RawUpstream(answering(whole())) as upstream,
        FaultProxy(upstream.address, Plan(idle=idle)) as proxy,
    ):
        assert OK == await taken(pool, post(proxy.address))

        assert isinstance(await outcome(pool, post(proxy.address)), Unreachable)
        await empty(pool, upstream)
        assert (1, 2 if idle is Idle.PASSED else 1) == (len(proxy.links), len(upstream.requests))


async def test_a_request_that_was_not_read_is_sent_at_most_twice(pool: Pool) -> None:
    """A server that closes on unread bytes resets the connection, and it looks as if it had read them."""
    async with (
        RawUpstream(answering(whole())) as upstream,
        FaultProxy(upstream.address, Plan(idle=Idle.UNREAD)) as proxy,
    ):
        assert OK == await taken(pool, post(proxy.address))

        found = await outcome(pool, post(proxy.address))
        await at_rest(pool)

        assert isinstance(found, Unreachable) or found == OK
        assert len(upstream.requests) <= 2


async def test_a_connection_closed_before_the_request_is_replaced(pool: Pool) -> None:
    """The caller sees nothing of it; the server gets the request once."""
    async with RawUpstream(answering(whole())) as upstream, FaultProxy(upstream.address) as proxy:
        for body in (b"1", b"2", b"3"):
            assert OK == await taken(pool, post(proxy.address, body))
            proxy.hang_up()  # and the event loop does not turn before the next request is written

        assert [b"1", b"2", b"3"] == [asked.body for asked in upstream.requests]
        assert 3 == len(proxy.links)


@pytest.mark.parametrize("size", [0, 1, 70_000, 5_000_000])
async def test_a_request_of_any_size_is_sent_once_more(pool: Pool, size: int) -> None:
    """Also one that does not fit into the buffers of a socket."""
    async with RawUpstream(answering(whole())) as upstream, FaultProxy(upstream.address) as proxy:
        assert OK == await taken(pool, post(proxy.address))
        proxy.hang_up()

        assert OK == await taken(pool, post(proxy.address, b"x" * size))
        assert [2, size] == [len(upstream.requests), len(upstream.requests[1].body)]


async def test_a_connection_reset_before_the_request_is_replaced_or_told(pool: Pool) -> None:
    """A reset acknowledges nothing, whatever was read before it: the request is not sent again for it."""
    async with RawUpstream(answering(whole())) as upstream, FaultProxy(upstream.address) as proxy:
        assert OK == await taken(pool, post(proxy.address))
        proxy.hang_up(rst=True)

        found = await outcome(pool, post(proxy.address))
        await at_rest(pool)
        assert found == OK or isinstance(found, Unreachable)
        assert (2 if found == OK else 1) == len(upstream.requests)
        assert OK == await taken(pool, post(proxy.address))


async def test_one_that_is_known_to_be_closed_is_not_tried(pool: Pool) -> None:
    """The pool hears of it, and lets it go."""
    async with RawUpstream(answering(whole())) as upstream, FaultProxy(upstream.address) as proxy:
        assert OK == await taken(pool, post(proxy.address))
        proxy.hang_up()
        await empty(pool)

        assert OK == await taken(pool, post(proxy.address))
        assert 2 == len(upstream.requests)


async def test_one_that_is_just_closing_is_not_tried(pool: Pool) -> None:
    """Its end has come, and it is still among the idle ones: a request in that very turn of the loop goes elsewhere."""
    async with RawUpstream(answering(whole())) as upstream, FaultProxy(upstream.address) as proxy:
        assert OK == await taken(pool, post(proxy.address))
        [host] = pool._hosts.values()
        [connection] = host.idle
        proxy.hang_up()
        await until(lambda: connection.closed)
        assert [connection] == host.idle

        assert OK == await taken(pool, post(proxy.address))
        assert (2, 1) == (len(upstream.requests), connection.served)


async def test_many_stale_connections_cost_one_try() -> None:
    """The second try goes over a new connection, not over the next stale one; also where all places are taken."""
    async with (
        closing(Pool(limits=Limits(connections=8))) as pool,
        RawUpstream(answering(whole())) as upstream,
        FaultProxy(upstream.address) as proxy,
    ):
        await asyncio.gather(*(taken(pool, post(proxy.address)) for _ in range(8)))
        assert 8 == pool.counts().idle
        proxy.hang_up()

        assert OK == await taken(pool, post(proxy.address))
        assert 9 == len(proxy.links)
        await until(lambda: (1, 1) == (pool.counts().open, pool.counts().idle))


async def test_a_new_connection_that_closes_is_a_failure(pool: Pool) -> None:
    """There was no answer on it before, so it is not the server's keep-alive that ended."""
    async with (
        RawUpstream(answering(whole())) as upstream,
        FaultProxy(upstream.address, Plan(idle=Idle.READ, idle_at=1)) as proxy,
    ):
        assert isinstance(await outcome(pool, post(proxy.address)), Unreachable)
        assert (0, 1) == (len(upstream.requests), len(proxy.links))
        await empty(pool)


async def test_there_is_no_third_try(pool: Pool) -> None:
    """A stale connection, then one that closes: the failure is told."""
    plans = [Plan(), Plan(idle=Idle.READ, idle_at=1)]
    async with (
        RawUpstream(answering(whole())) as upstream,
        FaultProxy(upstream.address, lambda number: plans[number - 1]) as proxy,
    ):
        assert OK == await taken(pool, post(proxy.address))
        proxy.hang_up()

        assert isinstance(await outcome(pool, post(proxy.address)), Unreachable)
        assert (1, 2) == (len(upstream.requests), len(proxy.links))
        await empty(pool)


async def test_a_second_try_waits_like_everyone_else() -> None:
    """Where all places are taken and others wait, it is served in its turn, and costs one connection."""
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering(whole())) as upstream,
        FaultProxy(upstream.address) as proxy,
        asyncio.TaskGroup() as group,
    ):
        assert OK == await taken(pool, post(proxy.address))
        proxy.hang_up()
        stale = group.create_task(taken(pool, post(proxy.address, b"stale")))

        async def others() -> None:
            for _ in range(100):
                if stale.done():
                    return
                await taken(pool, post(proxy.address))

        crowd = [group.create_task(others()) for _ in range(4)]
        assert OK == await stale
        await asyncio.wait(crowd)

        turn = [asked.body for asked in upstream.requests].index(b"stale")
        assert turn <= 8
        assert len(proxy.links) <= 3


async def race(pool: Pool, rounds: int, seed: int) -> Counter[str]:
    """
    Send requests to a server in another thread that closes each connection about when the next one is written.

    The truth is what it read: of no request anything may be read twice, and one that was answered was read once.
    """
    chance = random.Random(seed)
    counted: Counter[str] = Counter()
    with racing(seed, 600e-6) as server:
        for number in range(rounds):
            body = b"%08d" % number
            found = await outcome(pool, post(server.address, body))
            assert isinstance(found, Unreachable) or found == OK, found
            assert server.read[body] == 1 if found == OK else server.read[body] <= 1, (body, found)
            counted[type(found).__name__] += 1
            for _ in range(chance.randrange(4)):
                await asyncio.sleep(0)
        counted["connections"] = server.connections
    await empty(pool)
    return counted


async def test_no_request_is_read_twice_however_the_race_ends(pool: Pool) -> None:
    """A server closes about when we write; 200 times."""
    counted = await race(pool, 200, seed=1)

    assert counted["Taken"] > 100
    assert counted["connections"] > 100


@pytest.mark.soak
async def test_no_request_is_read_twice_however_ten_thousand_races_end(pool: Pool) -> None:
    """With other seeds."""
    counted = sum([await race(pool, 1_000, seed) for seed in range(10)], Counter[str]())

    assert counted["Taken"] > 5_000
