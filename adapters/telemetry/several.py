"""Tells several observers what one is told."""

from __future__ import annotations

import attrs

from domain.ports.observer import Observer, RequestRecord


@attrs.frozen
class Observers:
    """Passes each record on, in order."""

    _observers: tuple[Observer, ...] = ()

    def request_finished(self, record: RequestRecord) -> None:
        """Tell each observer."""
        for observer in self._observers:
            observer.request_finished(record)
