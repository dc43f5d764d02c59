"""What this gateway is meant to reach, as ratios within one run: what it must, and what it aims at."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from bench.figures import added, figure, ratio
from bench.results import Results

OURS, NGINX = "ours", "nginx"


@attrs.frozen
class Goal:
    """A number to reach; `value` is None where a run did not measure it."""

    name: str
    value: Callable[[Results], float | None]
    must: float
    aim: float
    at_most: bool = True

    def reached(self, value: float) -> str:
        """Say which of the two a value reaches."""
        if value <= self.aim if self.at_most else value >= self.aim:
            return "aim"
        return "must" if (value <= self.must if self.at_most else value >= self.must) else "no"


def _cpu(one: str, other: str, cell: str, name: str = "cpu_us") -> Callable[[Results], float | None]:
    return lambda results: ratio(results.figure(one, cell, name), results.figure(other, cell, name))


def _added(results: Results) -> float | None:
    direct = results.figure("direct", "plain-1", "p50_us")
    ours = added(results.figure(OURS, "plain-1", "p50_us"), direct)
    limit = added(results.figure(NGINX, "plain-1", "p50_us"), direct)
    return ours / limit if ours is not None and limit else None


def _cerebras_ms(results: Results) -> float | None:
    found = results.figure("ours-cerebras", "plain-32", "cpu_us")
    return None if found is None else found.median / 1e3


def _errors(results: Results) -> float | None:
    return float(results.errors(OURS, "plain-256")) if results.of(OURS, "plain-256") else None


def _tail(results: Results) -> float | None:
    return ratio(results.figure(OURS, "plain-256", "p99_us"), results.figure(OURS, "plain-256", "p50_us"))


def _cold_start_s(results: Results) -> float | None:
    found = figure([start.cold_start_s for start in results.starts if start.target == OURS])
    return None if found is None else found.median


def _idle_mb(results: Results) -> float | None:
    found = figure([start.idle.pss_mb for start in results.starts if start.target == OURS])
    return None if found is None else found.median


GOALS = (
    Goal("CPU per request ÷ nginx, c = 32", _cpu(OURS, NGINX, "plain-32"), 4.5, 2.75),
    Goal("LiteLLM ÷ ours, CPU per request, c = 32", _cpu("litellm", OURS, "plain-32"), 100, 190, at_most=False),
    Goal("Portkey ÷ ours, CPU per request, c = 32", _cpu("portkey", OURS, "plain-32"), 12, 22, at_most=False),
    Goal("requests/s ÷ vllm-router, c = 32", _cpu(OURS, "vllm-router", "plain-32", "per_s"), 1.0, 1.6, at_most=False),
    Goal("requests/s ÷ smg, c = 32", _cpu(OURS, "smg", "plain-32", "per_s"), 1.0, 1.6, at_most=False),
    Goal("added p50 ÷ nginx's, c = 1", _added, 2.5, 1.6),
    Goal("CPU per paced event ÷ nginx", _cpu(OURS, NGINX, "paced-64", "event_cpu_us"), 2.2, 1.6),
    Goal("flood events/s ÷ nginx", _cpu(OURS, NGINX, "flood-32", "events_per_s"), 0.8, 1.0, at_most=False),
    Goal("Cerebras through the SDK, CPU ms per request, c = 32", _cerebras_ms, 1.3, 0.5),
    Goal(
        "Ollama translated ÷ passed through, CPU per paced event",
        _cpu("ours-ollama", OURS, "paced-64", "event_cpu_us"),
        2.0,
        1.4,
    ),
    Goal("errors, c = 256", _errors, 0, 0),
    Goal("p99 ÷ p50, c = 256", _tail, 5, 3),
    Goal("cold start to the first authenticated 200, s", _cold_start_s, 0.8, 0.35),
    Goal("PSS idle, MB", _idle_mb, 60, 25),
)
