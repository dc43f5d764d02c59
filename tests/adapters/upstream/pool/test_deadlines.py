"""Every wait ends: where it should, within half a second, and without a timer for each request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import uvloop
from typing_extensions import override

from adapters.upstream.pool import Limits, Pool
from domain.errors import ProviderFailure, UpstreamTimeout
from tests.adapters.upstream.pool.pooling import Taken, call, closing, empty, outcome, post, taken
from tests.fakes.signals import Signal
from tests.lab import sockets
from tests.lab.certificates import NAME
from tests.lab.faults import Plan, Way
from tests.lab.measures import until
from tests.lab.proxy import FaultProxy
from tests.lab.raw_upstream import Connection, Piece, RawUpstream
from tests.lab.said import Answer, answering, chunked, head_of, whole

SHORT = 0.1
NEVER = Signal()


async def late(phase: str, after_s: float, asking: Any) -> None:
    """See that an outcome is a time-out of this phase, told with its length, and at its time."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    found = await asking
    took = loop.time() - begun

    assert isinstance(found, UpstreamTimeout), found
    assert (phase, after_s) == (found.phase, found.after_s)
    assert after_s - 0.01 <= took <= after_s + 0.5


async def test_a_connection_that_does_not_come_about(pool: Pool) -> None:
    """The packets are lost."""
    with sockets.black_hole() as address:
        await late("connect", SHORT, outcome(pool, post(address), call(connect_s=SHORT)))
    await empty(pool)


async def test_a_look_up_that_does_not_end() -> None:
    """It counts as part of connecting."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return []

    async with closing(Pool(resolve=resolve)) as pool:
        await late("connect", SHORT, outcome(pool, post(("", 80), host="slow.internal"), call(connect_s=SHORT)))
        await empty(pool)


@pytest.mark.usefixtures("trusted")  # the system's authorities take long to read, the first time
async def test_a_handshake_that_does_not_end() -> None:
    """It does, too."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return ["127.0.0.1"]

    async def script(connection: Connection) -> None:
        await connection.until_left()

    async with closing(Pool(allow_private=True, resolve=resolve)) as pool, RawUpstream(script) as upstream:
        request = post(upstream.address, host=NAME, scheme="https")
        await late("connect", SHORT, outcome(pool, request, call(connect_s=SHORT)))
        await empty(pool, upstream)


async def test_a_place_that_does_not_become_free() -> None:
    """Waiting for a connection is part of connecting; who waited in vain leaves nothing."""
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering([NEVER])) as upstream,
        asyncio.TaskGroup() as group,
    ):
        first = group.create_task(outcome(pool, post(upstream.address), call(first_byte_s=3 * SHORT)))
        await upstream.asked.wait(10)
        await late("connect", SHORT, outcome(pool, post(upstream.address), call(connect_s=SHORT)))
        assert (1, 0) == (pool.counts().busy, pool.counts().waiting)

        assert isinstance(await first, UpstreamTimeout)
        await empty(pool, upstream)


@pytest.mark.parametrize("kept", [False, True])
async def test_an_answer_that_does_not_begin(kept: bool, pool: Pool) -> None:
    """On a new connection or a kept one."""
    async with RawUpstream(answering(*[whole()] * kept, [NEVER])) as upstream:
        if kept:
            await taken(pool, post(upstream.address))
        await late("first_byte", SHORT, outcome(pool, post(upstream.address), call(first_byte_s=SHORT)))
        await empty(pool, upstream)


BEGINNINGS = {
    "half a line": [b"HTTP/1.1 2", NEVER],
    "half a head": [b"HTTP/1.1 200 OK\r\nX: y\r\n", NEVER],
    "an interim answer": [head_of(status=100), NEVER],
}


@pytest.mark.parametrize("pieces", BEGINNINGS.values(), ids=BEGINNINGS.keys())
async def test_a_head_that_does_not_end(pool: Pool, pieces: Sequence[Piece]) -> None:
    """It is no first byte of an answer yet."""
    async with RawUpstream(answering(pieces)) as upstream:
        await late("first_byte", SHORT, outcome(pool, post(upstream.address), call(first_byte_s=SHORT)))
        await empty(pool, upstream)


PARTS = {
    "a head": [head_of("Content-Length: 9"), NEVER],
    "half a body": [head_of("Content-Length: 9") + b"half", NEVER],
    "a chunk": [head_of("Transfer-Encoding: chunked") + b"4\r\nhalf\r\n", NEVER],
    "all but the last chunk's end": [chunked(b"half")[:-2], NEVER],
    "a body until the end": [head_of() + b"half", NEVER],
}


@pytest.mark.parametrize("pieces", PARTS.values(), ids=PARTS.keys())
async def test_a_body_that_falls_silent(pool: Pool, pieces: Sequence[Piece]) -> None:
    """The time between two reads of it is limited."""
    async with RawUpstream(answering(pieces)) as upstream:
        await late("idle", SHORT, outcome(pool, post(upstream.address), call(idle_s=SHORT)))
        await empty(pool, upstream)


@pytest.mark.parametrize(
    "answer",
    [whole(b"x" * 1000), chunked(b"x" * 1000), head_of(*[f"X-{n}: y" for n in range(99)])],
    ids=["body", "chunk", "head"],
)
async def test_an_answer_that_drips(pool: Pool, answer: bytes) -> None:
    """Byte by byte it is never silent for long, and ends all the same."""
    way = Way(piece=1, interval_s=SHORT / 10)
    async with RawUpstream(answering(answer)) as upstream, FaultProxy(upstream.address, Plan(answer=way)) as proxy:
        within = call(first_byte_s=9, idle_s=SHORT, total_s=2 * SHORT)
        await late("total", 2 * SHORT, outcome(pool, post(proxy.address), within))
        await empty(pool, upstream)


async def test_an_answer_that_drips_in_bytes_that_are_no_body(pool: Pool) -> None:
    """A chunk's extension, say, is not what anybody waits for: the time between two parts of the body passes."""
    answer = head_of("Transfer-Encoding: chunked") + b"5;" + b"e" * 1000
    way = Way(piece=80, interval_s=SHORT / 10)
    async with RawUpstream(answering(answer)) as upstream, FaultProxy(upstream.address, Plan(answer=way)) as proxy:
        found = await outcome(pool, post(proxy.address), call(idle_s=SHORT, total_s=2 * SHORT))
        await empty(pool, upstream)

    assert isinstance(found, UpstreamTimeout)


@pytest.mark.parametrize("slowly", [False, True])
async def test_an_answer_without_end_that_never_pauses(pool: Pool, slowly: bool) -> None:
    """Its reader hardly ever waits, or never, and is told that the time is over all the same."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(head_of("Transfer-Encoding: chunked"))
        while True:
            await connection.send(b"8000\r\n" + b"x" * 32_768 + b"\r\n")

    async def read() -> ProviderFailure | None:
        try:
            with await pool.send(post(upstream.address), call(total_s=SHORT)) as incoming:
                while await incoming.next_block():
                    assert loop.time() < begun + 2, "it was never told"
                    if slowly:
                        await until(lambda: bool(incoming._blocks))
        except ProviderFailure as failure:
            return failure
        return None

    loop = asyncio.get_running_loop()
    async with RawUpstream(script) as upstream:
        begun = loop.time()
        await late("total", SHORT, read())
        await empty(pool, upstream)


async def test_the_whole_counts_from_the_first_moment(pool: Pool) -> None:
    """Whatever phase it ends in, and however long the phase itself might take."""
    with sockets.black_hole() as address:
        await late("total", SHORT, outcome(pool, post(address), call(total_s=SHORT)))
    silent: list[list[Piece]] = [[NEVER], [head_of("Content-Length: 9"), NEVER]]
    for pieces in silent:
        async with RawUpstream(answering(pieces)) as upstream:
            await late("total", SHORT, outcome(pool, post(upstream.address), call(total_s=SHORT)))
    await empty(pool)


async def test_deadlines_of_many_requests_do_not_mix(pool: Pool) -> None:
    """Each has its own, whichever began first."""
    async with RawUpstream(answering([NEVER])) as upstream, asyncio.TaskGroup() as group:
        for after_s in (0.3, 0.1, 0.2, 0.15, 0.25):
            group.create_task(
                late("first_byte", after_s, outcome(pool, post(upstream.address), call(first_byte_s=after_s)))
            )
    await empty(pool, upstream)


async def test_connections_that_are_not_used_are_closed() -> None:
    """Before the server would do it."""
    async with (
        closing(Pool(limits=Limits(idle_s=SHORT))) as pool,
        RawUpstream(answering(whole())) as upstream,
    ):
        await asyncio.gather(*(taken(pool, post(upstream.address)) for _ in range(3)))
        assert 3 == pool.counts().idle

        await empty(pool, upstream)


# --- timers


def counting(kind: type[Any]) -> type[Any]:
    """Return an event loop that counts the timers it is asked for."""

    class Counting(kind):  # type: ignore[misc]
        timers = 0

        @override
        def call_at(self, when: float, callback: Callable[..., object], *args: Any, **more: Any) -> asyncio.TimerHandle:
            self.timers += 1
            handle: asyncio.TimerHandle = super().call_at(when, callback, *args, **more)
            return handle

        @override
        def call_later(
            self, delay: float, callback: Callable[..., object], *args: Any, **more: Any
        ) -> asyncio.TimerHandle:
            self.timers += 1
            handle: asyncio.TimerHandle = super().call_later(delay, callback, *args, **more)
            return handle

    return Counting


@pytest.mark.parametrize("kind", [asyncio.SelectorEventLoop, uvloop.Loop])
def test_there_is_no_timer_for_each_request(kind: type[Any]) -> None:
    """Nor for each wait: a few for all of a thousand requests, answered at once or streamed."""

    async def main() -> tuple[int, int]:
        loop: Any = asyncio.get_running_loop()
        answers: list[Answer] = [whole(), [chunked(b"a", b"b")[:-12], None, chunked(b"a", b"b")[-12:]]]
        async with closing(Pool()) as pool, RawUpstream(answering(*answers * 500)) as upstream:
            await taken(pool, post(upstream.address), call(connect_s=5, first_byte_s=600, idle_s=60, total_s=600))
            before = loop.timers
            for _ in range(999):
                await taken(pool, post(upstream.address), call(connect_s=5, first_byte_s=600, idle_s=60, total_s=600))
            return loop.timers - before, len(upstream.requests)

    with asyncio.Runner(loop_factory=counting(kind)) as runner:
        timers, requests = runner.run(main())

    assert 1_000 == requests
    assert timers < 10


async def test_a_late_answer_is_nobodys() -> None:
    """One that comes after its deadline goes to no later request."""
    gate = Signal()
    async with (
        closing(Pool(limits=Limits(connections=1))) as pool,
        RawUpstream(answering([gate, whole(b"late")], whole(b"later"))) as upstream,
    ):
        await late("first_byte", SHORT, outcome(pool, post(upstream.address), call(first_byte_s=SHORT)))
        gate.set()

        assert Taken(200, b"later") == await taken(pool, post(upstream.address))
        assert 2 == len(upstream.connections)
