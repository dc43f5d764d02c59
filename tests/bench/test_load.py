"""The load client counts what was answered as it should be, and nothing else."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from bench.loads import Load, Order, run_load
from bench.programs import Programs
from bench.running import Mock
from tests.bench.canned import canned

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n"
EVENTS = b'data: {"a":1}\n\ndata: {"b":2}\n\n'
DONE = b"data: [DONE]\n\n"
REQUESTS = 3


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def order(address: str, body: Path, *, stream: bool = False) -> Order:
    return Order(address, "/v1/chat/completions", (), body, 1, stream, seconds=5, count=REQUESTS)


def told(load: Load) -> dict[str, int]:
    return {"whole": load.requests, **{name: count for name, count in load.errors.items() if count}}


WHOLE = {
    "a length": OK + b"Content-Length: 5\r\n\r\nhello",
    "an empty body": OK + b"Content-Length: 0\r\n\r\n",
    "chunks": CHUNKED + b"\r\n" + chunk(b"hello") + chunk(b"world") + b"0\r\n\r\n",
    "a head that ends like a last chunk": CHUNKED + b"X-Count: 0\r\n\r\n" + chunk(b"hello") + b"0\r\n\r\n",
    "data that looks like a last chunk": CHUNKED + b"\r\n" + chunk(b"0\r\n\r\n") + b"0\r\n\r\n",
    "trailers": CHUNKED + b"\r\n" + chunk(b"hello") + b"0\r\nX-After: 1\r\n\r\n",
    "an extension of a chunk": CHUNKED + b"\r\n5;name=1\r\nhello\r\n0\r\n\r\n",
    "an early response": b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK + b"Content-Length: 5\r\n\r\nhello",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
}


@pytest.mark.parametrize("piece", [0, 1, 7])
@pytest.mark.parametrize("answer", WHOLE.values(), ids=WHOLE)
def test_well_framed_answers_are_whole(answer: bytes, piece: int, programs: Programs, body: Path) -> None:
    """However it is framed, and in whatever pieces it comes."""
    with canned(answer, piece) as server:
        load = run_load(programs.load, order(server.address, body), ())

    assert ({"whole": REQUESTS}, 1) == (told(load), load.connections)


def test_an_answer_may_end_with_its_connection(programs: Programs, body: Path) -> None:
    """Without a length and without chunks, the end is where the server closes."""
    with canned(OK + b"\r\nhello", ends=True) as server:
        load = run_load(programs.load, order(server.address, body), ())

    assert ({"whole": REQUESTS}, REQUESTS) == (told(load), load.connections)


WRONG = {
    "a refusal": (b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "status"),
    "a chunk's size that is no number": (CHUNKED + b"\r\nxyz\r\nhello\r\n0\r\n\r\n", "broken"),
    "a chunk longer than its size": (CHUNKED + b"\r\n4\r\nhello\r\n0\r\n\r\n", "broken"),
    "a bare newline in the framing": (CHUNKED + b"\r\n5\nhello\r\n0\r\n\r\n", "broken"),
    "a length and chunks": (CHUNKED + b"Content-Length: 5\r\n\r\n" + chunk(b"hello") + b"0\r\n\r\n", "broken"),
    "more than one answer": (OK + b"Content-Length: 5\r\n\r\nhello, world", "broken"),
    "no HTTP": (b"SSH-2.0-OpenSSH\r\n\r\n", "broken"),
    "an end too early": (OK + b"Content-Length: 50\r\n\r\nhello", "closed"),
    "an end within the chunks": (CHUNKED + b"\r\n" + chunk(b"hello"), "closed"),
}


@pytest.mark.parametrize(("answer", "kind"), WRONG.values(), ids=WRONG)
def test_wrong_answers_are_errors_of_their_kind(answer: bytes, kind: str, programs: Programs, body: Path) -> None:
    """None of them counts as answered."""
    with canned(answer, ends=True) as server:
        load = run_load(programs.load, order(server.address, body), ())

    assert {"whole": 0, kind: REQUESTS} == told(load)


@pytest.mark.parametrize("piece", [0, 1, 5])
def test_events_are_counted_across_chunks(piece: int, programs: Programs, body: Path) -> None:
    """An event is a line of data, wherever the chunks and the pieces cut it; `[DONE]` is one too."""
    chunks = chunk(EVENTS[:9]) + chunk(EVENTS[9:]) + chunk(DONE)
    with canned(CHUNKED + b"\r\n" + chunks + b"0\r\n\r\n", piece) as server:
        load = run_load(programs.load, order(server.address, body, stream=True), ())

    assert ({"whole": REQUESTS}, 3 * REQUESTS) == (told(load), load.events)
    assert load.first_event_us.p50 is not None


@pytest.mark.parametrize(
    "events", [EVENTS, b'data: {"error":{"message":"late"}}\n\n' + DONE], ids=["no [DONE]", "error"]
)
def test_a_stream_that_did_not_end_well_is_broken(events: bytes, programs: Programs, body: Path) -> None:
    """A clean framing is not enough."""
    with canned(CHUNKED + b"\r\n" + chunk(events) + b"0\r\n\r\n") as server:
        load = run_load(programs.load, order(server.address, body, stream=True), ())

    assert {"whole": 0, "broken": REQUESTS} == told(load)


def test_nobody_there_is_an_error(programs: Programs, body: Path) -> None:
    """Each request that found no one is counted."""
    with canned(OK) as server:
        address = server.address
    load = run_load(programs.load, order(address, body), ())

    assert {"whole": 0, "connect": REQUESTS} == told(load)


@pytest.mark.parametrize("stream", [False, True])
def test_some_hang_up(stream: bool, programs: Programs, mock: Mock, body: Path) -> None:
    """A hang-up is neither an answer nor an error, and the next request needs a new connection."""
    body.write_bytes(b'{"stream":true}' if stream else b"{}")
    asked = attrs.evolve(order(mock.address, body, stream=stream), connections=4, count=200, hang_ups=0.25)
    load = run_load(programs.load, asked, ())

    assert (200, 0) == (load.requests + load.hang_ups, load.error_count)
    assert 20 < load.hang_ups < 90
    assert load.connections > load.hang_ups
