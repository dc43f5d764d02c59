"""A gateway process in front of doubles of its providers, and what tests need to ask it and to look at the answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import attrs
import httpx
import msgspec
import psutil

from tests.fakes.cerebras_double import CerebrasDouble
from tests.fakes.dialect import Seen
from tests.fakes.ollama_double import OllamaDouble
from tests.fakes.openai_double import OpenAIDouble
from tests.fakes.process import KEY, GatewayProcess, gateway_process
from tests.fakes.upstream import UpstreamDouble, running_in_thread

Name = Literal["cerebras", "ollama", "lab"]

NAMES: tuple[Name, ...] = ("cerebras", "ollama", "lab")
MODELS: Mapping[Name, str] = {"cerebras": "llama3.1-8b", "ollama": "llama3.2", "lab": "gpt-5-mini"}
CREDENTIALS: Mapping[Name, str] = {
    "cerebras": "csk-k3v9x2m8surfacecerebras",
    "ollama": "9f2c4e7a1b3d5f60.SurfaceOllama",
    "lab": "T0pQ-surface-lab-credential",
}
FIRST_BYTE_S = 0.8
IDLE_S = 0.8
TOTAL_S = 3.0
GRACE_S = 0.5
"""How late a deadline may come."""
PATIENT = ("slow", "silence")
"""Scenarios that are also behind aliases `patient-<provider>-<scenario>`, whose deadlines are far away."""
AUTHORIZED = {"authorization": f"Bearer {KEY}"}
HELLO: Any = [{"role": "user", "content": "Say hello to the gateway"}]


@attrs.frozen
class Site:
    """A running gateway and the servers behind it."""

    gateway: GatewayProcess
    doubles: Mapping[str, UpstreamDouble]
    http: httpx.Client

    @property
    def url(self) -> str:
        """Where the gateway listens."""
        return self.gateway.url

    def forget(self) -> None:
        """Begin anew: nothing was seen, nothing is asked for."""
        for double in self.doubles.values():
            double.seen.clear()
            for signal in (double.asked, double.closed_early, double.holding):
                signal.clear()

    def asked(self, *names: str) -> list[Seen]:
        """Return what doubles were asked on behalf of callers: for their models they are asked by the way."""
        return [seen for name in names for seen in self.doubles[name].seen if seen.method == "POST"]

    def last(self, name: str) -> Seen:
        """Return the last request that a provider's double was asked on behalf of a caller."""
        return self.asked(name)[-1]

    def post(self, path: str, body: Any, headers: Mapping[str, str] | None = None) -> httpx.Response:
        """Send JSON, or bytes as they are, with the good key."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.http.post(
            self.url + path,
            content=content,
            headers={**AUTHORIZED, "content-type": "application/json", **(headers or {})},
        )

    def chat(self, model: str, *, stream: bool = False, **more: Any) -> httpx.Response:
        """Ask for a chat on `/v1`."""
        asked = {"model": model, "messages": HELLO, **({"stream": True} if stream else {}), **more}
        return self.post("/v1/chat/completions", asked)

    def memory(self) -> int:
        """Return the bytes of memory that the gateway holds."""
        return int(psutil.Process(self.gateway.process.pid).memory_info().rss)


@attrs.frozen
class Told:
    """What a streamed answer told: its chunks, in how many errors it ended, and whether it said `[DONE]`."""

    chunks: Sequence[Any]
    errors: Sequence[Any]
    done: bool
    events: int

    @property
    def text(self) -> str:
        """The words of the first choice."""
        choices = [choice for chunk in self.chunks for choice in chunk["choices"] if choice["index"] == 0]
        return "".join(choice["delta"].get("content") or "" for choice in choices)

    @property
    def finish(self) -> str | None:
        """The reason why it ended, None where none was told."""
        reasons = [choice["finish_reason"] for chunk in self.chunks for choice in chunk["choices"]]
        return next((reason for reason in reasons if reason is not None), None)


def told(body: bytes) -> Told:
    """Read a stream as the specification of server-sent events says; what stands after the end must be nothing."""
    events = data_of_events(body)
    done = [number for number, event in enumerate(events) if event == "[DONE]"]
    values = [json.loads(event) for event in events if event != "[DONE]"]
    errors = [value for value in values if "error" in value]
    assert done in ([], [len(events) - 1]), events
    assert errors in ([], values[-1:]), events
    return Told([value for value in values if "error" not in value], errors, bool(done), len(events))


def data_of_events(body: bytes) -> list[str]:
    """Return the data of each event: https://html.spec.whatwg.org/multipage/server-sent-events.html."""
    found: list[str] = []
    data: list[str] = []
    for line in body.decode().replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        field, _, value = line.partition(":")
        if not line and data:
            found.append("\n".join(data))
            data = []
        elif field == "data":
            data.append(value.removeprefix(" "))
    assert not data, f"an event that is not closed: {data!r}"
    return found


def members(text: bytes | str) -> dict[str, bytes]:
    """Return the members of a JSON object with the text of each, as it stands."""
    raw = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    return {name: bytes(value) for name, value in raw.items()}


@contextmanager
def doubles_in_threads(credentials: Mapping[Name, str]) -> Iterator[dict[str, UpstreamDouble]]:
    """Run a double of each provider, that answers well only to its credential."""
    with ExitStack() as stack:
        yield {
            "cerebras": stack.enter_context(running_in_thread(CerebrasDouble(key=credentials["cerebras"]))),
            "ollama": stack.enter_context(running_in_thread(OllamaDouble(key=credentials["ollama"]))),
            "lab": stack.enter_context(running_in_thread(OpenAIDouble(key=credentials["lab"]))),
        }


def configuration(doubles: Mapping[str, UpstreamDouble], wait_s: float) -> str:
    """Return the settings of a gateway in front of doubles; the credentials are in the environment."""
    timeouts = f"{{ first_byte_s = {wait_s}, idle_s = {wait_s}, total_s = {TOTAL_S} }}"
    kinds = {"cerebras": ("cerebras", ""), "ollama": ("ollama", ""), "lab": ("openai", "/v1")}
    tables = [
        f'[providers.{name}]\nkind = "{kind}"\napi_key = "env://{name.upper()}_CREDENTIAL"\n'
        f'base_url = "{doubles[name].url}{path}"\ntimeouts = {timeouts}\n'
        for name, (kind, path) in kinds.items()
    ]
    tables += [
        f"[models.patient-{name}-{scenario}]\n"
        f'targets = [{{ provider = "{name}", model = "fault-{scenario}" }}]\n'
        "timeouts = { first_byte_s = 50, idle_s = 50, total_s = 50 }\n"
        for name in NAMES
        for scenario in PATIENT
    ]
    return "\n".join(tables)


@contextmanager
def running_site(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    credentials: Mapping[Name, str] = CREDENTIALS,
    more: str = "",
    wait_s: float = FIRST_BYTE_S,
) -> Iterator[Site]:
    """
    Run a gateway in front of doubles, with its log at its most talkative.

    `more` is appended to its settings; `wait_s` is how long it waits for a first byte, and for more bytes.
    """
    known = {f"{name.upper()}_CREDENTIAL": credential for name, credential in credentials.items()}
    with doubles_in_threads(credentials) as doubles:
        environ = {"LOG_LEVEL": "debug", **known, **(environ or {})}
        config = configuration(doubles, wait_s) + more
        with gateway_process(folder, environ, config) as running, httpx.Client(timeout=30) as client:
            yield Site(running, doubles, client)


def wait_for_models(site: Site, key: str = KEY) -> None:
    """Wait until the gateway has asked every provider for its models."""
    headers = {"authorization": f"Bearer {key}"}

    def listed() -> bool:
        text = site.http.get(f"{site.url}/v1/models", headers=headers).text
        return all(f'"{name}/' in text for name in NAMES)

    until(listed, 20.0)


def until(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait until something holds; asking takes its own time."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        pause.wait(0.01)


def connected(url: str) -> socket.socket:
    """Open a connection to a server."""
    address = urlsplit(url)
    assert address.hostname is not None
    assert address.port is not None
    return socket.create_connection((address.hostname, address.port), timeout=30)


def head_of(path: str, length: int, headers: Sequence[tuple[bytes, bytes]] = (), key: str = KEY) -> bytes:
    """Return the head of a POST with JSON, as raw bytes, with any other headers in it."""
    lines = [
        f"POST {path} HTTP/1.1".encode(),
        b"Host: gateway.example",
        b"Content-Type: application/json",
        b"Content-Length: %d" % length,
        *([b"Authorization: Bearer " + key.encode()] if key else []),
        *[name + b": " + value for name, value in headers],
    ]
    return b"\r\n".join([*lines, b"", b""])


def raw_answer(url: str, request: bytes, patience_s: float = 30.0) -> bytes:
    """Send bytes and return all that comes back until the server closes; the request must ask for that."""
    with connected(url) as connection:
        connection.settimeout(patience_s)
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b""))
