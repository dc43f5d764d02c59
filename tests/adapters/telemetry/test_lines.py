"""Every record is one JSON object on one line."""

from __future__ import annotations

import json
from pathlib import Path

import attrs
from hypothesis import given
from hypothesis import strategies as st

from adapters.telemetry.lines import Lines
from tests.fakes.clock import FakeClock

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@attrs.frozen
class Prompt:
    text: str = "canary"


def test_the_time_is_iso_8601_in_utc() -> None:
    """To the millisecond, and right again in the next second."""
    clock = FakeClock(seconds=0.25)
    lines = Lines(clock)

    times = [lines.time()]
    clock.seconds = 0.999999
    times.append(lines.time())
    clock.seconds = 61.0
    times.append(lines.time())

    assert times == ["2023-11-14T22:13:20.250Z", "2023-11-14T22:13:20.999Z", "2023-11-14T22:14:21.000Z"]


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_no_text_breaks_out_of_its_line(name: str, value: str) -> None:
    """Newlines, control characters, lone surrogates and what turns text around stay inside, in names and in values."""
    line = Lines(FakeClock()).event({"event": value, name: value})

    assert line.endswith(b"}\n")
    assert len(line.decode().splitlines()) == 1
    assert line[:-1].decode().replace(" ", "").isprintable() or not value.isprintable() or not name.isprintable()
    assert not {*"\x00\x1b\x7f\x85\u2028\u202e"} & {*line[:-1].decode()}
    json.loads(line)


@given(st.text())
def test_ordinary_text_comes_back(value: str) -> None:
    """What was escaped reads as it was."""
    assert json.loads(Lines(FakeClock()).event({"event": value})) == {"event": value}


@given(JSON)
def test_any_value_can_be_logged(value: object) -> None:
    """Numbers without an end, huge integers and nested values never raise."""
    json.loads(Lines(FakeClock()).event({"event": "x", "value": value}))


def test_objects_do_not_show_what_they_hold() -> None:
    """Only the name of a type is logged; a path is its text."""
    line = Lines(FakeClock()).event(
        {"object": Prompt(), "bytes": b"canary", "in": [Prompt(), {"x": {1, 2}}], "path": Path("/data"), "huge": 2**70}
    )

    assert json.loads(line) == {
        "object": "<Prompt>",
        "bytes": "<bytes>",
        "in": ["<Prompt>", {"x": "<set>"}],
        "path": "/data",
        "huge": "<int>",
    }


def test_missing_lines_are_told() -> None:
    """A gap in the log says how wide it is."""
    line = json.loads(Lines(FakeClock()).dropped(7))

    assert (line["event"], line["dropped"]) == ("log lines dropped", 7)


def test_what_has_no_end_is_cut() -> None:
    """A list that holds itself is a line all the same."""
    endless: list[object] = []
    endless.append(endless)

    assert Lines(FakeClock()).event({"endless": endless}).endswith(b'<list>"' + b"]" * 7 + b"}\n")
