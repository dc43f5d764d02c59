"""Results are judged, written and drawn by what was measured."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import attrs
import pytest

from bench import quick
from bench.cells import CELLS, Cell, body
from bench.figures import Figure, Gate, added, figure, ratio, three_digits
from bench.goals import GOALS
from bench.loads import Load, Times, parse_load
from bench.measure import Sample, interleaved
from bench.picture import picture
from bench.report import tables
from bench.results import About, Results, Start
from bench.running import Running
from bench.slope import slope
from bench.targets.target import Target
from bench.trees import Memory

NOTHING = Times(None, None, None, None)
LOAD = Load(
    requests=1000,
    seconds=1.0,
    per_second=1000.0,
    connections=32,
    hang_ups=0,
    errors={"status": 0, "broken": 0},
    events=0,
    events_per_second=0.0,
    latency_us=Times(100.0, 200.0, 300.0, 400.0),
    first_event_us=NOTHING,
)
WRITTEN = (
    '{"requests":2,"seconds":0.5,"per_second":4.0,"connections":1,"hang_ups":0,"errors":{"status":0,"broken":1,'
    '"closed":0,"connect":2,"unfinished":0},"events":0,"events_per_second":0.00,"body_bytes":2064,"latency_us":'
    '{"p50":24.1,"p90":28.7,"p99":81.6,"max":2489.1},"first_event_us":{"p50":null,"p90":null,"p99":null,"max":null}}'
)


def sample(target: str, cell: str, cpu_s: float, repetition: int = 0, load: Load = LOAD) -> Sample:
    return Sample(target, cell, repetition, cpu_s, 0.0, load)


def results(*samples: Sample) -> Results:
    names = dict.fromkeys(sample.target for sample in samples)
    about = [About(name, f"<{name}> & more", "1.0") for name in names]
    memory = Memory(20.0, 30.0)
    starts = [Start("ours", 0.3, memory, memory)]
    return Results("2026-01-01T00:00:00Z", {"cpu": "a"}, 3.0, 3, about, ["smg: not there"], starts, list(samples))


def side_by_side(ours: tuple[float, ...], limit: tuple[float, ...]) -> Results:
    """Return results of both, in s of CPU for a thousand requests, and as much for as many events."""
    events = attrs.evolve(LOAD, events=1000, events_per_second=500.0, first_event_us=LOAD.latency_us)
    return results(*(
        sample(target, cell, value, number, load)
        for target, values in (("nginx", limit), ("ours", ours))
        for cell, load in (("plain-32", LOAD), ("paced-64", events))
        for number, value in enumerate(values)
    ))  # fmt: skip


def test_what_the_load_client_writes_is_read() -> None:
    """Errors of all kinds add up; what was not measured is None."""
    load = parse_load(WRITTEN)

    assert (2, 3, Times(24.1, 28.7, 81.6, 2489.1), NOTHING) == (
        load.requests, load.error_count, load.latency_us, load.first_event_us,
    )  # fmt: skip


def test_cpu_time_is_told_for_each_request_and_each_event() -> None:
    """Where there was none, there is no time for it."""
    streamed = sample("ours", "paced-64", 0.5, load=attrs.evolve(LOAD, events=10_000))
    nothing = sample("ours", "plain-32", 0.5, load=attrs.evolve(LOAD, requests=0))

    assert (500.0, 50.0) == (streamed.cpu_us_per_request, streamed.cpu_us_per_event)
    assert (None, None) == (nothing.cpu_us_per_request, nothing.cpu_us_per_event)


def test_what_is_compared_is_measured_right_after_one_another() -> None:
    """Round after round, so that what changes with time changes for all; a target has only the cells that suit it."""
    one, other = (Running(Target(name, "", str, None), "") for name in ("one", "other"))
    other.target = attrs.evolve(other.target, cells=frozenset({"plain-1"}))
    samples = interleaved(
        [one, other], CELLS[:2], 2, lambda running, cell, number: sample(running.target.name, cell.name, 0.1, number)
    )

    assert [
        ("one", "plain-1", 0), ("other", "plain-1", 0), ("one", "plain-32", 0),
        ("one", "plain-1", 1), ("other", "plain-1", 1), ("one", "plain-32", 1),
    ] == [(sample.target, sample.cell, sample.repetition) for sample in samples]  # fmt: skip


def test_a_figure_has_a_middle_ends_and_a_spread() -> None:
    """The spread is a share of the smallest."""
    found = figure([12.0, None, 10.0, 15.0])

    assert found is not None
    assert (12.0, 10.0, 15.0, 0.5) == (found.median, found.low, found.high, found.spread)
    assert figure([None]) is None


def test_ratios_and_differences_are_of_medians() -> None:
    """Without one of the two, or with nothing to divide by, there is none."""
    one, other = Figure((30.0, 20.0, 10.0)), Figure((5.0,))

    assert (4.0, 15.0) == (ratio(one, other), added(one, other))
    assert (None, None, None) == (ratio(None, other), ratio(one, Figure((0.0,))), added(one, None))


@pytest.mark.parametrize(
    ("ours", "limit", "holds"),
    [
        ((45.0, 45.0), (10.0, 10.0), True),
        ((45.1, 45.1), (10.0, 10.0), False),
        ((48.0, 50.0), (10.0, 11.0), True),
        ((50.0, 50.0), (10.0, 11.0), False),
        ((90.0, 45.0, 70.0), (10.0, 10.0), True),
    ],
)
def test_a_gate_is_the_ratio_of_the_best_and_the_spread(
    ours: tuple[float, ...], limit: tuple[float, ...], holds: bool
) -> None:
    """A ratio past the limit is forgiven as far as the runs themselves are apart."""
    assert holds == Gate("", Figure(ours), Figure(limit), 4.5).holds


def test_the_quick_gates_are_of_requests_and_of_events() -> None:
    """Each has its own limit."""
    fine, slow = quick.gates(side_by_side((0.2, 0.2), (0.1, 0.1))), quick.gates(side_by_side((0.4, 0.4), (0.1, 0.1)))

    assert [True, True] == [gate.holds for gate in fine]
    assert [True, False] == [gate.holds for gate in slow]
    assert "400.0 µs, nginx 100.0 µs: 4.00 ×, at most 2.2 × and 0% of spread: TOO SLOW" in quick.told(slow[1])


def test_a_slope_is_that_of_the_nearest_line() -> None:
    """What goes up and down does not grow."""
    assert (2.0, 0.0, -1.0) == (slope([1, 3, 5, 7]), slope([1, 2, 2, 1]), slope([3, 2, 1]))


@pytest.mark.parametrize(
    ("value", "written"), [(12345.6, "12,346"), (123.4, "123"), (12.34, "12.3"), (1.234, "1.23"), (0.01234, "0.012")]
)
def test_three_digits_count(value: float, written: str) -> None:
    """More would say that more is known."""
    assert written == three_digits(value)


def test_tables_show_medians_ends_ratios_and_errors() -> None:
    """What is missing is named."""
    found = side_by_side((0.3, 0.2, 0.4), (0.1,))
    found.samples.append(sample("ours", "plain-256", 0.5, load=attrs.evolve(LOAD, errors={"broken": 7})))
    text = tables(found)

    assert "| ours | 300 (200–400) | 3.00 |" in text
    assert "| **7** |" in text
    assert "- missing: smg: not there" in text
    assert "| CPU per request ÷ nginx, c = 32 | 3.00 | ≤ 4.5 | ≤ 2.75 | must |" in text


def test_a_cell_that_others_disturbed_is_marked() -> None:
    """More than a twentieth of the core was not ours."""
    found = results(attrs.evolve(sample("ours", "plain-32", 0.3), foreign=0.2))

    assert "| ours (disturbed) |" in tables(found)


def test_goals_are_none_where_nothing_was_measured() -> None:
    """What belongs to starts is known without any sample."""
    known = [goal.name for goal in GOALS if goal.value(results()) is not None]

    assert ["cold start to the first authenticated 200, s", "PSS idle, MB"] == known


def test_the_picture_is_well_formed() -> None:
    """It has a bar for each target in each panel."""
    drawn = ET.fromstring(picture(side_by_side((0.3, 0.2), (0.1,))))  # noqa: S314 - we have just made it

    names = [element.text for element in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert (2, 2) == (names.count("ours"), names.count("nginx"))


def test_the_picture_of_nothing_is_well_formed() -> None:
    """A run may have measured other cells."""
    assert "svg" in ET.fromstring(picture(results())).tag  # noqa: S314 - we have just made it


def test_all_that_was_found_is_kept_as_lines_of_json() -> None:
    """Each line says what it is."""
    kinds = [json.loads(line)["kind"] for line in results(sample("ours", "plain-32", 0.3)).lines()]

    assert ["run", "missing", "about", "start", "sample"] == kinds


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_bodies_have_the_size_of_their_cell(cell: Cell) -> None:
    """A tenth more or less."""
    made = body(cell, "mock")

    assert cell.prompt_bytes * 0.9 < len(made) < cell.prompt_bytes * 1.1 + 150
    assert cell.stream == json.loads(made).get("stream", False)
