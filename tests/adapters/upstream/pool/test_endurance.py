"""A long life: many requests, some given up, and the process is as it was."""

from __future__ import annotations

import asyncio
import gc
import random
from typing import cast

import pytest
from typing_extensions import override

from adapters.upstream.pool import Limits, Pool
from domain.errors import ProviderFailure
from tests.adapters.upstream.pool.pooling import NOTHING, at_rest, both_loops, post, taken
from tests.lab.measures import held, resident, slope, until
from tests.lab.said import chunked, whole

HANG_UPS = 0.1
AT_ONCE = 32
ANSWERS = [whole(b"x" * 1_000), chunked(*[b"data: %02d\n\n" % number for number in range(20)])]


class Server(asyncio.Protocol):
    """Answers at once, or in two parts; quick, so that the pool has the work."""

    def __init__(self, open_ones: set[Server]) -> None:
        self.open_ones = open_ones
        self.asked = 0
        self.transport: asyncio.Transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.open_ones.add(self)

    @override
    def data_received(self, data: bytes) -> None:
        self.asked += 1
        answer = ANSWERS[self.asked % len(ANSWERS)]
        half = len(answer) // 2 if self.asked % 3 else len(answer)
        self.transport.write(answer[:half])
        if half < len(answer):
            asyncio.get_running_loop().call_soon(self._rest, answer[half:])

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.open_ones.discard(self)

    def _rest(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


async def live(pool: Pool, address: tuple[str, int], requests: int, chance: random.Random) -> None:
    """Send so many requests, 32 at a time; a tenth of them are given up, whenever."""
    loop = asyncio.get_running_loop()
    left = iter(range(requests))

    async def work() -> None:
        for _ in left:
            if chance.random() >= HANG_UPS:
                await taken(pool, post(address))
                continue
            task = loop.create_task(taken(pool, post(address)))
            for _ in range(chance.randrange(12)):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled() or not isinstance(task.exception(), ProviderFailure)

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())


async def lived(rounds: int, requests: int, seconds: float) -> list[tuple[float, float]]:
    """
    Live so many rounds, or until the time is over; return requests and the memory that was occupied after each round.

    After each, nothing is under way; in the end, files and tasks are as they were.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    open_ones: set[Server] = set()
    server = await loop.create_server(lambda: Server(open_ones), "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    pool = Pool(limits=Limits(connections=AT_ONCE - 8))
    chance = random.Random(7)
    points: list[tuple[float, float]] = []
    await live(pool, address, 50, chance)
    await pool.aclose()
    await until(lambda: not open_ones)
    before = held()
    for number in range(1, rounds + 1):
        await live(pool, address, requests, chance)
        await at_rest(pool)
        await until(lambda: len(open_ones) == pool.counts().open)
        gc.collect()
        points.append((number * requests, resident()))
        if loop.time() > end:
            break
    await pool.aclose()
    await until(lambda: not open_ones and pool.counts() == NOTHING)
    await until(lambda: before == held())
    server.close()
    await server.wait_closed()
    return points


@both_loops
async def test_nothing_is_left_of_a_thousand_requests() -> None:
    """A tenth of which were given up."""
    await lived(rounds=1, requests=1_000, seconds=60)


@pytest.mark.soak
async def test_nothing_grows_in_a_million_requests() -> None:
    """Or as many as ten minutes allow: at most 1 MiB in each 100,000, after the first 100,000."""
    points = await lived(rounds=50, requests=20_000, seconds=600)

    assert len(points) > 15
    assert slope(points[5:]) * 100_000 < 1 << 20, points
