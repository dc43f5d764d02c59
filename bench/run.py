"""
Runs the benchmark: `python -m bench.run`.

All targets run side by side on one core, the upstream and the load on another; one target is measured at a time, the
others are stopped.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from bench.cells import CELLS, Cell
from bench.machine import alone, description, two_cores
from bench.measure import Sample, interleaved, measure
from bench.picture import picture
from bench.programs import build
from bench.report import tables
from bench.results import About, Results
from bench.running import Place, Running, run_all, running_mock
from bench.starts import starts
from bench.targets.direct import direct
from bench.targets.gateway import cerebras, gateway, ollama
from bench.targets.nginx import nginx
from bench.targets.peers import litellm, portkey, smg, vllm_router
from bench.targets.target import Target
from bench.trouble import Missing, Unusable

ROOT = Path(__file__).parents[1]
KEPT = ROOT / ".bench"
PUBLISHED = ROOT / "docs" / "explanation" / "performance"
START = "start"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and report; return the exit status: 2 where something is missing that must be installed."""
    asked = _asked(arguments)
    return guarded(lambda: _report(asked))


def guarded(work: Callable[[], int]) -> int:
    """
    Do a benchmark's work alone on this machine, and end what it has started however it ends.

    Returns its exit status; 2 where something is missing, 130 where it was told to end.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with alone():
            return work()
    except (Missing, Unusable) as trouble:
        print(trouble, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


def _report(asked: argparse.Namespace) -> int:
    results = run(asked.targets, asked.cells, asked.repetitions, asked.seconds)
    folders = [KEPT / "results" / results.when.replace(":", ""), *([PUBLISHED] if asked.publish else [])]
    for folder in folders:
        write(results, folder)
    print(tables(results))
    print(f"Written to {', '.join(map(str, folders))}", file=sys.stderr)
    return 0


def write(results: Results, folder: Path) -> None:
    """Write what was measured into a folder: as lines of JSON, as tables, as a picture."""
    folder.mkdir(parents=True, exist_ok=True)
    results.write(folder / "results.jsonl")
    shown = "![CPU time of each gateway per request and per streamed event](results.svg)"
    text = f"# Results of a run of the benchmark\n\n{shown}\n\n{tables(results)}"
    (folder / "results.md").write_text(text, encoding="utf-8")
    (folder / "results.svg").write_text(picture(results), encoding="utf-8")


def run(targets: Sequence[Target], cells: Sequence[str], repetitions: int, seconds: float) -> Results:
    """
    Measure these cells of these targets.

    Raises `Missing` where something is not installed that the benchmark itself needs, or one of the targets without
    which nothing can be compared.
    """
    results = Results(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), description(), seconds, repetitions)
    with ExitStack() as stack:
        KEPT.mkdir(exist_ok=True)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="run-", dir=KEPT)))
        cores, programs = two_cores(), build(KEPT / "bin")
        place = Place(cores, programs, folder, stack.enter_context(running_mock(programs.mock, cores.rest)))
        usable = _installed(targets, results)
        if START in cells:
            usable = _start_each(usable, place, results)
        chosen = [cell for cell in CELLS if cell.name in cells]
        if chosen:
            _measure_all(usable, chosen, place, results)
    return results


def _installed(targets: Sequence[Target], results: Results) -> list[Target]:
    usable = []
    for target in targets:
        try:
            target.install()
        except Unusable as trouble:
            results.missing.append(str(trouble))
        else:
            results.about.append(About(target.name, target.about, target.version()))
            usable.append(target)
    return usable


def _start_each(targets: Sequence[Target], place: Place, results: Results) -> list[Target]:
    unusable: list[str] = []

    def refuse(trouble: Unusable) -> None:
        results.missing.append(str(trouble))
        unusable.append(trouble.target)

    for target, start in starts(targets, place, refuse):
        results.starts.append(start)
        _tell(f"start {target.name}: {start.cold_start_s:.3f} s, {start.idle.pss_mb:.1f} MB")
    return [target for target in targets if target.name not in unusable]


def _measure_all(targets: Sequence[Target], cells: Sequence[Cell], place: Place, results: Results) -> None:
    def one(running: Running, cell: Cell, repetition: int) -> Sample:
        return measure(running, cell, repetition, results.seconds, place)

    with ExitStack() as stack:
        running, missing = run_all(targets, place, stack)
        results.missing.extend(missing)
        for sample in interleaved(running, cells, results.repetitions, one):
            results.samples.append(sample)
            _tell(_line(sample))


def _line(sample: Sample) -> str:
    cpu = sample.cpu_us_per_event if sample.load.events else sample.cpu_us_per_request
    rate = sample.load.events_per_second or sample.load.per_second
    errors = f", {sample.load.error_count} errors" if sample.load.error_count else ""
    return f"{sample.cell} {sample.target} {sample.repetition + 1}: {cpu or 0:.1f} µs, {rate:.0f}/s{errors}"


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def known_targets(variants: Sequence[str] = ()) -> list[Target]:
    """Return all targets, in the order of the report; a variant is `NAME=CHECKOUT`."""
    known = [direct(), nginx(), gateway(), ollama(), cerebras(), litellm(), portkey(), vllm_router(), smg()]
    for variant in variants:
        name, _, checkout = variant.partition("=")
        known += [kind(name, Path(checkout).resolve()) for kind in (gateway, ollama, cerebras)]
    return known


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _asked(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.run", description=__doc__)
    targets = ", ".join(target.name for target in known_targets())
    cells = [START, *(cell.name for cell in CELLS)]
    parser.add_argument("--only", type=_names, help=f"of the targets {targets}")
    parser.add_argument("--cells", type=_names, default=cells, help=f"of the cells {', '.join(cells)}")
    parser.add_argument("--repetitions", type=int, default=3, help="how often each cell is measured")
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each time")
    parser.add_argument(
        "--publish", action="store_true", help=f"write the results to {PUBLISHED.relative_to(ROOT)} too"
    )
    variants = "a target more: the gateway in another checkout, with its own .venv; also NAME-ollama and NAME-cerebras"
    parser.add_argument("--variant", action="append", default=[], metavar="NAME=CHECKOUT", help=variants)
    asked = parser.parse_args(arguments)
    known = {target.name: target for target in known_targets(asked.variant)}
    asked.only = list(known) if asked.only is None else asked.only
    for name in {*asked.only} - known.keys() | {*asked.cells} - {*cells}:
        parser.error(f"there is no target and no cell {name!r}")
    asked.targets = [target for name, target in known.items() if name in asked.only]
    return asked


if __name__ == "__main__":
    sys.exit(main())
