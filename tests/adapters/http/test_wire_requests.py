"""Requests one behind the other, answers that come early, callers who leave, and how many of them there may be."""

from __future__ import annotations

import socket
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.http.limits import Limits
from tests.adapters.http.vectors import CHUNKED, START, get, post
from tests.fakes.apps import PART, Holding, Refusing, Sending, beginning, part
from tests.fakes.echo import Echo, answers_in
from tests.fakes.served import push, rest_of, served, until
from tests.fakes.wired import Listening

CLOSE = b"GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def path(number: int) -> bytes:
    """Return a GET of a path of its own."""
    return b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number


# --- one behind the other


def test_pipelined_requests_are_answered_in_order() -> None:
    """Hundreds at once: each answer is that of its request."""
    requests = b"".join(
        path(number) if number % 3 else post(b"Content-Length: %d" % number, body=b"x" * number)
        for number in range(400)
    )
    with served(Echo()) as server:
        answers = answers_in(server.ask(requests + CLOSE))

    expected = [(f"/{number}", 0) if number % 3 else ("/v1/chat/completions", number) for number in range(400)]
    assert [*expected, ("/last", 0)] == [(answer.json["path"], answer.json["length"]) for answer in answers]


@given(
    st.lists(
        st.one_of(
            st.integers(0, 99).map(lambda number: (path(number), f"/{number}", b"")),
            st.binary(max_size=60).map(
                lambda body: (post(b"Content-Length: %d" % len(body), body=body), "/v1/chat/completions", body)
            ),
            st.lists(st.binary(min_size=1, max_size=20), max_size=4).map(
                lambda parts: (
                    CHUNKED + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n",
                    "/v1/chat/completions",
                    b"".join(parts),
                )
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    st.integers(1, 80),
    st.booleans(),
)
async def test_no_request_is_taken_for_another(
    requests: list[tuple[bytes, str, bytes]], step: int, settling: bool
) -> None:
    """Whatever bodies hold, and however the bytes arrive."""
    data = b"".join(request for request, _, _ in requests)
    listening = Listening()
    wired = listening.connect()

    await wired.exchange([data[at : at + step] for at in range(0, len(data), step)], settling=settling)

    assert [(target, body) for _, target, body in requests] == [
        (asked.target.decode(), asked.body) for asked in listening.echo.asked
    ]
    assert [target for _, target, _ in requests] == [answer.json["path"] for answer in wired.answers]


async def test_requests_that_come_too_early_wait_unread() -> None:
    """While one is answered, at most so much of the next ones is kept; then reading pauses, until it is their turn."""
    holding = Holding()
    listening = Listening(holding, Limits(held_bytes=150))
    wired = listening.connect()

    wired.send(path(0))
    await holding.called.wait()
    wired.send(path(1) * 3)
    reading_on = wired.pipe.reading
    wired.send(path(2) * 4)
    paused = not wired.pipe.reading
    begun = holding.calls
    holding.let.set()
    await wired.settle()

    assert (True, True, 1) == (reading_on, paused, begun)
    assert [b"/0", b"/1", b"/1", b"/1", b"/2", b"/2", b"/2", b"/2"] == [answer.body for answer in wired.answers]
    assert wired.pipe.reading


@pytest.mark.parametrize("last", [CLOSE, b"GET / HTTP/1.0\r\n\r\n"], ids=["close", "HTTP/1.0"])
def test_nothing_is_served_behind_the_last_request(last: bytes) -> None:
    """Whoever said that it was the last."""
    echo = Echo()
    with served(echo) as server:
        answers = answers_in(server.ask(last + get()))

    assert ([200], ["close"], 1) == (
        [answer.status for answer in answers],
        [answer.headers["connection"] for answer in answers],
        len(echo.asked),
    )


# --- answers that come early


def test_answer_before_the_end_of_the_body_ends_the_connection() -> None:
    """The answer can be read although the caller is still sending, and no byte of the body is taken for a request."""
    with served(Refusing()) as server, server.connect() as connection:
        connection.sendall(START + b"Content-Length: 100000\r\n\r\n" + get())
        answers = answers_in(rest_of(connection))
        sent = push(connection, get(), most=1000)

    assert [(401, "close")] == [(answer.status, answer.headers["connection"]) for answer in answers]
    assert 1000 * len(get()) == sent


def test_answer_to_a_large_upload_arrives() -> None:
    """Also where the caller reads only when everything is sent."""
    with served(Refusing()) as server, server.connect() as connection:
        connection.sendall(START + b"Content-Length: 20000000\r\n\r\n")
        sent = push(connection, PART[:10_000], most=2000)
        answers = answers_in(rest_of(connection))

    assert (20_000_000, [401]) == (sent, [answer.status for answer in answers])


def test_answer_before_the_first_byte_of_a_body_that_waits_for_leave() -> None:
    """`Expect: 100-continue`: who is refused is not asked to go on."""
    with served(Refusing()) as server:
        data = server.ask(post(b"Content-Length: 5", b"Expect: 100-continue"))

    assert (b"HTTP/1.1 401 ", 1) == (data[:13], data.count(b"HTTP/1.1"))
    assert b"\r\nconnection: close\r\n" in data


def test_body_that_waits_for_leave_gets_it() -> None:
    """When it is asked for; and the connection goes on."""
    with served(Echo()) as server, server.connect() as connection:
        connection.sendall(post(b"Content-Length: 5", b"Expect: 100-Continue"))
        leave = connection.recv(4096)
        connection.sendall(b"hello" + CLOSE)
        answers = answers_in(rest_of(connection))

    assert b"HTTP/1.1 100 Continue\r\n\r\n" == leave
    assert [5, 0] == [answer.json["length"] for answer in answers]


@pytest.mark.parametrize("request_text", [
    post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello"),
    post(b"Content-Length: 5", b"Expect: 100-continue", body=b"hello").replace(b"HTTP/1.1", b"HTTP/1.0"),
    post(b"Content-Length: 0", b"Expect: 100-continue"),
    post(b"Content-Length: 5", b"Expect: something", body=b"hello"),
], ids=["body is there", "HTTP/1.0", "no body", "other"])  # fmt: skip
def test_leave_is_not_given_where_nobody_waits(request_text: bytes) -> None:
    """The body is there already, or there is none."""
    with served(Echo()) as server:
        data = server.ask(request_text + CLOSE)

    assert data.startswith(b"HTTP/1.1 200 ")


# --- callers who leave


@pytest.mark.parametrize("how", [socket.SHUT_WR, socket.SHUT_RDWR, None], ids=["half-close", "shutdown", "close"])
def test_caller_who_ends_the_connection_has_left(how: int | None) -> None:
    """Also who only ends their own side: from here that looks the same."""
    holding = Holding()
    with served(holding) as server, server.connect() as connection:
        connection.sendall(get())
        holding.called.wait_here()
        if how is None:
            connection.close()
        else:
            connection.shutdown(how)
        holding.left.wait_here(1.0)
        until(lambda: server.connections == 0)


def test_caller_who_leaves_after_the_answer_got_it() -> None:
    """An answer that is complete is sent, although nothing more can come."""
    with served(Echo()) as server, server.connect() as connection:
        connection.sendall(get())
        until(lambda: len(server.server.server_state.tasks) == 0 and server.server.server_state.total_requests == 1)
        connection.shutdown(socket.SHUT_WR)
        answers = answers_in(rest_of(connection))

    assert [200] == [answer.status for answer in answers]


async def test_caller_who_leaves_in_the_middle_of_a_body_gets_nothing() -> None:
    """The application learns of it instead of the part that never comes; what it says then goes nowhere."""
    listening = Listening()
    wired = listening.connect()

    await wired.exchange([post(b"Content-Length: 5", body=b"he")], settling=True)
    wired.hang_up()
    await wired.settle()

    assert ([], b"", set()) == (listening.echo.asked, bytes(wired.pipe.written), wired.protocol.tasks)


# --- what the application sends


async def test_whole_answer_is_one_write() -> None:
    """A head that is sent by itself is a packet of its own, and a wait for its confirmation."""
    writes: list[bytes] = []
    listening = Listening()
    wired = listening.connect()
    wired.pipe.write = writes.append  # type: ignore[assignment]

    await wired.exchange([get()])

    assert 1 == len(writes)


STREAM = Sending(
    [
        beginning(200, (b"content-type", b"text/plain")),
        part(b"one", more=True),
        part(more=True),
        part(b"two", more=True),
        part(),
    ]
)
CHUNKS = b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("request_text", "framing", "body"),
    [
        (get(), b"\r\ntransfer-encoding: chunked\r\n\r\n", CHUNKS),
        (get().replace(b"1.1", b"1.0"), b"\r\nconnection: close\r\n\r\n", b"onetwo"),
        (get(b"Connection: close"), b"\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n", CHUNKS),
        (get().replace(b"GET", b"HEAD"), b"\r\ncontent-type: text/plain\r\n\r\n", b""),
    ],
    ids=["chunked", "HTTP/1.0", "close", "HEAD"],
)
async def test_stream_is_framed_as_its_reader_knows(request_text: bytes, framing: bytes, body: bytes) -> None:
    """HTTP/1.0 knows no chunks: there the end of the connection is the end of the answer."""
    wired = Listening(STREAM).connect()
    await wired.exchange([request_text])

    head, _, rest = bytes(wired.pipe.written).partition(b"\r\n\r\n")
    assert (head + b"\r\n\r\n").endswith(framing)
    assert (body, b"1.0" in request_text or b"close" in request_text) == (rest, wired.over)


@pytest.mark.parametrize("status", [204, 304])
async def test_answer_without_a_body_has_no_framing(status: int) -> None:
    """Its status says that there is none."""
    wired = Listening(Sending([beginning(status), part()])).connect()
    await wired.exchange([get(), get()])

    phrase = {204: b"No Content", 304: b"Not Modified"}[status]
    assert b"HTTP/1.1 %d %b\r\n\r\n" % (status, phrase) * 2 == wired.pipe.written


@pytest.mark.parametrize(
    "header",
    [
        (b"x-good", b"a\r\nset-cookie: evil"),
        (b"x-good", b"a\nb"),
        (b"x-good", b"a\0b"),
        (b"x-bad: y\r\nx", b"a"),
        (b"x bad", b"a"),
        (b"", b"a"),
    ],
)
async def test_header_that_would_be_two_is_not_sent(header: tuple[bytes, bytes]) -> None:
    """Whoever wrote it: the answer is a 500."""
    wired = Listening(Sending([beginning(200, header), part(b"evil")])).connect()
    await wired.exchange([get()])

    assert [(500, "internal_error")] == [(answer.status, answer.code) for answer in wired.answers]
    assert b"evil" not in wired.pipe.written


FIVE = (b"content-length", b"5")


@pytest.mark.parametrize(
    "app",
    [
        Sending([beginning(200, FIVE), part(b"one", more=True), part()]),
        Sending([beginning(200, FIVE), part(b"one", more=True), part(b"three")]),
        Sending([beginning(), part(b"one", more=True)]),
        Sending([beginning(), part(b"one", more=True)], RuntimeError("secret")),
    ],
    ids=["too short", "too long", "no end", "fault"],
)
async def test_answer_that_breaks_off_does_not_look_whole(app: Sending) -> None:
    """Its connection is cut."""
    wired = Listening(app).connect()
    await wired.exchange([get(), get()])

    assert bytes(wired.pipe.written).startswith(b"HTTP/1.1 200 ")
    assert (1, False, True) == (
        wired.pipe.written.count(b"HTTP/1.1"),
        wired.pipe.written.endswith(b"0\r\n\r\n"),
        wired.pipe.closed,
    )


@pytest.mark.parametrize(
    "app",
    [
        Sending(),
        Sending(fault=RuntimeError("secret")),
        Sending([beginning(), beginning()]),
        Sending([part(b"secret")]),
        Sending([beginning()]),
    ],
    ids=["nothing", "fault", "two beginnings", "no beginning", "no end"],
)
async def test_application_that_fails_is_a_500(app: Sending) -> None:
    """Nothing of why is told to the caller."""
    wired = Listening(app).connect()
    await wired.exchange([get()])

    assert [(500, "internal_error")] == [(answer.status, answer.code) for answer in wired.answers]
    assert b"secret" not in wired.pipe.written


async def test_what_is_sent_behind_the_end_is_a_fault() -> None:
    """It could be taken for the next answer."""
    wired = Listening(Sending([beginning(200, FIVE), part(b"whole"), part(b"more")])).connect()
    await wired.exchange([get(), get()])

    assert [b"whole", b"whole"] == [answer.body for answer in wired.answers]


async def test_application_that_is_cancelled_is_a_503() -> None:
    """The server's own end."""
    holding = Holding()
    wired = Listening(holding).connect()
    wired.send(get())
    await holding.called.wait()

    for task in wired.protocol.tasks:
        task.cancel()
    await wired.settle()

    assert [(503, "service_unavailable")] == [(answer.status, answer.code) for answer in wired.answers]
    assert "1" == wired.answers[0].headers["retry-after"]


# --- how many


def test_connections_have_a_bound() -> None:
    """One more is told so with a `retry-after`, and is let in when another has left."""
    with served(Echo(), Limits(connections=3)) as server, ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(3)]
        for connection in connections:
            connection.sendall(get())
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
        turned_away = answers_in(server.ask())
        connections[0].close()
        until(lambda: server.connections == 2)
        answer = server.ask(CLOSE)

    assert [(503, "service_unavailable", "1", "close")] == [
        (told.status, told.code, told.headers["retry-after"], told.headers["connection"]) for told in turned_away
    ]
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert [(503, "service_unavailable")] == [(record.status, record.error) for record in server.observed.records]


def test_connections_of_one_address_have_a_bound() -> None:
    """Others are not turned away because of them."""
    with served(Echo(), Limits(connections_of_address=1)) as server, server.connect() as first:
        first.sendall(get())
        assert first.recv(4096).startswith(b"HTTP/1.1 200 ")
        same = server.ask(CLOSE)
        with socket.create_connection(("127.0.0.1", server.port), source_address=("127.0.0.2", 0)) as other:
            other.sendall(CLOSE)
            different = rest_of(other)

    assert (b"HTTP/1.1 503 ", b"HTTP/1.1 200 ") == (same[:13], different[:13])


async def test_counts_of_addresses_are_forgotten_with_their_connections() -> None:
    """The table is no larger than there are connections."""
    listening = Listening(limits=Limits(connections=2, turned_away=1))
    first, second, third, fourth = (listening.connect() for _ in range(4))

    assert [False, False, True, True] == [wired.over for wired in (first, second, third, fourth)]
    assert ([503], []) == ([answer.status for answer in third.answers], fourth.answers)
    for wired in (first, second, third, fourth):
        wired.hang_up()
    assert ({}, 0, 0) == (listening.wire._of_address, listening.wire._connections, len(listening.wire.sweeper))
    assert not listening.connect().over


def test_refusals_are_told_as_requests_are() -> None:
    """With an id that the caller has too, a method of a closed set and no route."""
    with served(Echo()) as server:
        told = answers_in(server.ask(b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n")) + answers_in(
            server.ask(b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
        )

    assert [("OTHER", "(none)", 405, "method_not_allowed"), ("GET", "(none)", 400, "invalid_http")] == [
        (record.method, record.route, record.status, record.error) for record in server.observed.records
    ]
    assert all(record.duration_s < 1.0 for record in server.observed.records)
    assert [answer.headers["x-request-id"] for answer in told] == [
        record.journey.request_id for record in server.observed.records
    ]
    assert ["GET, HEAD, POST", None] == [answer.headers.get("allow") for answer in told]
    assert {"nosniff"} == {answer.headers["x-content-type-options"] for answer in told}
