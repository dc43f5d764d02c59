"""Who is told how requests went: logs, metrics, traces."""

from __future__ import annotations

from typing import Protocol

import attrs

from domain.journey import Journey


@attrs.frozen
class RequestRecord:
    """
    One finished request, as logs and metrics see it: no bodies, no secrets.

    `route` is the template of the matched route (`/v1/chat/completions`), never the raw path: a closed
    set. `status` is the HTTP status sent, 499 where the caller hung up before one. `error` is the code of the
    error sent, "" where there was none. Durations in seconds.
    """

    method: str
    route: str
    status: int
    stream: bool
    duration_s: float
    error: str
    journey: Journey


class Observer(Protocol):
    """Is told of each finished request, once."""

    def request_finished(self, record: RequestRecord) -> None:
        """Take note; must return at once and must not raise."""
        ...
