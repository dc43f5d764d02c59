"""The log beside the requests: events of the gateway itself, and what libraries say."""

from __future__ import annotations

import asyncio
import logging
import math
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn, cast

import attrs
import structlog
from structlog.typing import EventDict, FilteringBoundLogger
from typing_extensions import override

from adapters.telemetry.lines import Lines
from adapters.telemetry.redaction import Redactor
from adapters.telemetry.repeats import Repeats
from adapters.telemetry.sink import Sink
from adapters.telemetry.traces import told
from domain.ports.clock import Clock

Log = FilteringBoundLogger
"""`log.info("started", port=8000)`: an event in few words that never change, and what changes as fields."""

TELL_AFTER_S = 1.5
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
# What these say below a warning is of no use to an operator, and may quote headers, URLs and bodies.
NOISY = ("httpx", "httpcore", "httpx2", "httpcore2", "openai", "cerebras", "hpack", "h2", "urllib3", "uvicorn")

_LIMITED = frozenset({"warning", "error", "critical"})
_URGENT = frozenset({"error", "critical"})


@attrs.define(eq=False)
class Journal:
    """Turns events into lines; one that repeats itself is logged a few times a second, and then counted."""

    _sink: Sink
    _lines: Lines
    _clock: Clock
    _repeats: Repeats = attrs.field(factory=Repeats)
    _tell_after_s: float = TELL_AFTER_S
    _loop: asyncio.AbstractEventLoop | None = attrs.field(default=None, init=False, repr=False)

    def process(self, logger: object, method: str, event: EventDict) -> NoReturn:
        """Write an event: the one processor of structlog's chain, and its end."""
        error = event.pop("exc_info", None)
        repeat = event.pop("repeat", None) or str(event.get("event"))
        self.tell_suppressed()
        if method not in _LIMITED or self._repeats.admit(repeat, self._clock.monotonic()):
            if error is True:
                error = sys.exc_info()[1]
            if isinstance(error, BaseException):
                event["exception"] = told(error)
            line = self._lines.event({"time": self._lines.time(), "level": method, **event})
            self._sink.append(line, urgent=method in _URGENT)
        else:
            self._tell_later()
        raise structlog.DropEvent

    def tell_suppressed(self, *, last: bool = False) -> None:
        """Write how often events were suppressed in seconds gone by; `last` counts this second as gone."""
        for event, suppressed in self._repeats.due(math.inf if last else self._clock.monotonic()):
            fields = {"time": self._lines.time(), "level": "warning", "event": event, "suppressed": suppressed}
            self._sink.append(self._lines.event(fields))

    def _tell_later(self) -> None:
        """See to it that the count is told although nothing else may be logged."""
        if self._loop is not None and not self._loop.is_closed():
            return
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        self._loop.call_later(self._tell_after_s, self._told_later)

    def _told_later(self) -> None:
        self._loop = None
        self.tell_suppressed()


def open_log(level: str, journal: Journal) -> Log:
    """Return the logger that writes events of `level` and above into the journal."""
    logger = structlog.wrap_logger(
        None, processors=[journal.process], wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level])
    )
    return cast(Log, logger.bind())


def failure_log(log: Log) -> Callable[[BaseException, str], None]:
    """Return what reports an unhandled exception, with the id of the request that met it."""

    def report(error: BaseException, request_id: str) -> None:
        log.error("unhandled exception", request_id=request_id, exc_info=error)

    return report


@contextmanager
def library_logs(log: Log, level: str, redactor: Redactor) -> Iterator[None]:
    """Lead what libraries log by the standard module into the same log, as long as the context lasts."""
    root = logging.getLogger()
    before, level_before = root.handlers, root.level
    root.handlers = [LibraryHandler(log, redactor)]
    root.setLevel(LEVELS[level])
    try:
        yield
    finally:
        root.handlers = before
        root.setLevel(level_before)


class LibraryHandler(logging.Handler):
    """Writes records of the standard module into our log: redacted, and without the noise."""

    def __init__(self, log: Log, redactor: Redactor) -> None:
        super().__init__()
        self._log = log
        self._redact = redactor

    @override
    def emit(self, record: logging.LogRecord) -> None:
        """Write one record; never raises."""
        # The SDKs set the levels of their loggers by variables of their own, so these are no protection.
        if record.levelno < logging.WARNING and _is_of(record.name, NOISY):
            return
        if record.name == "uvicorn.access":
            return  # it prints query strings, and each request has its line already
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        template = self._redact(_first_words(record.name, _template(record)))
        fields: dict[str, Any] = {"logger": record.name, "repeat": f"{record.name}: {template[:200]}"}
        level = max(level for level in LEVELS.values() if level <= max(record.levelno, logging.DEBUG))
        self._log.log(level, self._redact(_words(record)), exc_info=error, **fields)


def _words(record: logging.LogRecord) -> str:
    try:
        words = record.getMessage()
    except Exception:  # noqa: BLE001 - a foreign value's __str__ may raise anything, and a log line is not worth a request
        words = _template(record)
    return _first_words(record.name, words)


def _template(record: logging.LogRecord) -> str:
    return record.msg if isinstance(record.msg, str) else type(record.msg).__name__


def _first_words(logger: str, words: str) -> str:
    """Cut off what asyncio appends to its words: the repr of tasks and callbacks, with the values in them."""
    return re.split(r"[\n(<]", words, maxsplit=1)[0].strip() if logger == "asyncio" else words


def _is_of(name: str, families: tuple[str, ...]) -> bool:
    return any(name == family or name.startswith(f"{family}.") for family in families)
