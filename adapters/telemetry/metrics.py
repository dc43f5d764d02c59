"""Counts requests for Prometheus, with labels from closed sets only."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, multiprocess, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from adapters.telemetry.tallies import Spread, Total
from domain.journey import Journey
from domain.ports.observer import RequestRecord
from domain.usage import Usage

OTHER = "other"
NONE = "none"
MAX_ROUTES = 100
SHARED_FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""prometheus_client reads it when it is imported: whoever starts several workers sets it first, to an empty folder."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)

_LAGS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5)

_Seen = tuple[str, str, int, str, str]


@attrs.frozen(eq=False)
class _Families:
    """The metrics themselves; labelled children are made from them once."""

    requests: Counter
    duration: Histogram
    upstream: Histogram
    tokens: Counter
    dropped: Counter
    lag: Histogram

    @classmethod
    def on(cls, registry: CollectorRegistry) -> _Families:
        """Make the metrics and register them."""
        return cls(
            requests=Counter(
                "gateway_requests",
                "Finished requests.",
                ("method", "route", "status", "provider", "ending"),
                registry=registry,
            ),
            duration=Histogram(
                "gateway_request_duration_seconds",
                "From a request's arrival to the last byte of its answer.",
                ("route",),
                buckets=_SECONDS,
                registry=registry,
            ),
            upstream=Histogram(
                "gateway_upstream_duration_seconds",
                "Time that a request waited for providers, all attempts together, by the last provider.",
                ("provider",),
                buckets=_SECONDS,
                registry=registry,
            ),
            tokens=Counter(
                "gateway_tokens",
                "Tokens as providers counted them; cached are part of prompt, reasoning are part of completion.",
                ("provider", "kind"),
                registry=registry,
            ),
            dropped=Counter(
                "gateway_log_lines_dropped", "Log lines dropped because nobody read them.", registry=registry
            ),
            lag=Histogram(
                "gateway_event_loop_lag_seconds",
                "How late a timer of the process went off: what all requests of that moment waited.",
                buckets=_LAGS,
                registry=registry,
            ),
        )


@attrs.define(eq=False)
class _OfRequests:
    """Requests that ended alike; `kept` says that others will be counted here too."""

    requests: Total
    durations: Spread
    kept: bool

    def hand_over(self) -> None:
        """Put what was counted into the metrics."""
        self.requests.hand_over()
        self.durations.hand_over()


@attrs.define(eq=False)
class _OfProvider:
    """What one provider did."""

    durations: Spread
    prompt: Total
    completion: Total
    cached: Total
    reasoning: Total

    @classmethod
    def within(cls, families: _Families, name: str) -> _OfProvider:
        """Begin to count."""
        tokens = families.tokens.labels
        kinds = ("prompt", "completion", "cached", "reasoning")
        return cls(Spread(families.upstream.labels(name)), *(Total(tokens(name, kind)) for kind in kinds))

    def count(self, usage: Usage) -> None:
        """Count tokens; a provider that counts below nothing breaks no counter."""
        self.prompt.count += max(0, usage.prompt_tokens)
        self.completion.count += max(0, usage.completion_tokens)
        if usage.cached_tokens > 0:
            self.cached.count += usage.cached_tokens
        if usage.reasoning_tokens > 0:
            self.reasoning.count += usage.reasoning_tokens

    def hand_over(self) -> None:
        """Put what was counted into the metrics."""
        self.durations.hand_over()
        for total in (self.prompt, self.completion, self.cached, self.reasoning):
            total.hand_over()


def _set(names: Iterable[str]) -> frozenset[str]:
    return frozenset(names)


@attrs.frozen(eq=False)
class Metrics:
    """
    Counts finished requests; `render` gives what `/metrics` answers.

    The label `provider` takes the given names, "none" before a provider was chosen, and "other" for anything else.
    Names of models, keys and callers are never labels: whoever calls could make as many as they like.
    """

    _providers: frozenset[str] = attrs.field(converter=_set)
    _shared: bool = attrs.field(init=False, repr=False)
    """Several processes count together, through files: nothing may wait here until this one is asked."""
    _registry: CollectorRegistry = attrs.field(factory=CollectorRegistry, init=False, repr=False)
    _families: _Families = attrs.field(init=False, repr=False)
    _routes: set[str] = attrs.field(factory=set, init=False, repr=False)
    _requests: dict[_Seen, _OfRequests] = attrs.field(factory=dict, init=False, repr=False)
    _of_providers: dict[str, _OfProvider] = attrs.field(factory=dict, init=False, repr=False)

    @_shared.default
    def _several_processes(self) -> bool:
        return _is_shared()

    @_families.default
    def _families_on_registry(self) -> _Families:
        if not _is_shared():
            ProcessCollector(registry=self._registry)
        return _Families.on(self._registry)

    def request_finished(self, record: RequestRecord) -> None:
        """Count one request."""
        journey = record.journey
        seen = (record.method, record.route, record.status, journey.provider, journey.ending.value)
        alike = self._requests.get(seen) or self._meet(seen)
        alike.requests.count += 1
        alike.durations.take(record.duration_s)
        if self._shared or not alike.kept:
            alike.hand_over()
        if journey.attempts:
            self._count_upstream(journey)

    def log_lines_dropped(self, lines: int) -> None:
        """Count log lines that were dropped."""
        self._families.dropped.inc(lines)

    def loop_lagged(self, seconds: float) -> None:
        """Take note of how late the event loop was, once."""
        self._families.lag.observe(seconds)

    def render(self) -> tuple[str, bytes]:
        """Return the content type and the text of all metrics, of all workers where there are several."""
        for alike in self._requests.values():
            alike.hand_over()
        for provider in self._of_providers.values():
            provider.hand_over()
        registry = self._registry
        if self._shared:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)

    def _meet(self, seen: _Seen) -> _OfRequests:
        """Begin to count what is seen for the first time; what belongs to no closed set is not remembered."""
        method, route, status, provider, ending = seen
        closed = (
            method if method in _METHODS else OTHER,
            self._route(route),
            str(status) if 100 <= status <= 599 else OTHER,  # noqa: PLR2004 - the statuses that HTTP has
            self._provider(provider),
            ending,
        )
        families = self._families
        requests, durations = families.requests.labels(*closed), families.duration.labels(closed[1])
        alike = _OfRequests(Total(requests), Spread(durations), kept=OTHER not in closed)
        if alike.kept:
            self._requests[seen] = alike
        return alike

    def _route(self, route: str) -> str:
        if route not in self._routes:
            if len(self._routes) >= MAX_ROUTES:
                return OTHER
            self._routes.add(route)
        return route

    def _provider(self, name: str) -> str:
        return name if name in self._providers else OTHER if name else NONE

    def _count_upstream(self, journey: Journey) -> None:
        name = self._provider(journey.provider)
        provider = self._of_providers.get(name)
        if provider is None:
            provider = self._of_providers[name] = _OfProvider.within(self._families, name)
        provider.durations.take(journey.upstream_s)
        if journey.usage is not None:
            provider.count(journey.usage)
        if self._shared:
            provider.hand_over()


def forget_worker(pid: int, folder: Path) -> None:
    """Take note that a worker has died, so that what it measured live counts no more; its counts stay."""
    multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _is_shared() -> bool:
    """Whether this process counts into files that other workers read too."""
    return bool(values.ValueClass._multiprocess)  # noqa: SLF001 - the library has no other word for it
