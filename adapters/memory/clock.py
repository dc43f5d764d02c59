"""The machine's own time and chance, and ids made from them."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import time

import attrs

_DRAW_BYTES = 4096
_VARIANTS = "89ab"


@attrs.frozen
class SystemClock:
    """The clocks of the operating system, and the waiting of the event loop."""

    def now(self) -> float:
        """Return the wall clock: seconds since 1970, UTC."""
        return time.time()  # noqa: TID251 - this is the Clock that the rest takes

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait; other tasks go on."""
        await asyncio.sleep(seconds)


@attrs.frozen
class SystemChance:
    """Numbers that are random enough to share load, and no secret."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        return random.random()  # noqa: S311 - nothing is hidden behind it


@attrs.define
class SystemIds:
    """
    Ids from the operating system's randomness, drawn for many at once because each draw is a system call.

    One object belongs to one process: a fork would name two things alike.
    """

    _prefix: str = attrs.field(factory=lambda: f"req-{os.urandom(6).hex()}")
    _counter: itertools.count[int] = attrs.field(factory=itertools.count, repr=False)
    _drawn: str = attrs.field(default="", repr=False)
    _used: int = attrs.field(default=0, repr=False)

    def request_id(self) -> str:
        """Return the process's 48 random bits and the next number, in hexadecimal digits."""
        return f"{self._prefix}{next(self._counter):06x}"

    def uuid(self) -> str:
        """Return a UUID of version 4, of which 122 bits are random."""
        start = self._used
        if start >= len(self._drawn):
            self._drawn, start = os.urandom(_DRAW_BYTES).hex(), 0
        self._used = start + 32
        bits = self._drawn[start : start + 32]
        variant = _VARIANTS[int(bits[16], 16) & 3]
        return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-{variant}{bits[17:20]}-{bits[20:]}"
