"""Deadlines of many things by one timer."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import attrs

TICK_S = 0.1


class Watched(Protocol):
    """Something with a deadline, which may move at any time."""

    deadline: float
    """On the loop's clock; infinite where there is none."""

    def expire(self) -> None:
        """The deadline has passed: act, and set another or none."""
        ...


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """Call it off."""
        ...


class Loop(Protocol):
    """The part of an event loop that tells the time."""

    def time(self) -> float:
        """Return seconds on the loop's clock."""
        ...

    def call_at(self, when: float, callback: Callable[[], object], /) -> Timer:
        """Call at that time."""
        ...


@attrs.define(eq=False)
class Sweeper:
    """
    Sees to it that deadlines are kept, at most `TICK_S` late.

    A deadline is a mere number of its owner: to move it costs nothing, and a timer is set anew only where one is
    earlier than all others. When the timer goes off, all are looked at. A timer for each request would cost more than
    the request's own bookkeeping, and nearly all of them would be called off.
    """

    _loop: Loop
    _watched: set[Watched] = attrs.field(factory=set, init=False, repr=False)
    _timer: Timer | None = attrs.field(default=None, init=False, repr=False)
    next: float = attrs.field(default=math.inf, init=False)
    """When the timer goes off."""

    def __len__(self) -> int:
        return len(self._watched)

    def add(self, watched: Watched) -> None:
        """Keep this one's deadlines from now on."""
        self._watched.add(watched)
        self.heed(watched.deadline)

    def discard(self, watched: Watched) -> None:
        """Forget this one."""
        self._watched.discard(watched)

    def stop(self) -> None:
        """Forget all."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self.next = None, math.inf

    def heed(self, deadline: float) -> None:
        """Take note that a deadline was set; need not be called for one that is not before `next`."""
        if deadline < self.next:
            if self._timer is not None:
                self._timer.cancel()
            self.next = deadline
            self._timer = self._loop.call_at(deadline, self._sweep)

    def _sweep(self) -> None:
        self._timer, self.next = None, math.inf
        now = self._loop.time()
        try:
            for watched in [watched for watched in self._watched if watched.deadline <= now]:
                watched.expire()
        finally:  # one that fails does not keep the others open
            earliest = min([watched.deadline for watched in self._watched], default=math.inf)
            if earliest < math.inf:
                self.heed(max(earliest, now + TICK_S))
