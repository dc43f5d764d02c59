"""
Says whether the gateway grows while it serves: `python -m bench.slope`.

It answers a million requests, of which every tenth is abandoned and every twentieth is a stream, and what it holds of
the memory is read after every tenth part of them. The first of them warm it up.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import attrs

from bench.cells import CELLS, Cell
from bench.loads import Load, run_load
from bench.machine import two_cores
from bench.measure import order
from bench.programs import build
from bench.run import KEPT, guarded
from bench.running import Place, Running, pinned, running_mock, running_target
from bench.targets.gateway import HERE, gateway
from bench.trouble import Unusable

PARTS = 10
WARM_UP_PARTS = 3
HANG_UPS = 0.1
STREAMED = 0.05
PATIENCE_S = 500.0
PER = 100_000
MOST_MIB = 2.0
MIB = 1_048_576 / 1e6
_CELLS = {cell.name: cell for cell in CELLS}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and judge; return 1 where it grows, or where a request went wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.slope", description=__doc__)
    parser.add_argument("--requests", type=int, default=1_000_000, help="how many in all")
    parser.add_argument(
        "--checkout", type=Path, default=HERE, help="of the gateway in this checkout, with its own .venv"
    )
    asked = parser.parse_args(arguments)
    return guarded(lambda: _judge(asked.requests, asked.checkout.resolve()))


def slope(values: Sequence[float]) -> float:
    """Return by how much values grow from one to the next: the slope of the straight line nearest to them."""
    middle = (len(values) - 1) / 2
    weights = [number - middle for number in range(len(values))]
    return sum(weight * value for weight, value in zip(weights, values, strict=True)) / sum(w * w for w in weights)


def _judge(requests: int, checkout: Path) -> int:
    held, errors = _grow(requests, checkout)
    part = requests / PARTS
    grows = slope(held[WARM_UP_PARTS - 1 :]) * PER / part
    print(f"{grows:+.2f} MiB per {PER:,} requests, at most {MOST_MIB:g}; {errors} errors")
    return int(grows > MOST_MIB or errors > 0)


def _grow(requests: int, checkout: Path) -> tuple[list[float], int]:
    """Return what the gateway held after each part, in MiB, and how many requests went wrong."""
    held: list[float] = []
    errors = 0
    with ExitStack() as stack:
        KEPT.mkdir(exist_ok=True)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=KEPT)))
        cores, programs = two_cores(), build(KEPT / "bin")
        place = Place(cores, programs, folder, stack.enter_context(running_mock(programs.mock, cores.rest)))
        target = gateway("ours", checkout)
        target.install()
        running = stack.enter_context(running_target(target, place))
        for number in range(PARTS):
            part = requests // PARTS
            streamed = int(part * STREAMED)
            for cell, count in ((_CELLS["plain-32"], part - streamed), (_CELLS["flood-32"], streamed)):
                load = _part(running, cell, count, place)
                errors += load.error_count
                if load.requests + load.hang_ups + load.error_count < count:
                    raise Unusable(target.name, f"did not answer {count} requests in {PATIENCE_S:.0f} s")
            held.append(running.memory().rss_mb / MIB)
            print(f"{(number + 1) * part:,} requests: {held[-1]:.1f} MiB", file=sys.stderr, flush=True)
    return held, errors


def _part(running: Running, cell: Cell, count: int, place: Place) -> Load:
    wanted = attrs.evolve(order(running, cell, PATIENCE_S, place), count=count, hang_ups=HANG_UPS)
    return run_load(place.programs.load, wanted, pinned(place.cores.rest))


if __name__ == "__main__":
    sys.exit(main())
