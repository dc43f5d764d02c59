"""Nothing that callers send is kept: the process is as large after their requests as before."""

from __future__ import annotations

import gc
import json
import os
import random
import string
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs

from adapters.http.app import App, Surroundings, build_app
from adapters.http.health import Readiness
from adapters.telemetry.access import AccessLog
from adapters.telemetry.lines import Lines
from adapters.telemetry.logs import Journal, failure_log, open_log
from adapters.telemetry.metrics import Metrics
from adapters.telemetry.several import Observers
from adapters.telemetry.sink import Sink
from domain.ports.observer import Observer, RequestRecord
from entrypoints.container import Running, running_gateway
from entrypoints.settings import Settings, load_settings
from tests.fakes.asgi import Client

KEY = "sk-growth"
CONFIG = """
[providers.custom]
kind = "custom"
[providers.lab]
kind = "openai"
base_url = "http://127.0.0.1:9/v1"
[models.fast]
targets = [{ provider = "custom", model = "custom" }]
"""
TIMES = 120
"""Requests of each kind: more than any cache of the engine's holds."""
NOISE = 110
"""What may be there one time and not the other: asyncio lets up to a hundred cancelled timers wait for their time."""
Request = tuple[str, str, Mapping[str, object] | bytes, Mapping[str, str]]

HELLO = [{"role": "user", "content": "Hello"}]
FORMAT = "response_format"


def asked(body: Mapping[str, object], path: str = "/v1/chat/completions", **headers: str) -> Request:
    return "POST", path, {"model": "fast", "messages": HELLO, "max_tokens": 4, **body}, headers


def schema_of(word: str) -> dict[str, object]:
    """Return a response format whose schema has names and a pattern of its own."""
    schema = {"type": "object", "properties": {word: {"type": "string", "pattern": f"^{word}[a-{word[0]}]$"}}}
    return {"type": "json_schema", "json_schema": {"name": word, "schema": {**schema, "required": [word]}}}


KINDS: dict[str, Callable[[str], Request]] = {
    "a chat": lambda word: asked({"messages": [{"role": "user", "content": word}], "user": word}),
    "a stream": lambda word: asked({"stream": True, "metadata": {word: word}}),
    "a request id": lambda word: asked({}, **{"x-request-id": word}),
    "a schema": lambda word: asked({FORMAT: schema_of(word)}),
    "a tool": lambda word: asked({"tools": [{"type": "function", "function": {"name": word}}]}),
    "an unknown model": lambda word: asked({"model": word}),
    "a model of a provider": lambda word: asked({"model": f"custom/{word}"}),
    "a model of a provider that is down": lambda word: asked({"model": f"lab/{word}"}),
    "an unknown provider": lambda word: asked({}, f"/{word}/v1/chat/completions"),
    "an unknown member": lambda word: asked({word: word}),
    "a wrong type": lambda word: asked({"messages": [{"role": word, "content": {word: word}}]}),
    "no JSON": lambda word: ("POST", "/v1/chat/completions", word.encode(), {}),
    "a text completion": lambda word: asked({"prompt": word}, "/v1/completions"),
    "an embedding": lambda word: asked({"input": word, "dimensions": 8}, "/v1/embeddings"),
    "a model's name": lambda word: ("GET", f"/v1/models/{word}", b"", {}),
    "an unknown path": lambda word: ("GET", f"/{word}/{word}", b"", {}),
    "an unknown method": lambda word: (word.upper(), "/v1/models", b"", {}),
    "a wrong key": lambda word: asked({}, authorization=f"Bearer {word}"),
    "another kind of key": lambda word: asked({}, **{"x-api-key": word, "authorization": word}),
    "a header": lambda word: asked({}, **{word: word, "accept": word, "content-type": f"{word}/{word}"}),
}


@attrs.define(eq=False)
class Forgetful:
    """Keeps nothing of a request."""

    def request_finished(self, record: RequestRecord) -> None:
        """Take note of nothing."""


@attrs.define(eq=False)
class Hoarder:
    """Keeps a word of every request."""

    words: set[str] = attrs.field(factory=set)

    def request_finished(self, record: RequestRecord) -> None:
        """Keep the request's id."""
        self.words.add(record.journey.request_id)


@contextmanager
def application(running: Running, settings: Settings, observer: Observer) -> Iterator[App]:
    """Give the HTTP surface of a gateway as a process has it, but for the log, which goes nowhere."""
    lines = Lines(running.clock)
    descriptor = os.open(os.devnull, os.O_WRONLY)
    sink = Sink(descriptor)
    metrics = Metrics(frozenset(settings.providers))
    try:
        yield build_app(
            running.gateway,
            Surroundings(
                clock=running.clock,
                ids=running.ids,
                observer=Observers((AccessLog(sink, lines), metrics, observer)),
                unexpected=failure_log(open_log("info", Journal(sink, lines, running.clock))),
                metrics=metrics.render,
                readiness=Readiness(),
            ),
        )
    finally:
        sink.close()
        os.close(descriptor)


async def ask_all(app: App, kinds: Iterable[str], random_: random.Random) -> None:
    """Send requests of these kinds, no word of which was there before."""
    for _ in range(TIMES):
        for kind in kinds:
            word = "".join(random_.choices(string.ascii_lowercase, k=16))
            method, path, body, headers = KINDS[kind](word)
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            await Client(app).run(method, path, [sent], {"authorization": f"Bearer {KEY}", **headers})


def held() -> Counter[str]:
    """Count all objects by their types, and all that lies in containers, but for counts like these."""
    gc.collect()
    found: Counter[str] = Counter()
    for thing in gc.get_objects():
        found[type(thing).__qualname__] += 1
        if isinstance(thing, dict | list | set | deque) and not isinstance(thing, Counter):
            found[f"in {type(thing).__qualname__}"] += len(thing)
    return found


async def grown(folder: Path, kinds: Collection[str], observer: Observer) -> dict[str, int]:
    """Return of what there is more after many requests, and still more after as many again, and how much each time."""
    (folder / "gateway.toml").write_text(CONFIG, encoding="utf-8")
    settings = load_settings({}, {"ALLOWED_API_KEYS": KEY}, folder)
    random_ = random.Random(86)
    async with running_gateway(settings) as running:
        with application(running, settings, observer) as app:
            await ask_all(app, kinds, random_)  # so that what has a bound has reached it
            counts = [held()]
            for _ in range(2):  # what another part of this process made meanwhile, a late import, it makes once
                await ask_all(app, kinds, random_)
                counts.append(held())
            more = (counts[1] - counts[0]) & (counts[2] - counts[1])
            return {kind: number for kind, number in more.items() if number > NOISE}


async def test_requests_leave_nothing_behind(tmp_path: Path) -> None:
    """Whatever names, keys, paths and schemas callers come with: no object and no container's element is left."""
    assert {} == await grown(tmp_path, KINDS, Forgetful())


async def test_what_would_be_kept_is_noticed(tmp_path: Path) -> None:
    """One word of each request is enough."""
    assert TIMES <= (await grown(tmp_path, ["an unknown path"], Hoarder()))["in set"]
