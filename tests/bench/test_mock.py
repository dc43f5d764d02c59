"""The mock upstream speaks the dialects of those it stands for, whatever pieces a request comes in."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from bench.running import Mock

EVENTS = 100


def post(mock: Mock, path: str, body: object) -> tuple[http.client.HTTPResponse, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", mock.port, timeout=10)) as connection:
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer, answer.read().decode()


def get(mock: Mock, path: str) -> Any:
    with closing(http.client.HTTPConnection("127.0.0.1", mock.port, timeout=10)) as connection:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())


def test_a_chat_is_a_reply_of_a_kilobyte(mock: Mock) -> None:
    """It has what a gateway reads: a message, a reason to finish, usage."""
    answer, text = post(mock, "/v1/chat/completions", {"model": "mock"})

    told = json.loads(text)
    assert (200, "stop", 332) == (answer.status, told["choices"][0]["finish_reason"], told["usage"]["total_tokens"])
    assert 900 < len(text) < 1100


@pytest.mark.parametrize("pace_us", [0, 50])
def test_a_streamed_chat_is_events_with_usage_and_an_end(pace_us: int, mock: Mock) -> None:
    """In a flood and paced alike."""
    mock.set_pace(pace_us)
    answer, text = post(mock, "/v1/chat/completions", {"model": "mock", "stream": True})

    events = [line.removeprefix("data: ") for line in text.split("\n\n") if line]
    assert (200, "text/event-stream", EVENTS + 1) == (answer.status, answer.headers["content-type"], len(events))
    assert "[DONE]" == events[-1]
    assert {"prompt_tokens": 212, "completion_tokens": 98, "total_tokens": 310} == json.loads(events[-2])["usage"]
    assert ["stop"] == [
        choice["finish_reason"]
        for event in events[:-1]
        for choice in json.loads(event)["choices"]
        if choice["finish_reason"]
    ]


def test_ollama_streams_unless_told_not_to(mock: Mock) -> None:
    """Its native chat has as many lines as the other has events."""
    _, streamed = post(mock, "/api/chat", {"model": "mock"})
    _, whole = post(mock, "/api/chat", {"model": "mock", "stream": False})

    lines = [json.loads(line) for line in streamed.splitlines()]
    assert [False] * (EVENTS - 1) + [True] == [line["done"] for line in lines]
    assert (True, 120) == (json.loads(whole)["done"], json.loads(whole)["eval_count"])


def test_models_are_listed_in_both_dialects(mock: Mock) -> None:
    """There is one model."""
    assert "mock-upstream" == get(mock, "/v1/models")["data"][0]["id"]
    assert "mock-upstream" == get(mock, "/api/tags")["models"][0]["name"]


@pytest.fixture
def wire(mock: Mock) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", mock.port), timeout=10) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def request(body: bytes, framing: str = "") -> bytes:
    framing = framing or f"Content-Length: {len(body)}"
    return f"POST /v1/chat/completions HTTP/1.1\r\nHost: mock\r\n{framing}\r\n\r\n".encode() + body


def answered(wire: socket.socket, count: int) -> list[int]:
    """Read answers and return their statuses."""
    statuses = []
    for _ in range(count):
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        answer.read()
        statuses.append(answer.status)
    return statuses


@pytest.mark.parametrize("size", [1, 22_000, 300_000])
def test_requests_come_in_pieces(size: int, wire: socket.socket) -> None:
    """A body of any size may be cut anywhere."""
    sent = request(b'{"prompt":"' + b"x" * size + b'"}')
    for start in range(0, len(sent), 1 + len(sent) // 50):
        wire.sendall(sent[start : start + 1 + len(sent) // 50])

    assert [200] == answered(wire, 1)


def test_requests_come_in_chunks(wire: socket.socket) -> None:
    """What asks for a stream may be cut in two by the framing."""
    wire.sendall(request(b'6\r\n{"stre\r\nb\r\nam" : true }\r\n0\r\n\r\n', "Transfer-Encoding: chunked"))

    answer = http.client.HTTPResponse(wire)
    answer.begin()
    assert b"[DONE]" in answer.read()


def test_a_client_may_wait_for_leave_to_send_its_body(wire: socket.socket) -> None:
    """Leave is given once."""
    wire.sendall(request(b"", "Content-Length: 2\r\nExpect: 100-continue"))
    leave = wire.recv(65536)
    wire.sendall(b"{}")

    assert b"HTTP/1.1 100 Continue\r\n\r\n" == leave
    assert [200] == answered(wire, 1)


def test_it_survives_those_who_hang_up(mock: Mock) -> None:
    """Streams that nobody reads any more end, the others go on."""
    mock.set_pace(100)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", mock.port), timeout=10) as connection:
            connection.sendall(request(b'{"stream":true}'))
            connection.recv(100)
    _, text = post(mock, "/v1/chat/completions", {"stream": True})

    assert EVENTS + 1 == text.count("data: ")
