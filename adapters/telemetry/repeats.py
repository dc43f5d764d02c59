"""Keeps one event that repeats itself from filling the log."""

from __future__ import annotations

from collections.abc import Iterator

import attrs

PER_SECOND = 10
MAX_EVENTS = 1024


@attrs.define
class _Window:
    second: int
    logged: int = 0
    suppressed: int = 0


@attrs.define(eq=False)
class Repeats:
    """
    Lets the same event through so many times a second, and counts the rest.

    `now` is in seconds on a clock that never goes back. At most `MAX_EVENTS` events are told apart at a time;
    the one that began longest ago gives way.
    """

    _per_second: int = PER_SECOND
    _windows: dict[str, _Window] = attrs.field(factory=dict, init=False, repr=False)
    _counting: set[str] = attrs.field(factory=set, init=False, repr=False)

    def admit(self, event: str, now: float) -> bool:
        """Whether the event is to be logged now."""
        window = self._windows.get(event)
        if window is None:
            if len(self._windows) >= MAX_EVENTS:
                self._forget()
            window = self._windows[event] = _Window(int(now))
        elif window.second != int(now):
            window.second, window.logged = int(now), 0
        if window.logged < self._per_second:
            window.logged += 1
            return True
        window.suppressed += 1
        self._counting.add(event)
        return False

    def due(self, now: float) -> Iterator[tuple[str, int]]:
        """Give the events that were suppressed in seconds gone by, and how often; each is given once."""
        if not self._counting:
            return
        for event in [event for event in self._counting if now >= self._windows[event].second + 1]:
            self._counting.discard(event)
            window = self._windows[event]
            suppressed, window.suppressed = window.suppressed, 0
            yield event, suppressed

    def _forget(self) -> None:
        # One whose count has yet to be told stays, unless all are.
        oldest = next((event for event in self._windows if event not in self._counting), next(iter(self._windows)))
        del self._windows[oldest]
        self._counting.discard(oldest)
