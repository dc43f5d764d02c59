"""Measuring: one target at a time, the others stopped, round after round."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

import attrs

from bench.cells import Cell, write_body
from bench.loads import Load, Order, run_load
from bench.machine import busy_s
from bench.running import Place, Running, pinned

WARM_UP_S = 0.3
WARM_UP_CONNECTIONS = 32
SETTLE_S = 0.05
MOST_SETTLING_S = 5.0


@attrs.frozen
class Sample:
    """
    One cell of one target, measured once.

    `cpu_s` is what the target's process tree used; `foreign` the share of its core that others took meanwhile.
    """

    target: str
    cell: str
    repetition: int
    cpu_s: float
    foreign: float
    load: Load

    @property
    def cpu_us_per_request(self) -> float | None:
        """CPU time of the whole process tree for each request."""
        return self.cpu_s * 1e6 / self.load.requests if self.load.requests else None

    @property
    def cpu_us_per_event(self) -> float | None:
        """CPU time of the whole process tree for each event that reached the client."""
        return self.cpu_s * 1e6 / self.load.events if self.load.events else None


def order(running: Running, cell: Cell, seconds: float, place: Place) -> Order:
    """Return what the load client does in a cell."""
    return Order(
        address=running.address,
        path=running.target.path,
        headers=running.target.headers,
        body=write_body(cell, running.target.model, place.folder),
        connections=min(cell.connections, running.target.most_streams) if cell.stream else cell.connections,
        stream=cell.stream,
        seconds=seconds,
        ramp_s=cell.ramp_s,
    )


def measure(running: Running, cell: Cell, repetition: int, seconds: float, place: Place) -> Sample:
    """Measure a cell of a target once, after a short warm-up; the target is stopped again afterwards."""
    wanted = order(running, cell, seconds, place)
    on_core = pinned(place.cores.rest)
    running.go_on()
    try:
        place.mock.set_pace(0)
        warm_up = attrs.evolve(
            wanted, seconds=WARM_UP_S, ramp_s=0.0, connections=min(wanted.connections, WARM_UP_CONNECTIONS)
        )
        run_load(place.programs.load, warm_up, on_core)
        place.mock.set_pace(cell.pace_us)
        _settle(running)
        began, busy, cpu = time.monotonic(), busy_s(place.cores.target), running.cpu_s()
        load = run_load(place.programs.load, wanted, on_core)
        used, took = running.cpu_s() - cpu, time.monotonic() - began
        foreign = max(0.0, busy_s(place.cores.target) - busy - used) / took
    finally:
        running.pause()
    return Sample(running.target.name, cell.name, repetition, used, foreign, load)


def _settle(running: Running) -> None:
    """Wait until nothing is left to be done of what was asked for before, as of requests that were given up."""
    deadline = time.monotonic() + MOST_SETTLING_S
    used = running.cpu_s()
    while time.monotonic() < deadline:
        time.sleep(SETTLE_S)
        before, used = used, running.cpu_s()
        if used - before < SETTLE_S / 2:
            return


def interleaved(
    targets: Sequence[Running],
    cells: Sequence[Cell],
    repetitions: int,
    one: Callable[[Running, Cell, int], Sample],
) -> Iterator[Sample]:
    """Measure every cell of every target; what is compared is measured right after one another."""
    for repetition in range(repetitions):
        for cell in cells:
            for running in targets:
                if running.target.cells is None or cell.name in running.target.cells:
                    yield one(running, cell, repetition)
