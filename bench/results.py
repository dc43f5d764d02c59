"""What a run of the benchmark has found, and the lines of JSON that keep it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

from bench.figures import Figure, figure
from bench.measure import Sample
from bench.trees import Memory


@attrs.frozen
class Start:
    """A start of a target on its own: how long to the first good answer, and what it held then and after load."""

    target: str
    cold_start_s: float
    idle: Memory
    loaded: Memory | None


@attrs.frozen
class About:
    """A target of the run: what it is, and in which version."""

    target: str
    about: str
    version: str


@attrs.define
class Results:
    """Everything of one run; it grows while the run goes on."""

    when: str
    machine: dict[str, str]
    seconds: float
    repetitions: int
    about: list[About] = attrs.field(factory=list)
    missing: list[str] = attrs.field(factory=list)
    starts: list[Start] = attrs.field(factory=list)
    samples: list[Sample] = attrs.field(factory=list)

    def of(self, target: str, cell: str) -> list[Sample]:
        """Return the samples of a cell of a target."""
        return [sample for sample in self.samples if (sample.target, sample.cell) == (target, cell)]

    def figure(self, target: str, cell: str, name: str) -> Figure | None:
        """Return one of `VALUES`, over all repetitions."""
        return figure([VALUES[name](sample) for sample in self.of(target, cell)])

    def errors(self, target: str, cell: str) -> int:
        """Return how many requests went wrong."""
        return sum(sample.load.error_count for sample in self.of(target, cell))

    def lines(self) -> Iterator[str]:
        """Return all that was found as lines of JSON, each with its kind."""
        run = {"when": self.when, "machine": self.machine, "seconds": self.seconds, "repetitions": self.repetitions}
        yield json.dumps({"kind": "run"} | run)
        for reason in self.missing:
            yield json.dumps({"kind": "missing", "reason": reason})
        found: list[About | Start | Sample] = [*self.about, *self.starts, *self.samples]
        for one in found:
            yield json.dumps({"kind": type(one).__name__.lower()} | attrs.asdict(one))

    def write(self, path: Path) -> None:
        """Keep all that was found."""
        path.write_text("".join(f"{line}\n" for line in self.lines()), encoding="utf-8")


VALUES: dict[str, Callable[[Sample], float | None]] = {
    "cpu_us": lambda sample: sample.cpu_us_per_request,
    "event_cpu_us": lambda sample: sample.cpu_us_per_event,
    "per_s": lambda sample: sample.load.per_second,
    "events_per_s": lambda sample: sample.load.events_per_second,
    "p50_us": lambda sample: sample.load.latency_us.p50,
    "p99_us": lambda sample: sample.load.latency_us.p99,
    "first_us": lambda sample: sample.load.first_event_us.p50,
    "first_p99_us": lambda sample: sample.load.first_event_us.p99,
    "foreign": lambda sample: sample.foreign,
}
"""What can be read from a sample, by name: times in µs, rates in 1/s, `foreign` as a share."""
