"""Starting each target on its own: how long it takes, and what it holds of the memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.cells import CELLS
from bench.loads import run_load
from bench.measure import order
from bench.results import Start
from bench.running import Place, pinned, running_target
from bench.targets.target import Target
from bench.trouble import Unusable

LOADED = {cell.name: cell for cell in CELLS}["plain-256"]
LOAD_S = 3.0


def starts(
    targets: Sequence[Target], place: Place, refuse: Callable[[Unusable], None]
) -> Iterator[tuple[Target, Start]]:
    """
    Start each target several times, and load it in the last of them.

    Nothing else of what is measured runs meanwhile, so that nobody shares its memory. A start before the first one that
    counts leaves everything compiled. A target that does not start is refused.
    """
    place.mock.set_pace(0)
    for target in targets:
        if target.launch is None:
            continue
        try:
            with running_target(target, place):
                pass
            for number in range(target.starts):
                yield target, _start(target, place, load=number == target.starts - 1)
        except Unusable as trouble:
            refuse(trouble)


def _start(target: Target, place: Place, *, load: bool) -> Start:
    with running_target(target, place) as running:
        idle = running.memory()
        if load:
            run_load(place.programs.load, order(running, LOADED, LOAD_S, place), pinned(place.cores.rest))
        return Start(target.name, running.cold_start_s, idle, running.memory() if load else None)
