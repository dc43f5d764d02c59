"""Deadlines of many things by one timer."""

from __future__ import annotations

import asyncio
import math
from typing import Protocol

import attrs


class Timed(Protocol):
    """Something that must not wait for ever."""

    deadline: float
    """When its waiting ends, on the clock of the event loop; it may move to a later time while it is watched."""

    def expire(self) -> None:
        """End the waiting: the deadline has passed, and this is watched no more."""
        ...


@attrs.define(eq=False)
class Sweeper:
    """
    Watches deadlines with one timer, set to the earliest of them.

    A timer for each request would cost more than the request's own bookkeeping, and nearly all of them would be
    cancelled: most deadlines are minutes away and most answers are there in seconds.
    """

    _watched: set[Timed] = attrs.field(factory=set, init=False, repr=False)
    _timer: asyncio.TimerHandle | None = attrs.field(default=None, init=False, repr=False)
    _at: float = attrs.field(default=math.inf, init=False)

    def watch(self, timed: Timed) -> None:
        """Begin to watch a deadline, or take note that it has come nearer."""
        self._watched.add(timed)
        if timed.deadline < self._at:
            self._arm(timed.deadline)

    def forget(self, timed: Timed) -> None:
        """Watch a deadline no more; the timer stays, and finds nothing to do for it."""
        self._watched.discard(timed)

    def stop(self) -> None:
        """Watch nothing any more."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = None, math.inf

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._at = asyncio.get_running_loop().call_at(at, self._sweep), at

    def _sweep(self) -> None:
        now = asyncio.get_running_loop().time()
        self._timer, self._at = None, math.inf
        late = [timed for timed in self._watched if timed.deadline <= now]
        self._watched.difference_update(late)
        for timed in late:
            timed.expire()
        earliest = min((timed.deadline for timed in self._watched), default=math.inf)
        if earliest < self._at:
            self._arm(earliest)
