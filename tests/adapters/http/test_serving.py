"""The surface over real sockets, served by the gateway's own protocol and by those of uvicorn: all the same."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator

import httpx
import pytest

from adapters.http.intake import Intake
from adapters.http.protocol import Protocol
from domain.errors import StreamBroken
from domain.journey import Ending
from entrypoints.server import Http
from tests.fakes.asgi import GOOD
from tests.fakes.providers import answer, chunk, chunks
from tests.fakes.served import Served, served, until
from tests.fakes.surface import Surface

PATH = "/v1/chat/completions"
ASKING = b'{"model":"a/m","messages":[{"role":"user","content":"hi"}]}'
STREAMING = ASKING[:-1] + b',"stream":true}'
HELLO = chunk({"role": "assistant", "content": "Hi"})


@pytest.fixture(params=[Protocol, "httptools", "h11"], ids=["ours", "httptools", "h11"])
def http(request: pytest.FixtureRequest) -> Http:
    """Return what reads and writes HTTP."""
    found: Http = request.param
    return found


@pytest.fixture
def surface() -> Surface:
    """Return a surface whose provider answers once."""
    return Surface.of(answer())


@pytest.fixture
def server(http: Http, surface: Surface) -> Iterator[Served]:
    """Serve it."""
    with served(surface.app(), http=http) as running:
        yield running


def script(surface: Surface, *steps: object) -> None:
    """Have the provider do something else."""
    surface.provider.script[:] = steps


def head(length: int, *more: str) -> bytes:
    """Return the head of a good chat."""
    lines = [f"POST {PATH} HTTP/1.1", "Host: x", f"Content-Length: {length}"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in GOOD.items()), *more, "", ""]).encode()


def test_requests_follow_each_other_on_one_connection(server: Served) -> None:
    """Good ones and bad ones, with bodies and without."""
    asked = [
        ("POST", PATH, ASKING, GOOD, 200),
        ("POST", PATH, b"{", GOOD, 400),
        ("GET", "/healthz", None, {}, 200),
        ("HEAD", "/healthz", None, {}, 200),
        ("GET", "/v1/models", None, GOOD, 200),
        ("GET", "/v1/models", None, {}, 401),
        ("GET", "/nothing", None, {}, 404),
        ("DELETE", "/v1/models", None, GOOD, 405),
        ("POST", PATH, b"x", {**GOOD, "content-type": "text/plain"}, 415),
        ("POST", PATH, ASKING, GOOD, 200),
    ]
    with httpx.Client(base_url=server.url) as client:
        answers = [
            client.request(method, path, content=body, headers=headers) for method, path, body, headers, _ in asked
        ]

    assert [status for *_, status in asked] == [told.status_code for told in answers]
    assert all(told.headers["x-request-id"] for told in answers)
    assert b"" == answers[3].content
    assert {"error"} == set(answers[1].json())
    assert not {"date", "server"} & set(answers[0].headers)


def test_stream_comes_as_it_is_made(server: Served, surface: Surface) -> None:
    """The first event is there while the provider still works, and the last one is `[DONE]`."""
    release = asyncio.Event()
    script(surface, [HELLO, release, chunk({}, "stop")])
    with httpx.stream("POST", server.url + PATH, content=STREAMING, headers=GOOD) as told:
        lines = told.iter_lines()
        first = next(lines)
        server.have(release.set)
        rest = [line for line in lines if line]

    assert "Hi" in first
    assert "data: [DONE]" == rest[-1]


@pytest.mark.parametrize("body", [ASKING, STREAMING], ids=["whole", "stream"])
def test_hanging_up_before_the_first_byte_ends_the_call(server: Served, surface: Surface, body: bytes) -> None:
    """Within a second, with one record."""
    event = asyncio.Event()
    script(surface, [event] if body is STREAMING else event)
    with server.connect() as connection:
        connection.sendall(head(len(body)) + body)
        until(surface.provider.called.is_set)
    until(lambda: surface.watcher.records, 1.0)

    record = surface.watcher.records[0]
    assert (1, 499, Ending.CLIENT_GONE) == (surface.provider.closed, record.status, record.journey.ending)


def test_hanging_up_in_the_middle_ends_the_call(server: Served, surface: Surface) -> None:
    """The same after the first event."""
    script(surface, [HELLO, asyncio.Event()])
    with server.connect() as connection:
        connection.sendall(head(len(STREAMING)) + STREAMING)
        assert connection.recv(4096)
    until(lambda: surface.watcher.records, 1.0)

    record = surface.watcher.records[0]
    assert (1, 200, Ending.CLIENT_GONE) == (surface.provider.closed, record.status, record.journey.ending)


def test_hanging_up_while_sending_is_no_fault(server: Served, surface: Surface) -> None:
    """A body that breaks off reaches no provider."""
    with server.connect() as connection:
        connection.sendall(head(len(ASKING)) + ASKING[:10])
        until(lambda: server.server.server_state.tasks)
    until(lambda: surface.watcher.records, 1.0)

    assert ([], 499) == (surface.provider.asked, surface.watcher.records[0].status)


def test_broken_stream_is_told_in_it(server: Served, surface: Surface) -> None:
    """And the connection goes on."""
    script(surface, [HELLO, StreamBroken()], chunks("fine"))
    with httpx.Client(base_url=server.url) as client:
        broken = client.post(PATH, content=STREAMING, headers=GOOD).text.strip().split("\n\n")
        good = client.post(PATH, content=STREAMING, headers=GOOD).text.strip().split("\n\n")

    assert "upstream_error" == json.loads(broken[-1].removeprefix("data: "))["error"]["code"]
    assert "data: [DONE]" == good[-1]


def test_body_in_many_pieces_is_one_body(http: Http, surface: Surface) -> None:
    """Of several megabytes, with a length and without; too much is a 413 that can be read."""
    surface.intake = Intake(max_bytes=3 << 20)
    text = b"x" * (2 << 20)
    body = ASKING.replace(b"hi", text)
    with served(surface.app(), http=http) as server, httpx.Client(base_url=server.url) as client:
        answers = [
            client.post(PATH, content=content, headers=GOOD)
            for content in (body, iter([body[:9], body[9:100_000], body[100_000:]]), text + text, iter([text, text]))
        ]

    assert [200, 200, 413, 413] == [told.status_code for told in answers]


def test_body_that_stops_coming_is_a_408(server: Served, surface: Surface) -> None:
    """It does not hold its place for ever."""
    data = server.ask(head(100) + b"{")

    assert (b"HTTP/1.1 408 ", 408) == (data[:13], surface.watcher.records[0].status)


def test_pipelined_requests_are_answered_in_order(server: Served) -> None:
    """Whatever they are."""
    requests = (head(len(ASKING)) + ASKING + b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n") * 3
    data = server.ask(requests + b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")

    assert [b"200", b"404"] * 3 + [b"200"] == [part[:3] for part in data.split(b"HTTP/1.1 ")[1:]]


def test_silence_is_filled_with_comments(http: Http, surface: Surface) -> None:
    """After the first event, as long as nothing comes."""
    surface.ping_s = 0.05
    release = asyncio.Event()
    script(surface, [HELLO, release, chunk({}, "stop")])
    with (
        served(surface.app(), http=http) as server,
        httpx.stream("POST", server.url + PATH, content=STREAMING, headers=GOOD) as told,
    ):
        lines = told.iter_lines()
        surface.clock.seconds += 1
        seen = [next(lines)]
        while seen.count(": ping") < 2:
            surface.clock.seconds += 1
            seen.append(next(lines))
        server.have(release.set)
        rest = list(lines)

    assert "data: [DONE]" in rest
