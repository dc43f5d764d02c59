"""The arithmetic of results: medians, spreads and ratios."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import attrs


@attrs.frozen
class Figure:
    """A value that was measured several times."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.values)

    @property
    def low(self) -> float:
        """The smallest."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The largest."""
        return max(self.values)

    @property
    def spread(self) -> float:
        """How far apart they are, as a share of the smallest."""
        return (self.high - self.low) / self.low if self.low > 0 else 0.0


def figure(values: Sequence[float | None]) -> Figure | None:
    """Return the figure of what was measured; None where nothing was."""
    measured = tuple(value for value in values if value is not None)
    return Figure(measured) if measured else None


def ratio(one: Figure | None, other: Figure | None) -> float | None:
    """Return how many times the other's median the one's is."""
    if one is None or other is None or other.median == 0:
        return None
    return one.median / other.median


def added(one: Figure | None, direct: Figure | None) -> float | None:
    """Return what a target adds to the median that was measured without it."""
    if one is None or direct is None:
        return None
    return one.median - direct.median


def three_digits(value: float) -> str:
    """Write a value with the three digits that count."""
    if abs(value) >= 100:  # noqa: PLR2004 - it has them before the point
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"  # noqa: PLR2004


@attrs.frozen
class Gate:
    """
    A ratio of two best values, and the most it may be.

    Noise only ever adds time: the best of several runs is nearest to what is meant to be measured, and how far the
    runs are apart says how near.
    """

    name: str
    ours: Figure
    limit: Figure
    most: float

    @property
    def ratio(self) -> float:
        """How many times the limit's best ours is."""
        return self.ours.low / self.limit.low

    @property
    def spread(self) -> float:
        """The larger spread of the two, as a share."""
        return max(self.ours.spread, self.limit.spread)

    @property
    def holds(self) -> bool:
        """Whether the ratio is not past the most, and not past the measured spread on top of it."""
        return self.ratio <= self.most * (1 + self.spread)
