"""Process trees: what they use of the machine, and how they are stopped and continued."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import attrs

from bench.machine import TICKS_PER_S

PROC = Path("/proc")


@attrs.frozen
class Stat:
    """What `/proc/<pid>/stat` says of a process; times include those of its children that have ended."""

    pid: int
    parent: int
    session: int
    cpu_ticks: int


@attrs.frozen
class Memory:
    """What a tree holds: its proportional share (PSS), and the sum of what is resident (RSS), in MB of 10^6 bytes."""

    pss_mb: float
    rss_mb: float


def parse_stat(text: str) -> Stat:
    """Read one line of a `stat` file; the name in it may hold anything, blanks and brackets too."""
    before, _, after = text.rpartition(")")
    fields = after.split()
    return Stat(
        pid=int(before.split(" ", 1)[0]),
        parent=int(fields[1]),
        session=int(fields[3]),
        cpu_ticks=sum(int(field) for field in fields[11:15]),
    )


def members(root: int, stats: Iterable[Stat]) -> list[Stat]:
    """Return the processes that descend from `root` or run in its session, itself included."""
    known = list(stats)
    found = {stat.pid for stat in known if root in {stat.pid, stat.session}}
    while more := {stat.pid for stat in known if stat.parent in found} - found:
        found |= more
    return [stat for stat in known if stat.pid in found]


def tree(root: int) -> list[Stat]:
    """Return the processes of a tree as they are now."""
    stats = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            try:
                stats.append(parse_stat((entry / "stat").read_text(encoding="utf-8", errors="replace")))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it ended in between
    return members(root, stats)


def cpu_s(root: int) -> float:
    """Return the CPU time of a tree, user and system, in s."""
    return sum(stat.cpu_ticks for stat in tree(root)) / TICKS_PER_S


def memory(root: int) -> Memory:
    """Return what a tree holds of the memory."""
    texts = [(PROC / str(stat.pid) / "smaps_rollup").read_text(encoding="ascii") for stat in tree(root)]
    return Memory(sum(_kib(text, "Pss:") for text in texts) / 1e3, sum(_kib(text, "Rss:") for text in texts) / 1e3)


def _kib(text: str, name: str) -> float:
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith(name)) * 1.024


def tell(root: int, number: signal.Signals) -> None:
    """Send a signal to every process of a tree."""
    for stat in tree(root):
        try:
            os.kill(stat.pid, number)
        except ProcessLookupError:
            continue
