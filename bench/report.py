"""The results as tables of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.cells import CELLS, Cell
from bench.figures import Figure, added, figure, ratio, three_digits
from bench.goals import GOALS
from bench.results import Results

NOISY = 0.05


def tables(results: Results) -> str:
    """Return all tables, for cells in which anything was measured."""
    parts = [_goals(results)] if any(goal.value(results) is not None for goal in GOALS) else []
    parts += [_cell(results, cell) for cell in CELLS if any(sample.cell == cell.name for sample in results.samples)]
    if results.starts:
        parts.append(_starts(results))
    parts.append(_about(results))
    return "\n\n".join(parts) + "\n"


def _cell(results: Results, cell: Cell) -> str:
    names = [about.target for about in results.about if results.of(about.target, cell.name)]
    row = _stream_row if cell.stream else _plain_row
    heads = _STREAM_HEADS if cell.stream else _PLAIN_HEADS
    return f"## `{cell.name}`: {cell.about}\n\n" + _table(heads, (row(results, name, cell) for name in names))


def _goals(results: Results) -> str:
    found = [(goal, goal.value(results)) for goal in GOALS]
    rows = (
        (
            goal.name,
            three_digits(value),
            f"{'≤' if goal.at_most else '≥'} {goal.must:g}",
            f"{'≤' if goal.at_most else '≥'} {goal.aim:g}",
            goal.reached(value),
        )
        for goal, value in found
        if value is not None
    )
    return "## Goals\n\n" + _table(("", "measured", "must", "aim", "reached"), rows)


_PLAIN_HEADS = ("", "CPU µs/request", "÷ nginx", "LiteLLM ÷ it", "requests/s", "p50 ms", "added", "p99 ms", "errors")
_STREAM_HEADS = (
    "", "CPU µs/event", "÷ nginx", "LiteLLM ÷ it", "events/s", "÷ nginx",
    "first event p50 ms", "added", "p99 ms", "errors",
)  # fmt: skip


def _plain_row(results: Results, name: str, cell: Cell) -> Sequence[str]:
    def of(value: str, target: str = name) -> Figure | None:
        return results.figure(target, cell.name, value)

    cpu = None if name == "direct" else of("cpu_us")
    return (
        _name(results, name, cell),
        _spread(cpu),
        _times(ratio(cpu, of("cpu_us", "nginx"))),
        _times(ratio(of("cpu_us", "litellm"), cpu)),
        _number(of("per_s")),
        _ms(of("p50_us")),
        _added(added(of("p50_us"), of("p50_us", "direct"))),
        _ms(of("p99_us")),
        _errors(results, name, cell),
    )


def _stream_row(results: Results, name: str, cell: Cell) -> Sequence[str]:
    def of(value: str, target: str = name) -> Figure | None:
        return results.figure(target, cell.name, value)

    cpu = None if name == "direct" else of("event_cpu_us")
    return (
        _name(results, name, cell),
        _spread(cpu),
        _times(ratio(cpu, of("event_cpu_us", "nginx"))),
        _times(ratio(of("event_cpu_us", "litellm"), cpu)),
        _number(of("events_per_s")),
        _times(ratio(of("events_per_s"), of("events_per_s", "nginx"))),
        _ms(of("first_us")),
        _added(added(of("first_us"), of("first_us", "direct"))),
        _ms(of("first_p99_us")),
        _errors(results, name, cell),
    )


def _starts(results: Results) -> str:
    def rows() -> Iterator[Sequence[str]]:
        for about in results.about:
            starts = [start for start in results.starts if start.target == about.target]
            cold = figure([start.cold_start_s for start in starts])
            idle = figure([start.idle.pss_mb for start in starts])
            loaded = figure([start.loaded.pss_mb if start.loaded else None for start in starts])
            if starts:
                yield about.target, _spread(cold), _spread(idle), _number(loaded)

    heads = ("", "cold start to the first good answer, s", "PSS idle, MB", "PSS after load, MB")
    return "## `start`: each on its own\n\n" + _table(heads, rows())


def _about(results: Results) -> str:
    lines = [f"- `{about.target}` {about.version}".rstrip() + f": {about.about}" for about in results.about]
    lines += [f"- missing: {reason}" for reason in results.missing]
    machine = ", ".join(f"{name} {value}" for name, value in results.machine.items())
    method = f"{results.repetitions} interleaved repetitions of {results.seconds:g} s; medians, in brackets min–max"
    return "\n".join([f"{results.when}; {machine}; {method}.", "", *lines])


def _table(heads: Sequence[str], rows: Iterator[Sequence[str]]) -> str:
    rule = ["---", *("--:" for _ in heads[1:])]
    return "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))


def _name(results: Results, name: str, cell: Cell) -> str:
    """Mark what was measured while others used the same core."""
    foreign = results.figure(name, cell.name, "foreign")
    noisy = name != "direct" and foreign is not None and foreign.median > NOISY
    return f"{name} (disturbed)" if noisy else name


def _errors(results: Results, name: str, cell: Cell) -> str:
    count = results.errors(name, cell.name)
    return f"**{count}**" if count else "0"


def _spread(value: Figure | None) -> str:
    if value is None:
        return "–"
    return f"{three_digits(value.median)} ({three_digits(value.low)}–{three_digits(value.high)})"


def _number(value: Figure | None) -> str:
    return "–" if value is None else three_digits(value.median)


def _ms(value: Figure | None) -> str:
    return "–" if value is None else three_digits(value.median / 1e3)


def _added(value_us: float | None) -> str:
    return "–" if value_us is None else three_digits(value_us / 1e3)


def _times(value: float | None) -> str:
    return "–" if value is None else three_digits(value)
