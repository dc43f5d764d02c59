"""The log: events of ours and of libraries, one stream, without secrets."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractContextManager

import pytest
from typing_extensions import override

from adapters.telemetry.lines import Lines
from adapters.telemetry.logs import Journal, Log, failure_log, library_logs, open_log
from adapters.telemetry.redaction import Redactor
from adapters.telemetry.repeats import PER_SECOND
from tests.adapters.telemetry.records import Written
from tests.fakes.clock import FakeClock

CANARY = "canary-canary"
NOW = "2023-11-14T22:30:00.000Z"


@pytest.fixture
def journal(written: Written, clock: FakeClock) -> Journal:
    return Journal(written.sink, Lines(clock), clock)


@pytest.fixture
def log(journal: Journal) -> Log:
    return open_log("info", journal)


@pytest.fixture
def libraries(log: Log) -> AbstractContextManager[None]:
    """What a test enters itself: pytest adds handlers of its own between a fixture and its test."""
    return library_logs(log, "debug", Redactor(["hunter2"]))


def raised() -> ValueError:
    """Return an exception as it comes from deep inside, with a secret in its words, its cause and its locals."""

    def fail(key: str) -> None:
        try:
            raise KeyError(key)
        except KeyError as error:
            raise ValueError(f"bad key {key}") from error

    with pytest.raises(ValueError, match="bad key") as caught:
        fail(CANARY)
    return caught.value


def test_an_event_is_a_line(log: Log, written: Written, clock: FakeClock) -> None:
    """Time, level, the event's words, and its fields."""
    clock.seconds = 1000.0

    log.info("listening", host="127.0.0.1", port=8000)

    assert written.lines() == [
        {"time": NOW, "level": "info", "event": "listening", "host": "127.0.0.1", "port": 8000},
    ]


def test_events_below_the_level_are_not_written(log: Log, written: Written) -> None:
    """Debug events are not worth a line at level info."""
    log.debug("detail")
    log.warning("notable")

    assert [line["event"] for line in written.lines()] == ["notable"]


async def test_an_error_is_written_at_once(log: Log, written: Written) -> None:
    """The process might not live to write it later."""
    log.info("one")
    assert written.path.read_bytes() == b""

    log.error("two")

    assert written.path.read_bytes().count(b"\n") == 2


def test_an_exception_is_told_without_its_words(log: Log, written: Written) -> None:
    """Types and frames, of the exception and its cause; no message, no value of a variable."""
    failure_log(log)(raised(), "req-1")

    (line,) = written.lines()
    assert (line["event"], line["request_id"]) == ("unhandled exception", "req-1")
    assert [entry["type"] for entry in line["exception"]] == ["ValueError", "KeyError"]
    assert any(frame.endswith("raised.<locals>.fail") for frame in line["exception"][0]["frames"])
    assert CANARY.encode() not in written.bytes()


def test_a_group_tells_its_parts(log: Log, written: Written) -> None:
    """What failed in several tasks is told of each, nested groups too."""
    group = ExceptionGroup(CANARY, [raised(), ExceptionGroup(CANARY, [OSError(CANARY)])])

    log.error("failed", exc_info=group)

    (line,) = written.lines()
    parts = line["exception"][0]["parts"]
    assert [part["type"] for part in parts] == ["ValueError", "ExceptionGroup"]
    assert [part["type"] for part in parts[1]["parts"]] == ["OSError"]
    assert CANARY.encode() not in written.bytes()


def test_the_current_exception_is_told(log: Log, written: Written) -> None:
    """`log.exception` needs no argument, as everywhere."""
    try:
        raise raised()
    except ValueError:
        log.exception("failed")

    assert written.lines()[0]["exception"][0]["type"] == "ValueError"


def test_a_chain_without_end_ends(log: Log, written: Written) -> None:
    """Exceptions that cause each other are told once each."""
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one

    log.error("failed", exc_info=one)

    assert len(written.lines()[0]["exception"]) == 2


def test_a_storm_is_a_few_lines_and_a_count(log: Log, written: Written, clock: FakeClock) -> None:
    """The same error a thousand times in a second is logged ten times, and counted once that second is over."""
    for _ in range(1000):
        log.error("upstream unreachable", provider="lab")
    clock.seconds += 1
    log.info("other")

    lines = written.lines()
    assert len(lines) == PER_SECOND + 2
    assert {"level": "warning", "event": "upstream unreachable", "suppressed": 1000 - PER_SECOND}.items() <= lines[
        -2
    ].items()


def test_what_is_no_warning_is_not_limited(log: Log, written: Written) -> None:
    """Ordinary events are all there."""
    for _ in range(50):
        log.info("ordinary")

    assert len(written.lines()) == 50


async def test_the_count_is_told_although_nothing_else_happens(written: Written, clock: FakeClock) -> None:
    """A timer comes back for it."""
    log = open_log("info", Journal(written.sink, Lines(clock), clock, tell_after_s=0.0))
    for _ in range(20):
        log.error("down")
    clock.seconds += 1

    for _ in range(5):
        await asyncio.sleep(0)

    assert written.lines()[-1]["suppressed"] == 20 - PER_SECOND


def test_at_the_end_the_count_is_told(log: Log, journal: Journal, written: Written) -> None:
    """Nothing is left out when the process ends within the second."""
    for _ in range(20):
        log.error("down")

    journal.tell_suppressed(last=True)

    assert written.lines()[-1]["suppressed"] == 20 - PER_SECOND


def test_libraries_write_into_the_same_log(libraries: AbstractContextManager[None], written: Written) -> None:
    """A record of the standard module is a line like any other, with its logger."""
    with libraries:
        logging.getLogger("uvicorn.error").warning("Invalid HTTP request received.")

    assert [
        {"level": "warning", "event": "Invalid HTTP request received.", "logger": "uvicorn.error"}.items()
        <= line.items()
        for line in written.lines()
    ] == [True]


@pytest.mark.parametrize("name", ["httpx", "httpcore.http11", "openai._base_client", "cerebras.cloud.sdk", "h2"])
def test_what_clients_say_below_a_warning_is_not_written(
    libraries: AbstractContextManager[None], written: Written, name: str
) -> None:
    """They quote headers and URLs; their own variables may set their level, which changes nothing."""
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)

    with libraries:
        logger.debug("Request options: %s", {"headers": {"Authorization": CANARY}})
        logger.info("HTTP Request: POST https://host/v1?key=%s", CANARY)
        logger.warning("retrying")
    logger.setLevel(logging.NOTSET)

    assert [line["event"] for line in written.lines()] == ["retrying"]


def test_the_servers_own_access_log_is_not_written(libraries: AbstractContextManager[None], written: Written) -> None:
    """It prints query strings, and each request has a line of ours."""
    with libraries:
        logging.getLogger("uvicorn.access").error('"GET /v1/models?api_key=%s HTTP/1.1" 200', CANARY)

    assert written.lines() == []


def test_words_of_libraries_are_redacted(libraries: AbstractContextManager[None], written: Written) -> None:
    """Query strings and secrets of ours are taken out of what they say."""
    with libraries:
        logging.getLogger("some.library").warning("GET /x?key=%s failed for %s", CANARY, "hunter2")

    assert written.lines()[0]["event"] == "GET /x failed for ***"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (
            "Task exception was never retrieved\nfuture: <Task exception=ValueError('canary-canary')>",
            "Task exception was never retrieved",
        ),
        ("Exception in callback send(b'canary-canary')", "Exception in callback send"),
        ("Executing <Task coro=<f('canary-canary')>> took 0.2 seconds", "Executing"),
    ],
)
def test_asyncio_tells_no_values(
    libraries: AbstractContextManager[None], written: Written, words: str, expected: str
) -> None:
    """It appends the repr of tasks and callbacks, which holds their arguments and exceptions."""
    with libraries:
        logging.getLogger("asyncio").error(words, exc_info=raised())

    (line,) = written.lines()
    assert line["event"] == expected
    assert line["exception"][0]["type"] == "ValueError"
    assert CANARY.encode() not in written.bytes()


def test_a_record_that_cannot_be_put_into_words_is_logged_all_the_same(
    libraries: AbstractContextManager[None], written: Written
) -> None:
    """Wrong arguments, or a value whose __str__ raises, cost no request."""

    class Broken:
        @override
        def __str__(self) -> str:
            raise RuntimeError

    with libraries:
        logging.getLogger("some.library").warning("%s and %d", Broken(), "no number")
        logging.getLogger("some.library").log(5, "finer than debug")
        logging.getLogger("some.library").log(35, "between")

    assert [(line["level"], line["event"]) for line in written.lines()] == [
        ("warning", "%s and %d"),
        ("warning", "between"),
    ]


def test_a_storm_of_a_library_is_limited_whatever_it_fills_in(
    libraries: AbstractContextManager[None], written: Written
) -> None:
    """Records with one template are one event, though each names another client."""
    with libraries:
        for number in range(100):
            logging.getLogger("some.library").warning("client %d misbehaves", number)

    assert len(written.lines()) == PER_SECOND


def test_afterwards_the_standard_module_is_as_it_was(log: Log) -> None:
    """The context gives back what it took."""
    root = logging.getLogger()
    before = (root.handlers, root.level)

    with library_logs(log, "debug", Redactor()):
        assert len(root.handlers) == 1

    assert (root.handlers, root.level) == before
