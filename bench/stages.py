"""
Says where the time of a request goes: `python -m bench.stages --py-spy PATH`.

The gateway answers requests as in the cell `plain-32` while py-spy (https://github.com/benfred/py-spy) takes samples of
it. Each sample counts for the innermost function that is the gateway's own: a library works for its caller.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from bench.cells import CELLS
from bench.loads import run_load
from bench.machine import two_cores
from bench.measure import order
from bench.programs import build
from bench.run import KEPT, guarded
from bench.running import Place, pinned, running_mock, running_target
from bench.targets.gateway import HERE, gateway
from bench.trouble import Missing, Unusable

RATE = 400
STAGES = {
    "adapters/http/": "HTTP in: the request's head, the way to its route, the answer's head and write",
    "adapters/wire/": "JSON: the request checked, split and written, the answer checked and written",
    "application/": "the use case: admission, dispatch, settlement",
    "domain/": "routing, keys and values of the domain",
    "adapters/openai/": "the call out: connection, write, wait, framing",
    "adapters/upstream/": "the call out: connection, write, wait, framing",
    "adapters/sweeper": "the call out: connection, write, wait, framing",
    "adapters/telemetry/": "the log line and the metrics",
    "adapters/memory/": "clock, ids and keys",
}
REST = "the event loop, and what belongs to no request"


def main(arguments: Sequence[str] | None = None) -> int:
    """Take samples and print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages", description=__doc__)
    parser.add_argument("--py-spy", default="py-spy", help="the program; it is no dependency of the gateway")
    parser.add_argument("--seconds", type=int, default=10, help="how long samples are taken")
    asked = parser.parse_args(arguments)
    return guarded(lambda: _print(asked.py_spy, asked.seconds))


def stage_of(stack: str) -> str:
    """Return the stage of one sample: its frames are parted by `;`, the outermost first."""
    for frame in reversed(stack.split(";")):
        _, _, place = frame.rpartition(" (")
        for folder, stage in STAGES.items():
            if place.startswith(folder):
                return stage
    return REST


def shares(lines: Iterable[str]) -> dict[str, float]:
    """Return the share of each stage, of lines that end in how often their stack was seen; the largest first."""
    found: Counter[str] = Counter()
    for line in lines:
        stack, _, times = line.rpartition(" ")
        found[stage_of(stack)] += int(times)
    return {stage: count / found.total() for stage, count in found.most_common()}


def _print(py_spy: str, seconds: int) -> int:
    lines, requests_s = _samples(py_spy, seconds)
    print("| stage | share |\n| --- | --: |")
    for stage, share in shares(lines).items():
        print(f"| {stage} | {share:.0%} |")
    print(f"\n{sum(int(line.rpartition(' ')[2]) for line in lines):,} samples, {requests_s:,.0f} requests/s meanwhile.")
    return 0


def _samples(py_spy: str, seconds: int) -> tuple[list[str], float]:
    with ExitStack() as stack:
        KEPT.mkdir(exist_ok=True)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=KEPT)))
        cores, programs = two_cores(), build(KEPT / "bin")
        place = Place(cores, programs, folder, stack.enter_context(running_mock(programs.mock, cores.rest)))
        running = stack.enter_context(running_target(gateway("ours", HERE), place))
        wanted = order(running, next(cell for cell in CELLS if cell.name == "plain-32"), seconds + 4.0, place)
        told = folder / "samples"
        asked = ["record", "--rate", str(RATE), "--duration", str(seconds), "--format", "raw", "--output", str(told)]
        try:
            spy = subprocess.Popen(
                [*pinned(cores.rest), py_spy, *asked, "--pid", str(running.pid)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            load = run_load(programs.load, wanted, pinned(cores.rest))
            spy.wait(30)
        except OSError as error:
            raise Missing("py-spy", "pip install py-spy") from error
        if spy.returncode or not told.exists() or load.error_count:
            raise Unusable("ours", f"no samples: py-spy left with status {spy.returncode}, {load.error_count} errors")
        return told.read_text(encoding="utf-8").splitlines(), load.per_second


if __name__ == "__main__":
    sys.exit(main())
