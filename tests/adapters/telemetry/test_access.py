"""One line for each finished request."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.telemetry.access import AccessLog
from adapters.telemetry.lines import Lines
from adapters.telemetry.several import Observers
from domain.journey import Ending
from domain.ports.observer import Observer, RequestRecord
from tests.adapters.telemetry.records import Written, record
from tests.fakes.clock import FakeClock


def test_a_request_is_a_line(written: Written, clock: FakeClock) -> None:
    """Everything that an operator asks of a request, in milliseconds and tokens."""
    observer: Observer = AccessLog(written.sink, Lines(clock))

    observer.request_finished(record())

    assert written.lines() == [
        {
            "time": "2023-11-14T22:30:00.000Z",
            "level": "info",
            "event": "request",
            "request_id": "req-1",
            "caller": "ci",
            "method": "POST",
            "route": "/v1/chat/completions",
            "provider": "lab",
            "model": "lab-small",
            "status": 200,
            "stream": False,
            "attempts": 1,
            "prompt_tokens": 11,
            "completion_tokens": 7,
            "duration_ms": 375.0,
            "upstream_ms": 250.0,
            "overhead_ms": 125.0,
            "error": "",
            "ending": "finished",
        }
    ]


def test_what_is_not_known_is_null(written: Written, clock: FakeClock) -> None:
    """No usage is not the same as no tokens; and clocks of two sources give no time below nothing."""
    AccessLog(written.sink, Lines(clock)).request_finished(
        record(usage=None, duration_s=0.1, upstream_s=0.2, ending=Ending.CLIENT_GONE, status=499)
    )

    (line,) = written.lines()
    assert (line["prompt_tokens"], line["completion_tokens"], line["overhead_ms"]) == (None, None, 0.0)
    assert (line["ending"], line["status"], line["level"]) == ("client_gone", 499, "info")


@pytest.mark.parametrize(
    ("level", "written_statuses"), [("debug", [200, 502]), ("info", [200, 502]), ("warning", [502]), ("error", [])]
)
def test_the_level_says_which_requests_are_logged(
    written: Written, clock: FakeClock, level: str, written_statuses: list[int]
) -> None:
    """Failures of the gateway and its providers are warnings, all others information."""
    log = AccessLog(written.sink, Lines(clock), level)

    for status in (200, 502):
        log.request_finished(record(status=status))

    assert [line["status"] for line in written.lines()] == written_statuses


@given(st.text(st.characters(codec=None)), st.text(st.characters(codec=None)))
def test_no_name_breaks_out_of_the_line(tmp_path_factory: pytest.TempPathFactory, model: str, request_id: str) -> None:
    """A model or an id that a caller chose cannot write lines of its own."""
    written = Written.to(tmp_path_factory.mktemp("log") / "log")

    AccessLog(written.sink, Lines(FakeClock())).request_finished(record(model=model, request_id=request_id))

    assert len(written.bytes().decode().splitlines()) == 1
    assert len(written.lines()) == 1


def test_several_observers_are_told_in_order() -> None:
    """Each is told the same, once."""
    told: list[tuple[str, RequestRecord]] = []

    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def request_finished(self, record: RequestRecord) -> None:
            told.append((self.name, record))

    one = record()
    Observers((Named("a"), Named("b"))).request_finished(one)

    assert told == [("a", one), ("b", one)]
