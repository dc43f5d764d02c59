"""What the load client is told and what it tells."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path

import attrs

GRACE_S = 8.0


@attrs.frozen
class Times:
    """Percentiles in µs; `None` where nothing was measured."""

    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None


@attrs.frozen
class Load:
    """
    What one run of the load client saw.

    `requests` are those that were answered as they should be, `events` the events of all streams.
    """

    requests: int
    seconds: float
    per_second: float
    connections: int
    hang_ups: int
    errors: dict[str, int]
    events: int
    events_per_second: float
    latency_us: Times
    first_event_us: Times

    @property
    def error_count(self) -> int:
        """How many requests went wrong, in whatever way."""
        return sum(self.errors.values())


@attrs.frozen
class Order:
    """What the load client is to do: see `load/options.h`."""

    address: str
    path: str
    headers: tuple[str, ...]
    body: Path
    connections: int
    stream: bool
    seconds: float
    count: int = 0
    ramp_s: float = 0.0
    hang_ups: float = 0.0

    def arguments(self) -> list[str]:
        """Return the arguments of its command line."""
        told = [
            *("--address", self.address, "--path", self.path, "--body", str(self.body)),
            *("--connections", str(self.connections), "--duration-s", str(self.seconds), "--count", str(self.count)),
            *("--mode", "stream" if self.stream else "plain", "--hang-ups", str(self.hang_ups)),
            *("--ramp-s", str(self.ramp_s)),
            *("--grace-s", str(GRACE_S)),
        ]
        return told + [word for header in self.headers for word in ("--header", header)]


def parse_load(text: str) -> Load:
    """Read what the load client wrote."""
    told = json.loads(text)
    told.pop("body_bytes")
    told["latency_us"] = Times(**told["latency_us"])
    told["first_event_us"] = Times(**told["first_event_us"])
    return Load(**told)


def run_load(program: Path, order: Order, pinned: Sequence[str]) -> Load:
    """Load an address as ordered, and return what was seen; `pinned` is the command that keeps it on its core."""
    done = subprocess.run(
        [*pinned, str(program), *order.arguments()],
        check=True,
        capture_output=True,
        text=True,
        timeout=order.seconds + GRACE_S + 10,
    )
    return parse_load(done.stdout)
