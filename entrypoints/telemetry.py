"""What a process tells of itself: its log on stdout, its metrics."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import attrs

from adapters.memory.clock import SystemClock
from adapters.telemetry.access import AccessLog
from adapters.telemetry.lines import Lines
from adapters.telemetry.logs import Journal, Log, failure_log, library_logs, open_log
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.redaction import Redactor
from adapters.telemetry.several import Observers
from adapters.telemetry.sink import Sink
from domain.ports.observer import Observer
from entrypoints.schema import Settings
from entrypoints.secret import Secret


@attrs.frozen
class Telemetry:
    """Everything that is told goes through here."""

    log: Log
    observer: Observer
    unexpected: Callable[[BaseException, str], None]
    metrics: Callable[[], tuple[str, bytes]]
    loop_lagged: Callable[[float], None]
    flush: Callable[[], None]
    """Writes what of the log is still unwritten, or waits a second for who reads it."""


@contextmanager
def telemetry(settings: Settings) -> Iterator[Telemetry]:
    """Open the log on stdout and the metrics; what is still unwritten at the end is written then."""
    clock = SystemClock()
    lines = Lines(clock)
    sink = Sink(sys.stdout.fileno(), tell_dropped=lines.dropped)
    journal = Journal(sink, lines, clock)
    log = open_log(settings.process.log_level, journal)
    metrics = Metrics(frozenset(settings.providers))
    sink.on_dropped = metrics.log_lines_dropped

    def flush() -> None:
        journal.tell_suppressed(last=True)
        sink.close()

    try:
        with library_logs(log, settings.process.log_level, Redactor(_secrets(settings))):
            yield Telemetry(
                log,
                Observers((AccessLog(sink, lines, settings.process.log_level), metrics)),
                failure_log(log),
                metrics.render,
                metrics.loop_lagged,
                flush,
            )
    finally:
        flush()


def _secrets(settings: Settings) -> Iterator[str]:
    """Give every secret that must not show in a log."""
    found: list[Secret | None] = [settings.process.key_pepper]
    found += [entry.key for entry in (*settings.auth.keys, *settings.auth.admin_keys)]
    found += [provider.credential for provider in settings.providers.values()]
    return (secret.reveal() for secret in found if secret is not None)
