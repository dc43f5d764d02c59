"""The access log: one line for each finished request."""

from __future__ import annotations

import attrs
import msgspec

from adapters.telemetry.lines import Lines
from adapters.telemetry.sink import Sink
from domain.ports.observer import RequestRecord

SERVER_FAULT = 500
NO_STATUS = 1000


class AccessLine(msgspec.Struct):
    """
    One finished request; durations in milliseconds, tokens null where the provider told none.

    `overhead_ms` is what the request took beside waiting for upstreams; of a stream, also its reader's pace.
    """

    time: str
    level: str
    event: str
    request_id: str
    caller: str
    method: str
    route: str
    provider: str
    model: str
    status: int
    stream: bool
    attempts: int
    prompt_tokens: int | None
    completion_tokens: int | None
    duration_ms: float
    upstream_ms: float
    overhead_ms: float
    error: str
    ending: str


@attrs.frozen
class AccessLog:
    """Writes the line; at level `warning` only requests that the gateway or a provider failed, above it none."""

    _sink: Sink
    _lines: Lines
    _level: str = "info"
    _lowest_status: int = attrs.field(init=False, repr=False)

    @_lowest_status.default
    def _lowest_status_of_level(self) -> int:
        return {"debug": 0, "info": 0, "warning": SERVER_FAULT}.get(self._level, NO_STATUS)

    def request_finished(self, record: RequestRecord) -> None:
        """Write one line."""
        status = record.status
        if status < self._lowest_status:
            return
        journey = record.journey
        usage = journey.usage
        # By position, since this runs for every request and names cost as much again as the rest of the line.
        line = AccessLine(
            self._lines.time(),
            "info" if status < SERVER_FAULT else "warning",
            "request",
            journey.request_id,
            journey.caller,
            record.method,
            record.route,
            journey.provider,
            journey.model,
            status,
            record.stream,
            journey.attempts,
            None if usage is None else usage.prompt_tokens,
            None if usage is None else usage.completion_tokens,
            int(record.duration_s * 1e5) / 100,
            int(journey.upstream_s * 1e5) / 100,
            int(max(0.0, record.duration_s - journey.upstream_s) * 1e5) / 100,
            record.error,
            journey.ending.value,
        )
        self._sink.append(self._lines.encode(line))
