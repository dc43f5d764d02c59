"""What a process holds: to be the same after as before."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import attrs
import psutil


@attrs.frozen
class Held:
    """Open files and sockets by number, and tasks, at one moment."""

    files: int
    tasks: int


def held() -> Held:
    """Return what is held now."""
    return Held(open_files(), len(asyncio.all_tasks()))


def open_files() -> int:
    """Return how many files and sockets this process has open."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def resident() -> int:
    """Return the bytes of memory that this process occupies."""
    rss: int = psutil.Process().memory_info().rss
    return rss


async def until(condition: Callable[[], bool], within_s: float = 20.0) -> None:
    """Let the loop run until something is so; fails where it does not come to be."""
    loop = asyncio.get_running_loop()
    end = loop.time() + within_s
    while not condition():
        assert loop.time() < end, "it never came to be"
        await asyncio.sleep(0)


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Return how much y grows for each x, by Theil and Sen: the median of all slopes, which no outlier moves."""
    return statistics.median((d - b) / (c - a) for (a, b), (c, d) in combinations(points, 2) if c != a)
