"""
Says in under a minute whether the gateway is still as fast as it must be: `python -m bench.quick`.

Only ratios to nginx in the same minute count, and only a ratio that is past the limit by more than the runs differ
among themselves is a failure.
"""

from __future__ import annotations

import sys

from bench.figures import Gate
from bench.results import Results
from bench.run import guarded, run
from bench.targets.gateway import gateway
from bench.targets.nginx import nginx

REPETITIONS = 3
SECONDS = 2.0
CPU = {"plain-32": ("cpu_us", "CPU per request", 4.5), "paced-64": ("event_cpu_us", "CPU per paced event", 2.2)}
"""For each cell what is compared, its name, and how many times nginx's it may be."""


def main() -> int:
    """Measure and judge; return 1 where the gateway is too slow, 2 where something has to be installed first."""
    return guarded(_judge)


def _judge() -> int:
    results = run([nginx(), gateway()], list(CPU), REPETITIONS, SECONDS)
    found = gates(results)
    for gate in found:
        print(told(gate))
    for reason in results.missing:
        print(reason, file=sys.stderr)
    return 0 if len(found) == len(CPU) and all(gate.holds for gate in found) and not errors(results) else 1


def gates(results: Results) -> list[Gate]:
    """Return the gates of the cells that were measured."""
    found = []
    for cell, (value, name, most) in CPU.items():
        ours, limit = results.figure("ours", cell, value), results.figure("nginx", cell, value)
        if ours is not None and limit is not None:
            found.append(Gate(name, ours, limit, most))
    return found


def errors(results: Results) -> int:
    """Return how many requests to the gateway went wrong."""
    return sum(results.errors("ours", cell) for cell in CPU)


def told(gate: Gate) -> str:
    """Say what a gate has found."""
    return (
        f"{gate.name}: {gate.ours.low:.1f} µs, nginx {gate.limit.low:.1f} µs: {gate.ratio:.2f} ×, "
        f"at most {gate.most:g} × and {gate.spread:.0%} of spread: {'fine' if gate.holds else 'TOO SLOW'}"
    )


if __name__ == "__main__":
    sys.exit(main())
