"""Names whose addresses change from one look-up to the next: only what was checked is dialled."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from adapters.upstream.pool import Pool
from domain.errors import Unreachable
from tests.adapters.upstream.pool.pooling import Taken, closing, empty, outcome, post
from tests.lab.raw_upstream import RawUpstream
from tests.lab.said import answering, whole

HERE = "127.0.0.1"
OUTSIDE = ["1.1.1.1", "8.8.8.8", "2606:4700::1111"]
INSIDE = [HERE, "::1", "::ffff:127.0.0.1", "10.0.0.1", "0.0.0.0", "fd00::1", "64:ff9b::7f00:1"]  # noqa: S104
NEVER = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "224.0.0.1", "255.255.255.255"]
FLIPS = 1_000


class Flipping:
    """Answers look-ups by chance: from two sets of addresses, with at least one of the second."""

    def __init__(self, good: Sequence[str], bad: Sequence[str]) -> None:
        self._chance = random.Random(1)
        self._good = good
        self._bad = bad
        self.asked = 0

    async def __call__(self, _host: str, _port: int) -> Sequence[str]:
        """Answer."""
        self.asked += 1
        found = [self._chance.choice(self._bad)]
        found += self._chance.sample([*self._good, *self._bad], self._chance.randrange(3))
        self._chance.shuffle(found)
        return found


@pytest.mark.parametrize(("good", "bad", "allowed"), [(OUTSIDE, INSIDE + NEVER, False), ([HERE], NEVER, True)])
async def test_no_flip_of_a_name_leads_where_it_may_not(good: list[str], bad: list[str], allowed: bool) -> None:
    """In a thousand, each looked up once; one bad address among good ones is enough to dial none."""
    resolve = Flipping(good, bad)
    async with closing(Pool(allow_private=allowed, resolve=resolve)) as pool:
        async with RawUpstream(answering(whole())) as upstream:
            for _ in range(FLIPS):
                found = await outcome(pool, post(upstream.address, host="flips.internal"))
                assert isinstance(found, Unreachable)
                assert "address" == found.reason
            assert (FLIPS, 0) == (resolve.asked, len(upstream.connections))
        await empty(pool)


async def test_a_kept_connection_needs_no_look_up() -> None:
    """It leads where it was checked to lead, whatever the name means by now; a new one is checked anew."""
    answers = [[HERE], ["169.254.169.254"], [HERE]]

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return answers.pop(0)

    async with (
        closing(Pool(allow_private=True, resolve=resolve)) as pool,
        RawUpstream(answering(whole())) as upstream,
    ):
        request = post(upstream.address, host="moves.internal")
        for _ in range(3):
            assert Taken(200, b"ok") == await outcome(pool, request)
        assert 2 == len(answers)

        upstream.connections[0].hang_up()
        assert isinstance(await outcome(pool, request), Unreachable)
        assert Taken(200, b"ok") == await outcome(pool, request)
        assert 2 == len(upstream.connections)


@pytest.mark.parametrize("address", [*NEVER, "fe80::1%lo"])
async def test_a_literal_address_permits_itself_but_for_those_that_none_may_dial(pool: Pool, address: str) -> None:
    """Link-local, where machines keep their metadata, never."""
    found = await outcome(pool, post((address, 80)))

    assert isinstance(found, Unreachable)
    assert "address" == found.reason
    await empty(pool)


async def test_a_name_without_addresses_is_not_found() -> None:
    """Rather than dialled somehow."""

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return []

    async with closing(Pool(resolve=resolve)) as pool:
        found = await outcome(pool, post((HERE, 80), host="empty.internal"))

    assert isinstance(found, Unreachable)
    assert "dns" == found.reason
