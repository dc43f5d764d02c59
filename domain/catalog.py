"""Which models there are, and which provider answers a name."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from domain.document import Document

MAXIMA = ("max_tokens", "max_completion_tokens")
"""The older and the newer name of the maximum of tokens that an answer may have."""


@attrs.frozen
class Model:
    """A model as its provider lists it: the bare upstream name, and what else the provider said of it."""

    id: str
    document: Document = attrs.field(factory=lambda: Document({}))

    def answers_to(self, name: str) -> bool:
        """Whether a caller who says `name` means this model: Ollama's names end in `:latest` where no tag is given."""
        return self.id in {name, f"{name}:latest"}


@attrs.frozen
class Timeouts:
    """
    How long a call may take, in seconds.

    `first_byte_s` runs from the connection to the upstream's first byte, `idle_s` between two reads of
    its answer, `total_s` over the whole request with all its attempts. `first_byte_s` None means the
    default: `stream_first_byte_s` for a stream, `total_s` for a whole answer.
    """

    connect_s: float = 5.0
    first_byte_s: float | None = None
    idle_s: float = 60.0
    total_s: float = 600.0
    stream_first_byte_s: float = 60.0

    def first_byte(self, *, stream: bool) -> float:
        """Return the deadline of the first byte for a streamed or a whole answer, in seconds."""
        if self.first_byte_s is not None:
            return self.first_byte_s
        return self.stream_first_byte_s if stream else self.total_s


@attrs.frozen
class Retry:
    """
    How often one target is tried, and how long to wait in between.

    `attempts` counts the first try too; the wait before try k+1 is random between 0 and
    `base_s` · 2^(k-1), at most `max_s`, all in seconds.
    """

    attempts: int = 1
    base_s: float = 0.5
    max_s: float = 5.0


@attrs.frozen
class Target:
    """
    One provider's model that can answer a route.

    `weight` shares the load among targets of one `priority`; lower priorities are asked first. `set`
    replaces members of the request, `default` fills absent ones: name → JSON text.
    """

    provider: str
    model: str
    weight: float = 1
    priority: int = 1
    set: Mapping[str, bytes] = attrs.field(factory=dict)
    default: Mapping[str, bytes] = attrs.field(factory=dict)

    def adapt(self, document: Document) -> Document:
        """
        Return a request's document with this target's own members set, and absent ones filled in.

        The two names of the maximum are one thing: to set either drops the other, and where either is there none is
        filled in.
        """
        asked = {name for name in MAXIMA if document.get(name) is not None}
        default = {name: text for name, text in self.default.items() if not (asked and name in MAXIMA)}
        if any(name in MAXIMA for name in self.set):
            document = document.without(*MAXIMA)
        return document.defaulting(default).having(self.set)


@attrs.frozen
class Route:
    """The targets that may answer one request, and how long and how often they are asked."""

    targets: tuple[Target, ...]
    timeouts: Timeouts | None = None
    """None: each provider's own."""
    retry: Retry = attrs.field(factory=Retry)
    fallback_on: frozenset[str] = frozenset()


@attrs.frozen
class Alias:
    """A name of the operator's own for one or more targets."""

    name: str
    targets: tuple[Target, ...]
    timeouts: Timeouts | None = None
    retry: Retry = attrs.field(factory=Retry)
    fallback_on: frozenset[str] = frozenset()
    """Error codes of the upstream that go on to the next target although they are the caller's fault."""
    route: Route = attrs.field(init=False, eq=False, repr=False)
    """The same for every request by this name."""

    @route.default
    def _route(self) -> Route:
        return Route(self.targets, self.timeouts, self.retry, self.fallback_on)


@attrs.frozen
class RouteTable:
    """The operator's routing: aliases, the providers by name with their timeouts, and who answers the rest."""

    providers: Mapping[str, Timeouts]
    aliases: Mapping[str, Alias] = attrs.field(factory=dict)
    default_provider: str = ""
