"""Many requests at once, given up at moments drawn from a seed, to a server whose answers are drawn too."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence

import attrs
import pytest

from adapters.upstream.origin import Outgoing
from adapters.upstream.pool import Limits, Pool
from domain.errors import ProviderFailure
from tests.adapters.upstream.pool.pooling import Taken, at_rest, both_loops, call, empty, post, taken
from tests.fakes.answers import Ending
from tests.lab.certificates import NAME, Certificates
from tests.lab.measures import held, until
from tests.lab.raw_upstream import Connection, Piece, RawUpstream
from tests.lab.said import chunked, head_of, whole

pytestmark = both_loops

PLACES = 8
AT_ONCE = 32


def drawn(chance: random.Random, body: bytes) -> list[Piece]:
    """Draw an answer: how it is framed, where it pauses, and whether it breaks off somewhere."""
    until_the_end = head_of() + body
    whole_answer = chance.choice(
        [whole(body), chunked(body[:4], body[4:]), whole(body, "Connection: close"), until_the_end]
    )
    left = whole_answer
    pieces: list[Piece] = []
    breaks = chance.random() < 0.1
    while left and not (breaks and chance.random() < 0.3):
        size = chance.randint(1, len(left))
        pieces += [None] * chance.randrange(3)
        pieces.append(left[:size])
        left = left[size:]
    if whole_answer is until_the_end:
        pieces.append(Ending.RESET if left else Ending.CLOSE)  # a clean end is all that it has for an end
    elif left or breaks:
        pieces.append(chance.choice([Ending.CLOSE, Ending.RESET]))
    return pieces


@attrs.define(eq=False)
class Storm:
    """Requests and hang-ups from one seed. `truth` counts how often each request was read by the server."""

    pool: Pool
    chance: random.Random
    truth: Counter[bytes] = attrs.field(factory=Counter)
    counted: Counter[str] = attrs.field(factory=Counter)
    over: bool = False

    async def serve(self, connection: Connection) -> None:
        """Answer by chance."""
        while asked := await connection.request():
            self.truth[asked.body] += 1
            await connection.send(*([whole()] if self.over else drawn(self.chance, asked.body)))

    async def blow(self, upstream: RawUpstream, requests: Sequence[Outgoing]) -> None:
        """Send some requests at once, most of which are given up; see that nothing is held afterwards."""
        tasks = [asyncio.get_running_loop().create_task(self._ask(request)) for request in requests]
        await asyncio.gather(*(self._give_up(task) for task in tasks if self.chance.random() < 0.9))
        await asyncio.wait(tasks)
        for task in tasks:
            if task.cancelled():
                self.counted["cancelled"] += 1
            elif (error := task.exception()) is not None:
                raise error
        await at_rest(self.pool)
        await until(lambda: upstream.open == self.pool.counts().open)
        assert self.pool.counts().open <= PLACES
        assert {0, 1} >= {self.truth[request.body] for request in requests}
        self.truth.clear()
        upstream.connections.clear()
        upstream.requests.clear()

    async def _ask(self, request: Outgoing) -> None:
        try:
            found = await taken(self.pool, request, call())
        except ProviderFailure as failure:
            self.counted[str(failure)] += 1
        else:
            assert Taken(200, request.body) == found
            self.counted["whole"] += 1

    async def _give_up(self, task: asyncio.Task[None]) -> None:
        for _ in range(self.chance.randrange(60)):
            await asyncio.sleep(0)
        task.cancel()


async def resolve(_host: str, _port: int) -> Sequence[str]:
    """Find the name here."""
    return ["127.0.0.1"]


async def prove(cancels: int, seed: int, certificates: Certificates | None = None) -> None:
    """Let a storm go on until so many requests were cancelled; then all places are free, and serve."""
    before = held()
    pool = Pool(allow_private=True, resolve=resolve, limits=Limits(connections=PLACES))
    storm = Storm(pool, random.Random(seed))
    number = 0
    async with RawUpstream(storm.serve, tls=certificates.good if certificates else None) as upstream:

        def ask() -> Outgoing:
            nonlocal number
            number += 1
            return post(upstream.address, b"%08d" % number, host=NAME, scheme="https" if certificates else "http")

        while storm.counted["cancelled"] < cancels:
            await storm.blow(upstream, [ask() for _ in range(AT_ONCE)])
        assert storm.counted["whole"] > cancels / 10

        storm.over = True
        await asyncio.gather(*(taken(pool, ask()) for _ in range(PLACES)))
        assert PLACES == pool.counts().idle
        await pool.aclose()
        await empty(pool, upstream)
    await until(lambda: held().tasks == before.tasks)
    assert held().files <= before.files + 1  # the event loop keeps one of its own


async def test_nothing_is_left_of_a_storm() -> None:
    """Of 1,000 requests given up, on both event loops together."""
    await prove(500, seed=1)


async def test_nothing_is_left_of_a_storm_over_tls(trusted: Certificates) -> None:
    """Where handshakes are given up too."""
    await prove(100, seed=2, certificates=trusted)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
async def test_nothing_is_left_of_a_long_storm(seed: int) -> None:
    """Of 100,000, in parts."""
    await prove(10_000, seed)


@pytest.mark.soak
async def test_nothing_is_left_of_a_long_storm_over_tls(trusted: Certificates) -> None:
    """Of 10,000."""
    await prove(10_000, seed=100, certificates=trusted)
