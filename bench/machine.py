"""The machine that is measured on: its cores, what else runs on them, and what it is."""

from __future__ import annotations

import fcntl
import os
import platform
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from bench.trouble import Missing

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
LOCK_WAIT_S = 1200.0
_IDLE_FIELDS = (3, 4)  # idle and iowait, of the counts in a line of /proc/stat


@attrs.frozen
class Cores:
    """`target` is for what is measured, `rest` for the upstream, the load and the benchmark itself."""

    target: int
    rest: int


def two_cores() -> Cores:
    """
    Return two cores that this process may use, and keep this process on the second.

    Raises `Missing` where there are not two, or no Linux.
    """
    if not sys.platform.startswith("linux"):
        raise Missing("Linux (the benchmark reads /proc and pins processes to cores)", "make bench on a Linux machine")
    if shutil.which("taskset") is None:
        raise Missing("taskset", "apt-get install util-linux")
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:  # noqa: PLR2004 - one for what is measured, one for what measures it
        raise Missing("A second core", "a machine, or a container, with two")
    os.sched_setaffinity(0, {cores[1]})
    return Cores(cores[0], cores[1])


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other benchmark runs on this machine, and keep others waiting."""
    with (Path(tempfile.gettempdir()) / "ai-gateway-bench.lock").open("w") as lock:
        deadline = time.monotonic() + LOCK_WAIT_S
        told = False
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                if not told:
                    print("Waiting for another benchmark on this machine …", file=sys.stderr)
                told = True
                time.sleep(0.5)
            else:
                break
        yield


def busy_s(core: int, stat: str | None = None) -> float:
    """Return for how long a core has been busy since the machine started, in s."""
    text = Path("/proc/stat").read_text(encoding="ascii") if stat is None else stat
    counts = next(line.split()[1:] for line in text.splitlines() if line.startswith(f"cpu{core} "))
    ticks = sum(int(count) for number, count in enumerate(counts[:8]) if number not in _IDLE_FIELDS)
    return ticks / TICKS_PER_S


def description() -> dict[str, str]:
    """Return what the machine is."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": models[0] if models else platform.machine(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }
