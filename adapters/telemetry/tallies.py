"""
Counts between two scrapes: additions to plain numbers, which are handed to the metrics when somebody asks.

A metric's own methods lock, check and search at each call, which for all of a request costs more than its log line.
"""

from __future__ import annotations

from bisect import bisect_left

from prometheus_client import Counter, Histogram


class Total:
    """A counter's next addition: add to `count`."""

    __slots__ = ("_counter", "count")

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self.count = 0

    def hand_over(self) -> None:
        """Put what was counted into the counter."""
        if self.count:
            count, self.count = self.count, 0
            self._counter.inc(count)


class Spread:
    """A histogram's next values."""

    __slots__ = ("_bounds", "_counts", "_histogram", "_sum")

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram
        self._bounds: list[float] = histogram._upper_bounds  # noqa: SLF001 - `hand_over` says why
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def take(self, value: float) -> None:
        """Take note of one value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def hand_over(self) -> None:
        """
        Put what was taken note of into the histogram.

        The library takes values one by one only; a test holds what is written here against what it writes itself.
        """
        for bucket, count in enumerate(self._counts):
            if count:
                self._histogram._buckets[bucket].inc(count)  # noqa: SLF001 - as said
                self._counts[bucket] = 0
        if self._sum:
            value, self._sum = self._sum, 0.0
            self._histogram._sum.inc(value)  # noqa: SLF001 - as said
