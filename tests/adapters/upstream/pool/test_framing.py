"""Where an answer begins and ends, however the network cut it."""

from __future__ import annotations

import asyncio

import pytest

from adapters.upstream.pool import Pool
from domain.errors import ProviderFailure, StreamBroken, Unreachable
from tests.adapters.upstream.pool.pooling import Taken, at_rest, call, empty, outcome, post, taken
from tests.fakes.answers import Ending
from tests.fakes.signals import Signal
from tests.lab.raw_upstream import Connection, Piece, RawUpstream
from tests.lab.said import answering, chunked, head_of, whole

LATER = whole(b"later")
CONTINUE = head_of(status=100)
HINTS = head_of("Link: </a>; rel=preload", status=103)

KEPT = {
    "a length": (whole(b"hello"), 200, b"hello"),
    "a length of zero": (whole(b""), 200, b""),
    "a length with zeros before it": (head_of("Content-Length: 005") + b"hello", 200, b"hello"),
    "space around a length": (head_of("Content-Length: \t 5 \t") + b"hello", 200, b"hello"),
    "chunks": (chunked(b"he", b"l", b"lo"), 200, b"hello"),
    "no chunk but the last": (chunked(), 200, b""),
    "a chunk's size in capitals": (
        head_of("Transfer-Encoding: chunked") + b"0A\r\n0123456789\r\n0\r\n\r\n",
        200,
        b"0123456789",
    ),
    "chunks with extensions": (
        head_of("transfer-encoding: Chunked") + b'2;a=b;c="d"\r\nhe\r\n3;e\r\nllo\r\n0;f\r\n\r\n',
        200,
        b"hello",
    ),
    "trailers": (chunked(b"hello", trailers=["Expires: never", "X-Sum: 1"]), 200, b"hello"),
    "an error": (whole(b"no", status=429), 429, b"no"),
    "no content": (head_of(status=204), 204, b""),
    "not modified, and how long it would be": (head_of("Content-Length: 5", status=304), 304, b""),
    "an interim answer": (CONTINUE + whole(b"hello"), 200, b"hello"),
    "early hints": (HINTS + chunked(b"hello"), 200, b"hello"),
    "three interim answers": (CONTINUE + HINTS + CONTINUE + whole(b"hello"), 200, b"hello"),
    "an empty reason": (b"HTTP/1.1 200 \r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "bytes beyond ASCII in a header": (head_of("X: \xe9\xff", "Content-Length: 5") + b"hello", 200, b"hello"),
    "a large header": (head_of("X: " + "x" * 60_000, "Content-Length: 5") + b"hello", 200, b"hello"),
    "many headers": (head_of(*[f"X-{n}: {n}" for n in range(200)], "Content-Length: 5") + b"hello", 200, b"hello"),
}
"""Whole answers after which the connection goes on."""

LEFT = {
    "a length, and a wish to close": (whole(b"hello", "Connection: close"), 200, b"hello"),
    "chunks, and a wish to close": (chunked(b"hello", headers=["Connection: Close"]), 200, b"hello"),
    "HTTP/1.0": (b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, b"hello"),
    "the end of the connection": (head_of() + b"hello", 200, b"hello"),
    "the end of the connection, HTTP/1.0": (b"HTTP/1.0 200 OK\r\n\r\nhello", 200, b"hello"),
    "the end of the connection, and nothing before": (head_of("Connection: keep-alive"), 200, b""),
}
"""Whole answers that end with their connection."""


@pytest.mark.parametrize(("answer", "status", "body"), KEPT.values(), ids=KEPT.keys())
async def test_an_answer_has_its_end_in_itself(pool: Pool, answer: bytes, status: int, body: bytes) -> None:
    """The next request goes over the same connection."""
    async with RawUpstream(answering(answer, LATER)) as upstream:
        assert Taken(status, body) == await taken(pool, post(upstream.address))
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))

        assert 1 == len(upstream.connections)
        assert (1, 1) == (pool.counts().open, pool.counts().idle)


@pytest.mark.parametrize(("answer", "status", "body"), LEFT.values(), ids=LEFT.keys())
async def test_an_answer_ends_with_its_connection(pool: Pool, answer: bytes, status: int, body: bytes) -> None:
    """The next request goes over another one."""
    async with RawUpstream(answering([answer, Ending.CLOSE], LATER)) as upstream:
        assert Taken(status, body) == await taken(pool, post(upstream.address))
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))

        assert 2 == len(upstream.connections)


@pytest.mark.parametrize("name", ["a length, and a wish to close", "chunks, and a wish to close", "HTTP/1.0"])
async def test_a_connection_that_is_to_close_is_closed_by_us(pool: Pool, name: str) -> None:
    """Where the server does not do it."""
    async with RawUpstream(answering(LEFT[name][0], LATER)) as upstream:
        assert Taken(200, b"hello") == await taken(pool, post(upstream.address))
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))

        await upstream.connections[0].left.wait(10)


CUT_EVERYWHERE = ["a length", "chunks with extensions", "trailers", "early hints", "the end of the connection"]


@pytest.mark.parametrize("name", CUT_EVERYWHERE)
async def test_it_does_not_matter_where_the_network_cuts(pool: Pool, name: str) -> None:
    """At each byte once."""
    answer, status, body = {**KEPT, **LEFT}[name]
    ending = [Ending.CLOSE] if name in LEFT else []
    cuts: list[list[Piece]] = [[answer[:at], None, answer[at:], *ending] for at in range(1, len(answer))]
    async with RawUpstream(answering(*cuts)) as upstream:
        assert [Taken(status, body)] * len(cuts) == [await taken(pool, post(upstream.address)) for _ in cuts]
        assert (len(cuts) if name in LEFT else 1) == len(upstream.connections)


@pytest.mark.parametrize("name", [name for name, (answer, *_) in {**KEPT, **LEFT}.items() if len(answer) < 400])
async def test_an_answer_may_come_byte_by_byte(pool: Pool, name: str) -> None:
    """However small its pieces, it is the same."""
    answer, status, body = {**KEPT, **LEFT}[name]
    pieces: list[Piece] = [piece for byte in answer for piece in (bytes([byte]), None)]
    async with RawUpstream(answering([*pieces, Ending.CLOSE] if name in LEFT else pieces)) as upstream:
        assert Taken(status, body) == await taken(pool, post(upstream.address))


@pytest.mark.parametrize("answer", [head_of("Content-Length: 1000"), head_of("Transfer-Encoding: chunked")])
async def test_an_answer_to_head_has_no_body(pool: Pool, answer: bytes) -> None:
    """Whatever its headers say of one."""
    async with RawUpstream(answering(answer, LATER)) as upstream:
        assert Taken(200, b"") == await taken(pool, post(upstream.address, method="HEAD"))
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))


async def test_headers_are_as_they_came(pool: Pool) -> None:
    """In their order, names in lower case, without the space around values; trailers are not among them."""
    answer = chunked(b"x", headers=["X-A:  1 ", "x-b:", "X-A: 2"], trailers=["X-C: 3"])
    async with RawUpstream(answering(answer)) as upstream:
        with await pool.send(post(upstream.address), call()) as incoming:
            await incoming.read()

    assert [(b"transfer-encoding", b"chunked"), (b"x-a", b"1"), (b"x-b", b""), (b"x-a", b"2")] == list(incoming.pairs)
    assert "1" == incoming.headers["x-a"]


async def test_the_head_is_there_before_the_body(pool: Pool) -> None:
    """And each part of the body as it comes."""
    gates = [Signal(), Signal()]
    pieces: list[Piece] = [head_of("Content-Length: 4"), gates[0], b"ab", gates[1], b"cd"]
    async with RawUpstream(answering(pieces)) as upstream:
        with await pool.send(post(upstream.address), call()) as incoming:
            assert 200 == incoming.status
            found = []
            for gate in gates:
                gate.set()
                found.append(await incoming.next_block())
            assert [b"ab", b"cd", b""] == [*found, await incoming.next_block()]
            assert b"" == await incoming.next_block()


async def test_requests_arrive_as_they_are(pool: Pool) -> None:
    """Byte for byte, one after the other, whatever their size."""
    async with RawUpstream(answering(whole())) as upstream:
        requests = [post(upstream.address, body) for body in (b"", b"{}", b"x" * 65_536, b"y" * 3_000_000)]
        for request in requests:
            await taken(pool, request)

        assert [request.head + request.body for request in requests] == [asked.raw for asked in upstream.requests]
        assert 1 == len(upstream.connections)


# --- what comes too early, too late or too much


@pytest.mark.parametrize("extra", [b"x", b"\0", b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", b"0\r\n\r\n"])
@pytest.mark.parametrize("turn", [False, True])
@pytest.mark.parametrize("answer", [whole(b"hello"), chunked(b"hello"), head_of(status=204)])
async def test_a_connection_with_extra_bytes_serves_no_more(
    pool: Pool, answer: bytes, extra: bytes, turn: bool
) -> None:
    """The answer before them stands; nobody gets them for an answer."""
    pieces: list[Piece] = [answer, None, extra] if turn else [answer + extra]
    async with RawUpstream(answering(pieces, LATER)) as upstream:
        first = await taken(pool, post(upstream.address))
        await upstream.connections[0].left.wait(10)
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))

    assert first.body == (b"" if first.status == 204 else b"hello")


async def test_bytes_on_an_idle_connection_end_it(pool: Pool) -> None:
    """Nobody asked; the next request goes over another connection."""
    gate = Signal()
    async with RawUpstream(answering([whole(b"hello"), gate, whole(b"poison")], LATER)) as upstream:
        await taken(pool, post(upstream.address))
        gate.set()
        await empty(pool, upstream)

        assert Taken(200, b"later") == await taken(pool, post(upstream.address))


async def test_an_answer_to_nobody_is_taken_by_nobody(pool: Pool) -> None:
    """A server that speaks first, before any request was written."""

    async def script(connection: Connection) -> None:
        await connection.send(whole(b"poison"))
        await connection.until_left()

    async with RawUpstream(script) as upstream:
        found = await outcome(pool, post(upstream.address))

    # it may come while the request is being written, and is then an answer like any other
    assert isinstance(found, ProviderFailure) or Taken(200, b"poison") == found


async def test_an_early_answer_is_an_answer(pool: Pool) -> None:
    """The server answers while the request is still being sent, and reads no more of it; the connection is closed."""

    async def script(connection: Connection) -> None:
        if await connection.head() and len(upstream.connections) == 1:
            await connection.send(whole(b"no", status=400))
            await connection.wait(Signal())
        await connection.send(LATER)

    async with RawUpstream(script, buffer=4096) as upstream:
        early = await taken(pool, post(upstream.address, b"x" * (8 << 20)))
        assert Taken(200, b"later") == await taken(pool, post(upstream.address, b""))

        assert Taken(400, b"no") == early
        assert len(upstream.connections[0].received) < 1 << 20


async def test_an_early_answer_whose_connection_is_reset(pool: Pool) -> None:
    """A server that closes with much of the request unread resets the connection; a whole answer stands."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.send(whole(b"too large", status=413))
        connection.sock.close()

    async with RawUpstream(script, buffer=4096) as upstream:
        found = await outcome(pool, post(upstream.address, b"x" * (8 << 20)))

    assert Taken(413, b"too large") == found or isinstance(found, ProviderFailure)
    await empty(pool)


@pytest.mark.parametrize("said", [b"", head_of(status=413) + b"too large"], ids=["nothing", "an answer until the end"])
async def test_a_server_that_has_said_all_is_not_waited_for(pool: Pool, said: bytes) -> None:
    """It ends its bytes, and reads no more of a request that does not fit into its socket: no more can come of it."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.send(said)
        connection.end_writing()
        await gate.wait()

    gate = Signal()
    async with RawUpstream(script, buffer=4096) as upstream:
        begun = asyncio.get_running_loop().time()
        found = await outcome(pool, post(upstream.address, b"x" * (8 << 20)))
        await empty(pool)
        took = asyncio.get_running_loop().time() - begun
        gate.set()

    assert isinstance(found, Unreachable) if not said else Taken(413, b"too large") == found
    assert took < 1


# --- what breaks off


BROKEN = {
    "a length": whole(b"hello"),
    "chunks": chunked(b"he", b"llo"),
    "chunks with trailers": chunked(b"hello", trailers=["X: y"]),
    "a wish to close": whole(b"hello", "Connection: close"),
}


@pytest.mark.parametrize("ending", [Ending.CLOSE, Ending.RESET])
@pytest.mark.parametrize("answer", BROKEN.values(), ids=BROKEN.keys())
async def test_half_an_answer_is_none(pool: Pool, answer: bytes, ending: Ending) -> None:
    """Wherever it breaks off."""
    parts: list[list[Piece]] = [[answer[:at], ending] for at in range(len(answer))]
    async with RawUpstream(answering(*parts)) as upstream:
        for at in range(len(answer)):
            found = await outcome(pool, post(upstream.address))

            assert isinstance(found, ProviderFailure), (at, found)
            await empty(pool)


async def test_an_answer_without_length_that_is_reset_is_none(pool: Pool) -> None:
    """Only a clean end is its end."""
    async with RawUpstream(answering([head_of() + b"hel", None, Ending.RESET])) as upstream:
        assert isinstance(await outcome(pool, post(upstream.address)), StreamBroken)
        await empty(pool, upstream)


async def test_half_a_close_is_the_end_of_an_answer_without_length(pool: Pool) -> None:
    """The server need not close both directions; we do."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(head_of() + b"hello")
        connection.end_writing()
        await connection.until_left()

    async with RawUpstream(script) as upstream:
        assert Taken(200, b"hello") == await outcome(pool, post(upstream.address))
        await empty(pool, upstream)
    await at_rest(pool)
