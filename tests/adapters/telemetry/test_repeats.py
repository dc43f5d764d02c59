"""One event that repeats itself is let through a few times a second, and counted."""

from __future__ import annotations

import math

from adapters.telemetry.repeats import MAX_EVENTS, Repeats


def test_so_many_a_second_are_let_through() -> None:
    """The rest of that second is counted, and the next one begins anew."""
    repeats = Repeats(3)

    assert [repeats.admit("down", 1.5) for _ in range(5)] == [True, True, True, False, False]
    assert [repeats.admit("down", 2.0) for _ in range(4)] == [True, True, True, False]


def test_events_are_counted_apart() -> None:
    """One that repeats itself hides no other."""
    repeats = Repeats(1)

    assert [repeats.admit(event, 0.0) for event in ("a", "a", "b")] == [True, False, True]


def test_what_was_suppressed_is_told_once_its_second_is_over() -> None:
    """Not before, and not twice."""
    repeats = Repeats(1)
    for _ in range(10):
        repeats.admit("down", 5.1)

    assert list(repeats.due(5.9)) == []
    assert list(repeats.due(6.0)) == [("down", 9)]
    assert list(repeats.due(7.0)) == []


def test_at_the_end_everything_is_told() -> None:
    """No time comes after the last one."""
    repeats = Repeats(1)
    for event in ("a", "a", "b", "b", "b"):
        repeats.admit(event, 5.0)

    assert sorted(repeats.due(math.inf)) == [("a", 1), ("b", 2)]


def test_the_table_is_bounded() -> None:
    """However many different events there are, memory is not; one whose count is still to be told stays."""
    repeats = Repeats(1)
    repeats.admit("down", 0.0)
    repeats.admit("down", 0.0)
    for number in range(10 * MAX_EVENTS):
        repeats.admit(f"event {number}", 0.0)

    assert len(repeats._windows) == MAX_EVENTS
    assert list(repeats.due(1.0)) == [("down", 1)]


def test_the_table_is_bounded_in_a_storm_of_different_events() -> None:
    """Where every event has a count to be told, the oldest gives way."""
    repeats = Repeats(1)
    for number in range(2 * MAX_EVENTS):
        repeats.admit(f"event {number}", 0.0)
        repeats.admit(f"event {number}", 0.0)

    assert len(repeats._windows) == MAX_EVENTS
    assert len(list(repeats.due(1.0))) == MAX_EVENTS
