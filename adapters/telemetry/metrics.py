"""Counts requests for Prometheus, with labels from closed sets only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, multiprocess, values
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

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

_Seen = tuple[str, str, int, str, str]
_Take = Callable[[float], None]
"""Counts a number, or takes note of one, in a child whose labels are set: looking those up each time costs more."""


@attrs.frozen(eq=False)
class _Families:
    """The metrics themselves; labelled children are made from them once."""

    requests: Counter
    duration: Histogram
    upstream: Histogram
    tokens: Counter
    dropped: Counter

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
        )


@attrs.frozen(eq=False)
class _OfProvider:
    """The children of one provider."""

    observe: _Take
    prompt: _Take
    completion: _Take
    cached: _Take
    reasoning: _Take

    @classmethod
    def within(cls, families: _Families, name: str) -> _OfProvider:
        """Make the children."""
        tokens = families.tokens.labels
        return cls(
            families.upstream.labels(name).observe,
            tokens(name, "prompt").inc,
            tokens(name, "completion").inc,
            tokens(name, "cached").inc,
            tokens(name, "reasoning").inc,
        )

    def count(self, usage: Usage) -> None:
        """Count tokens; a provider that counts below nothing breaks no counter."""
        if usage.prompt_tokens > 0:
            self.prompt(usage.prompt_tokens)
        if usage.completion_tokens > 0:
            self.completion(usage.completion_tokens)
        if usage.cached_tokens > 0:
            self.cached(usage.cached_tokens)
        if usage.reasoning_tokens > 0:
            self.reasoning(usage.reasoning_tokens)


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
    _registry: CollectorRegistry = attrs.field(factory=CollectorRegistry, init=False, repr=False)
    _families: _Families = attrs.field(init=False, repr=False)
    _routes: set[str] = attrs.field(factory=set, init=False, repr=False)
    _children: dict[_Seen, tuple[_Take, _Take]] = attrs.field(factory=dict, init=False, repr=False)
    _of_providers: dict[str, _OfProvider] = attrs.field(factory=dict, init=False, repr=False)

    @_families.default
    def _families_on_registry(self) -> _Families:
        if not _is_shared():
            ProcessCollector(registry=self._registry)
        return _Families.on(self._registry)

    def request_finished(self, record: RequestRecord) -> None:
        """Count one request."""
        journey = record.journey
        seen = (record.method, record.route, record.status, journey.provider, journey.ending.value)
        children = self._children.get(seen) or self._meet(seen)
        children[0](1)
        children[1](record.duration_s)
        if journey.attempts:
            self._count_upstream(journey)

    def log_lines_dropped(self, lines: int) -> None:
        """Count log lines that were dropped."""
        self._families.dropped.inc(lines)

    def render(self) -> tuple[str, bytes]:
        """Return the content type and the text of all metrics, of all workers where there are several."""
        registry = self._registry
        if _is_shared():
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry)

    def _meet(self, seen: _Seen) -> tuple[_Take, _Take]:
        """Return the children for what is seen for the first time; what belongs to no closed set is not remembered."""
        method, route, status, provider, ending = seen
        closed = (
            method if method in _METHODS else OTHER,
            self._route(route),
            str(status) if 100 <= status <= 599 else OTHER,  # noqa: PLR2004 - the statuses that HTTP has
            self._provider(provider),
            ending,
        )
        children = (self._families.requests.labels(*closed).inc, self._families.duration.labels(closed[1]).observe)
        if OTHER not in closed:
            self._children[seen] = children
        return children

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
        provider.observe(journey.upstream_s)
        if journey.usage is not None:
            provider.count(journey.usage)


def forget_worker(pid: int, folder: Path) -> None:
    """Take note that a worker has died, so that what it measured live counts no more; its counts stay."""
    multiprocess.mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]


def _is_shared() -> bool:
    """Whether this process counts into files that other workers read too."""
    return bool(values.ValueClass._multiprocess)  # noqa: SLF001 - the library has no other word for it
