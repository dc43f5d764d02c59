"""The machine's own clock, chance and ids."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from adapters.memory.clock import SystemChance, SystemClock, SystemIds
from domain.ports.clock import Chance, Clock, Ids


async def test_the_clock_tells_the_time_and_waits() -> None:
    """The wall clock is in this century, the other never goes back, and a sleep of nothing returns."""
    clock: Clock = SystemClock()

    before = clock.monotonic()
    await clock.sleep(0)

    assert clock.monotonic() >= before
    assert datetime.fromtimestamp(clock.now(), UTC).year >= 2024


def test_chance_stays_below_one() -> None:
    """Every draw lies in [0, 1)."""
    chance: Chance = SystemChance()

    assert all(0 <= chance.random() < 1 for _ in range(1000))


def test_request_ids_are_a_prefix_and_a_counter() -> None:
    """Ids of one process share twelve random digits and differ in the rest."""
    ids: Ids = SystemIds()

    made = [ids.request_id() for _ in range(10_000)]

    assert len(set(made)) == 10_000
    assert {name[:16] for name in made} == {made[0][:16]}
    assert made[0].startswith("req-")
    assert all(set(name[4:]) <= set("0123456789abcdef") for name in made)


def test_two_processes_name_requests_differently() -> None:
    """Each object draws a prefix of its own."""
    assert SystemIds().request_id() != SystemIds().request_id()


def test_uuids_have_the_form_of_version_4() -> None:
    """Ten thousand UUIDs, far more than one draw serves, are well-formed and all different."""
    ids: Ids = SystemIds()

    made = [ids.uuid() for _ in range(10_000)]

    assert len(set(made)) == 10_000
    assert {(4, uuid.RFC_4122)} == {(uuid.UUID(text).version, uuid.UUID(text).variant) for text in made}
    assert made == [str(uuid.UUID(text)) for text in made]


def test_ids_do_not_show_what_comes_next() -> None:
    """The representation holds no randomness that is still to be used."""
    ids = SystemIds()
    ids.uuid()

    assert ids._drawn[32:64] not in repr(ids)
