"""A clock that tests move, and chance that they choose."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import attrs


@attrs.define
class FakeClock:
    """Stands still until told otherwise; sleeping moves it and is noted."""

    seconds: float = 1_000.0
    slept: list[float] = attrs.field(factory=list)

    def now(self) -> float:
        """Return the wall clock."""
        return 1_700_000_000.0 + self.seconds

    def monotonic(self) -> float:
        """Return the running clock."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Move on at once."""
        self.slept.append(seconds)
        self.seconds += seconds


@attrs.define
class FakeChance:
    """Draws the given numbers in turn, then zeros."""

    drawn: Iterator[float] = attrs.field(factory=lambda: iter(()))

    @classmethod
    def of(cls, numbers: Iterable[float]) -> FakeChance:
        """Return a chance that draws these."""
        return cls(iter(numbers))

    def random(self) -> float:
        """Draw the next number."""
        return next(self.drawn, 0.0)


@attrs.define
class FakeIds:
    """Counts."""

    made: int = 0

    def request_id(self) -> str:
        """Return the next request id."""
        self.made += 1
        return f"req-{self.made}"

    def uuid(self) -> str:
        """Return the next number in UUID form."""
        self.made += 1
        return f"00000000-0000-4000-8000-{self.made:012d}"
