"""Time and chance, so that tests can choose them."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    """Tells the time and waits."""

    def now(self) -> float:
        """Return the wall clock: seconds since 1970, UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class Chance(Protocol):
    """Makes random choices that need not be secret."""

    def random(self) -> float:
        """Return a number in [0, 1)."""
        ...


class Ids(Protocol):
    """Names new things."""

    def request_id(self) -> str:
        """Return a new request id, `req-` and letters: unique, not secret."""
        ...

    def uuid(self) -> str:
        """Return 128 random bits in UUID form."""
        ...
