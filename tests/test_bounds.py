"""Every queue, map and cache of the product has a bound, and something that takes out what was put in."""

from __future__ import annotations

from pathlib import Path

from tests.containers import growing

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "application", "adapters", "entrypoints")

FROM_THE_SETTINGS = {
    "adapters.memory.keys.MemoryKeys._keys": "the operator's keys, read once",
    "adapters.upstream.upstream.Upstream.headers": "a credential",
    "adapters.wire.cerebras.rules.Rules.moved": "written out in the code",
    "adapters.wire.cerebras.rules.Rules.values": "written out in the code",
    "domain.catalog.RouteTable.aliases": "the operator's aliases",
    "domain.catalog.Target.default": "members that the operator fills in",
    "domain.catalog.Target.set": "members that the operator sets",
    "entrypoints.schema.AliasTarget.default": "members that the operator fills in",
    "entrypoints.schema.AliasTarget.set": "members that the operator sets",
    "entrypoints.schema.Document.models": "the operator's aliases",
    "entrypoints.schema.Document.providers": "the operator's providers",
}
"""Filled at the start by what the operator wrote, and never again."""

OF_THE_PROCESS = {
    "adapters.custom.schema.chars._likely": "256 sets of characters; the least used goes",
    "adapters.custom.schema.matching._program": "64 patterns of at most MAX_STATES steps; the least used goes",
    "adapters.custom.schema.matching.tree": "64 patterns of at most MAX_LENGTH characters; the least used goes",
    "adapters.http.docs._document": "one page: there are no arguments",
    "adapters.http.docs._page": "one page: there are no arguments",
    "adapters.telemetry.metrics.Metrics._requests": "closed sets only: anything else is counted, not remembered",
    "adapters.telemetry.metrics.Metrics._of_providers": "the operator's providers, none and other",
    "adapters.telemetry.metrics.Metrics._registry": "the five families",
    "adapters.telemetry.metrics.Metrics._routes": "MAX_ROUTES; any further one is other",
    "adapters.telemetry.metrics._Families.dropped": "no labels",
    "adapters.telemetry.metrics._Families.duration": "labels from closed sets",
    "adapters.telemetry.metrics._Families.lag": "no labels",
    "adapters.telemetry.metrics._Families.requests": "labels from closed sets",
    "adapters.telemetry.metrics._Families.tokens": "labels from closed sets",
    "adapters.telemetry.metrics._Families.upstream": "labels from closed sets",
    "adapters.telemetry.repeats.Repeats._counting": "part of _windows",
    "adapters.telemetry.repeats.Repeats._windows": "MAX_EVENTS; the one that began longest ago goes",
    "adapters.telemetry.sink.Sink._buffer": "KEEP_BYTES; written every WRITE_EVERY_S, and lines beyond are dropped",
    "adapters.http.gate._is_host": "the names by which callers found the way here; the least used goes",
    "adapters.http.visit._lines_of_target": "the operator's targets, and models asked for by name; the least used goes",
    "adapters.http.heads._lead": "the statuses that HTTP has",
    "adapters.sweeper.Sweeper._watched": "connections, requests that wait, and hosts: each has a bound of its own",
    "adapters.http.wire.Wire._of_address": "the addresses of open connections",
    "adapters.upstream.dialing.verified_context": "one TLS context: there are no arguments",
    "adapters.upstream.pool.Pool._hosts": "the operator's providers",
    "adapters.upstream.pool._HostPool._all": "Limits.connections",
    "adapters.upstream.pool._HostPool.idle": "Limits.connections; those unused for Limits.idle_s go",
    "adapters.upstream.pool._HostPool.waiting": "Limits.waiting; each goes at its deadline",
    "adapters.upstream.upstream.Upstream._heads": "the paths that are written out in the code",
    "adapters.wire.jsontext._NAMES": "MAX_NAMES; names met later are not remembered",
    "application.catalog.ModelCatalog._listed": "a list for each of the operator's providers, replaced by its next one",
    "entrypoints.server.Process.open": "one background task",
}
"""Live as long as the process: what is put in must be few by its nature, or push out what came before."""

OF_A_REQUEST = {
    "adapters.custom.answering._Speaker._known": "an instance for each schema of the request",
    "adapters.custom.messages.Message.source": "part of the request's body",
    "adapters.custom.schema.document._Survey._anchors": "MAX_SUBSCHEMAS",
    "adapters.custom.schema.document._Survey._seen": "MAX_SUBSCHEMAS",
    "adapters.custom.schema.document._Survey.found": "MAX_SUBSCHEMAS",
    "adapters.custom.schema.document._Survey.names": "MAX_SUBSCHEMAS",
    "adapters.custom.schema.fits.Judge._known": "the steps of a Budget",
    "adapters.custom.supervision.SupervisedStream._given": "one step: the next is asked for when it has been taken",
    "adapters.http.errors.ErrorAnswer.headers": "written out in the code",
    "adapters.http.errors.HttpRefusal.headers": "written out in the code",
    "adapters.http.chunked.ChunkedEnd._line": "MAX_LINE",
    "adapters.http.cycle.Cycle._parts": "held_bytes; then nothing more is read",
    "adapters.http.parsing.Parsing.headers": "as many headers and bytes of them as Limits says",
    "adapters.http.scopes.Scopes._scope": "written out in the code",
    "adapters.http.scopes.Scopes._state": "what the process puts in when it opens",
    "adapters.upstream.connection.Connection._headers": "MAX_HEADERS and MAX_HEAD_BYTES",
    "adapters.upstream.exchange.Incoming._blocks": "MAX_BUFFERED_BYTES and one read; then nothing more is read",
    "adapters.upstream.ndjson.NdjsonFraming._buffer": "MAX_LINE_BYTES and one block",
    "adapters.upstream.sse.SseFraming._buffer": "MAX_EVENT_BYTES and one block",
    "adapters.wire.ollama.chat_response.ChatLineReader._fixed": "five members",
    "adapters.wire.openai.answers.ChatStreamRenderer._fixed": "five members",
    "adapters.wire.openai.answers.ChatStreamRenderer._spoken": "MAX_CHOICES of a stream",
    "adapters.wire.openai.chat_as_completion._Texts._begun": "MAX_CHOICES of a stream",
    "adapters.wire.openai.chat_as_completion._Texts._offsets": "MAX_CHOICES of a stream",
    "application.refresh_models.RefreshModels.ask": "a task for each of the operator's providers, ended by a deadline",
    "domain.journey.Journey.relayed": "the closed list of headers that pass",
    "domain.policy.stream.StreamTrack._finished": "MAX_CHOICES of a stream",
    "domain.policy.stream.StreamTrack._open": "MAX_CHOICES of a stream",
    "domain.ports.providers.Call.relayed": "the closed list of headers that pass",
}
"""Go with the request: within one, its size has a bound of its own."""

BOUNDED = FROM_THE_SETTINGS | OF_THE_PROCESS | OF_A_REQUEST

PLANTED = """
from collections import OrderedDict, deque
from functools import cache, lru_cache
import asyncio, attrs, functools

EMPTY = {}
CALLED = dict()
TYPED: list[str] = []
FILLED_BY_INDEX = {"a": 1}
FILLED_BY_METHOD = {1, 2}
FILLED_BY_PLUS = [1]
READ_ONLY = {"a": 1}
FROZEN = frozenset({1, 2})
TEXT = "text"

def put(name):
    FILLED_BY_INDEX[name] = 1
    FILLED_BY_METHOD.add(name)
    global FILLED_BY_PLUS
    FILLED_BY_PLUS += [name]
    local = []
    local.append(READ_ONLY[name])
    return local

@cache
def cached(name): ...

@functools.lru_cache(maxsize=None)
def cached_too(name): ...

@attrs.define
class Thing:
    by_type: dict[str, int]
    by_queue: asyncio.Queue[int]
    by_factory: object = attrs.field(factory=set)
    by_lambda: object = attrs.field(factory=lambda: bytearray(8))
    by_default: object = attrs.field(default={})
    of_class = []
    number: int = 0
    tuple_: tuple[int, ...] = ()

    def __init__(self):
        self.in_method = OrderedDict()
        self.or_given = given or []
        self.plain = 1

    @cache
    def method(self): ...

    async def tasks(self):
        async with asyncio.TaskGroup() as group:
            waiting = deque()

class Row(msgspec.Struct):
    values: list[int]
"""


def found() -> set[str]:
    """Return the names of everything in the product that can grow."""
    names: set[str] = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            names.update(growing(module, path.read_text(encoding="utf-8")))
    return names


def test_everything_that_can_grow_is_known_to_be_bounded() -> None:
    """
    Who adds a queue, a map or a cache writes down here what keeps it small, and who removes one takes it out.

    Where a caller or an upstream decides what is put in, a test of its own shows the bound.
    """
    names = found()

    assert set() == names - BOUNDED.keys()
    assert set() == BOUNDED.keys() - names


def test_a_structure_is_in_one_table() -> None:
    """What lives as long as the process is not mistaken for what goes with a request."""
    assert len(FROM_THE_SETTINGS) + len(OF_THE_PROCESS) + len(OF_A_REQUEST) == len(BOUNDED)


def test_every_way_to_keep_things_is_noticed() -> None:
    """Variables, fields, attributes, caches and queues; but not what is written out, local, or a value of a text."""
    expected = {
        "EMPTY", "CALLED", "TYPED", "FILLED_BY_INDEX", "FILLED_BY_METHOD", "FILLED_BY_PLUS", "cached", "cached_too",
        "Thing.by_type", "Thing.by_queue", "Thing.by_factory", "Thing.by_lambda", "Thing.by_default", "Thing.of_class",
        "Thing.in_method", "Thing.or_given", "Thing.method", "Thing.tasks",
    }  # fmt: skip

    assert {f"planted.{name}" for name in expected} == set(growing("planted", PLANTED))
