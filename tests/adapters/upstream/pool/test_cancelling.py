"""Requests that are given up, at every wait there is. Nothing is left behind, here or at the upstream."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from adapters.upstream.addresses import Resolve
from adapters.upstream.exchange import Incoming
from adapters.upstream.pool import Limits, Pool
from tests.adapters.upstream.pool.pooling import Taken, at_rest, both_loops, call, empty, outcome, post, taken
from tests.fakes.answers import Ending
from tests.fakes.signals import Signal
from tests.lab.cancelling import Interrupted, Moment, at_every_wait, interrupted
from tests.lab.certificates import NAME, Certificates
from tests.lab.measures import Held, held, until
from tests.lab.raw_upstream import Connection, Piece, RawUpstream
from tests.lab.said import answering, head_of, whole

pytestmark = both_loops

OK = Taken(200, b"ok")
STREAM = [head_of("Transfer-Encoding: chunked"), None, b"1\r\no", None, b"\r\n1\r\nk\r\n", None, b"0\r\n\r\n"]
ANSWERS: dict[str, Sequence[Piece]] = {
    "whole": [whole()],
    "late": [None, None, whole()],
    "in pieces": [b"HTTP/1.1 2", None, b"00 OK\r\nContent-Length: 2\r\n", None, b"\r\no", None, b"k"],
    "stream": STREAM,
    "until the end": [head_of() + b"o", None, b"k", Ending.CLOSE],
    "closing": [whole(b"ok", "Connection: close")],
}
MOMENTS = pytest.mark.parametrize("moment", list(Moment))


async def prove(
    moment: Moment,
    upstream: RawUpstream,
    ask: Callable[[Pool], Awaitable[object]],
    made: Callable[[], Pool] = Pool,
    *,
    anew: bool = True,
) -> Interrupted:
    """
    Cancel some work at each of its waits, with a new pool each time or with one for all.

    After each, nothing is busy or waits, and what is open here is open there; when the pool is closed, the files and
    tasks are those of before. Returns how the work went when it was left alone.
    """
    warm = made()
    await ask(warm)  # the event loop keeps what it opens at first
    await warm.aclose()
    await empty(warm, upstream)
    before = held()
    pools: list[Pool] = []

    async def work() -> object:
        if anew or not pools:
            pools.append(made())
        return await ask(pools[-1])

    last: Interrupted | None = None
    async for found in at_every_wait(work, moment):
        last = found
        await at_rest(pools[-1])
        await until(lambda: upstream.open == pools[-1].counts().open)
        if anew:
            await shut(pools[-1], upstream, before)
    await shut(pools[-1], upstream, before)
    assert last is not None
    assert last.step > 1
    return last


async def shut(pool: Pool, upstream: RawUpstream, before: Held) -> None:
    """Close a pool, and see that everything is gone."""
    await pool.aclose()
    await empty(pool, upstream)
    await until(lambda: before == held())


async def asked(pool: Pool, upstream: RawUpstream) -> Taken:
    """Ask for something."""
    return await taken(pool, post(upstream.address))


@MOMENTS
@pytest.mark.parametrize("anew", [True, False], ids=["new", "kept"])
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
async def test_nothing_is_left_of_a_request(answer: Sequence[Piece], anew: bool, moment: Moment) -> None:
    """On a new connection or a kept one, before its answer or in the middle of it."""
    async with RawUpstream(answering(answer)) as upstream:
        found = await prove(moment, upstream, lambda pool: asked(pool, upstream), anew=anew)

    assert OK == found.result


def resolving(*addresses: str) -> Resolve:
    """Return a look-up that takes some turns of the loop."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        for _ in range(3):
            await asyncio.sleep(0)
        return addresses

    return resolve


@MOMENTS
async def test_nothing_is_left_of_a_look_up(moment: Moment) -> None:
    """Nor of the first address, which refuses."""

    def made() -> Pool:
        return Pool(allow_private=True, resolve=resolving("127.0.0.2", "127.0.0.1"))

    async with RawUpstream(answering(whole())) as upstream:
        found = await prove(
            moment, upstream, lambda pool: taken(pool, post(upstream.address, host="two.internal")), made
        )

    assert OK == found.result


@MOMENTS
@pytest.mark.parametrize("anew", [True, False], ids=["new", "kept"])
async def test_nothing_is_left_of_a_request_over_tls(trusted: Certificates, anew: bool, moment: Moment) -> None:
    """Nor of a handshake."""

    def made() -> Pool:
        return Pool(allow_private=True, resolve=resolving("127.0.0.1"))

    async with RawUpstream(answering(STREAM), tls=trusted.good) as upstream:
        request = post(upstream.address, host=NAME, scheme="https")
        found = await prove(moment, upstream, lambda pool: taken(pool, request), made, anew=anew)

    assert OK == found.result


@MOMENTS
@pytest.mark.parametrize("given", ["a connection", "a place", "a place after a failure"])
async def test_nothing_is_left_of_a_wait_for_a_connection(given: str, moment: Moment) -> None:
    """What is granted in the very moment goes to the next."""
    gate = Signal()
    pieces: list[Piece] = [head_of("Content-Length: 2"), gate, b"ok"]
    if given == "a place after a failure":
        pieces.append(Ending.RESET)

    async def give(pool: Pool, holding: Incoming) -> None:
        await until(lambda: pool.counts().waiting > 0 or pool.counts().open == 0 or gate.is_set())
        if given == "a place":
            holding.close()
        gate.set()

    async def ask(pool: Pool) -> Taken:
        return await asked(pool, upstream)

    async with RawUpstream(answering(pieces)) as upstream, asyncio.TaskGroup() as group:
        step, found = 0, None
        while found is None or found.reached:
            step += 1
            gate.clear()
            pool = Pool(limits=Limits(connections=1))
            holding = await pool.send(post(upstream.address), call())
            giving = group.create_task(give(pool, holding))
            found = await interrupted(ask(pool), step, moment)
            gate.set()
            await giving
            holding.close()
            await at_rest(pool)
            if given != "a place after a failure":
                assert OK == await asked(pool, upstream)
            await pool.aclose()
            await empty(pool, upstream)

    assert step > 1
    assert OK == found.result or given == "a place after a failure"


@MOMENTS
async def test_nothing_is_left_of_an_upload(moment: Moment) -> None:
    """To a server that does not read it."""
    gate = Signal()

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.wait(gate)
        gate.clear()

    async def ask(pool: Pool) -> None:
        group.create_task(open_the_gate())
        await outcome(pool, post(upstream.address, b"x" * (4 << 20)))

    async def open_the_gate() -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        gate.set()

    async with RawUpstream(script, buffer=4096) as upstream, asyncio.TaskGroup() as group:
        await prove(moment, upstream, ask)


@pytest.mark.parametrize("times", [2, 3])
async def test_a_stream_may_be_cancelled_more_than_once(times: int) -> None:
    """As when a client leaves while the gateway shuts down."""
    gate = Signal()
    async with RawUpstream(answering([head_of("Transfer-Encoding: chunked"), b"1\r\no\r\n", gate])) as upstream:
        pool = Pool(limits=Limits(connections=1))
        for _ in range(30):
            begun = asyncio.Event()

            async def read(begun: asyncio.Event = begun) -> None:
                with await pool.send(post(upstream.address), call()) as incoming:
                    await incoming.next_block()
                    begun.set()
                    try:
                        await incoming.next_block()
                    finally:
                        await asyncio.sleep(0)
                        incoming.close()
                        await asyncio.sleep(0)

            task = asyncio.get_running_loop().create_task(read())
            await begun.wait()
            for _ in range(times):
                task.cancel()
                await asyncio.sleep(0)
            await asyncio.wait({task})
            assert task.cancelled()
            await empty(pool, upstream)
        await pool.aclose()
