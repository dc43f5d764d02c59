"""What is no answer, however much it looks like one: refused, and its connection with it."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.upstream.answers import whole as read_whole
from adapters.upstream.pool import Pool
from adapters.upstream.upstream import Upstream
from domain.errors import Malformed, StreamBroken, Unreachable
from tests.adapters.upstream.pool.pooling import Taken, at_rest, call, closing, empty, outcome, post, taken
from tests.fakes.answers import Ending
from tests.lab.measures import resident
from tests.lab.raw_upstream import Connection, Piece, RawUpstream
from tests.lab.said import answering, chunked, head_of, whole

LATER = whole(b"later")
POISON = whole(b"poison")
LENGTH = "Content-Length: 6"
CHUNKED = "Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"


def lines(*headers: bytes, body: bytes = b"poison") -> bytes:
    """Return an answer with these lines in its head, as they are."""
    return b"\r\n".join([b"HTTP/1.1 200 OK", *headers, b"Content-Length: 6", b"", body])


FRAMED_TWICE = {
    "a length and chunks": head_of(LENGTH, CHUNKED) + LAST + POISON,
    "chunks and a length": head_of(CHUNKED, LENGTH) + LAST + POISON,
    "two lengths": head_of("Content-Length: 6", "Content-Length: 60") + POISON,
    "the same length twice": head_of(LENGTH, LENGTH) + b"poison",
    "a list of lengths": head_of("Content-Length: 6, 6") + b"poison",
    "chunks twice": head_of(CHUNKED, CHUNKED) + LAST + POISON,
    "chunks of chunks": head_of("Transfer-Encoding: chunked, chunked") + LAST + POISON,
    "gzip, then chunks": head_of("Transfer-Encoding: gzip, chunked") + LAST + POISON,
    "chunks, then gzip": head_of("Transfer-Encoding: chunked, gzip") + LAST + POISON,
    "a coding nobody knows": head_of("Transfer-Encoding: xchunked") + LAST + POISON,
    "identity": head_of("Transfer-Encoding: identity") + b"poison",
    "a coding in quotes": head_of('Transfer-Encoding: "chunked"') + LAST + POISON,
    "no coding": head_of("Transfer-Encoding:") + b"poison",
}
NO_LENGTH = {
    f"the length {text!r}": head_of(f"Content-Length: {text}") + b"poison"
    for text in ["+6", "-6", "6 6", "0x6", "6;", "six", "", "6.0", "9" * 20, "18446744073709551622", "6\t6", "_6"]
}
NO_CHUNK = {
    f"the chunk {chunk!r}": head_of(CHUNKED) + chunk + LAST
    for chunk in [
        b"x\r\npoison\r\n",
        b"-6\r\npoison\r\n",
        b"+6\r\npoison\r\n",
        b"0x6\r\npoison\r\n",
        b" 6\r\npoison\r\n",
        b"6 \r\npoison\r\n",
        b"6\npoison\r\n",
        b"6\rpoison\r\n",
        b"\r\npoison\r\n",
        b"6\r\npoison",
        b"6\r\npoison\n",
        b"6\r\npoison!\r\n",
        b"5\r\npoison\r\n",
        b"1" + b"0" * 16 + b"6\r\npoison\r\n",
        b"6\r\npoison\r\n0\n",
    ]
}
NO_HEADER = {
    "bare LF in all lines": b"HTTP/1.1 200 OK\nContent-Length: 6\n\npoison",
    "bare LF after a header": lines(b"A: b\nC: d"),
    "bare LF before the body": b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\npoison",
    "bare CR in a value": lines(b"A: b\rC: d"),
    "a folded header": lines(b"A: b\r\n c"),
    "a folded length": b"HTTP/1.1 200 OK\r\nContent-Length:\r\n 6\r\n\r\npoison",
    "NUL in a value": lines(b"A: b\0c"),
    "NUL in a name": lines(b"A\0: b"),
    "a control character in a value": lines(b"A: b\x01c"),
    "DEL in a value": lines(b"A: b\x7fc"),
    "a space before the colon": lines(b"A : b"),
    "a space before the length's colon": b"HTTP/1.1 200 OK\r\nContent-Length : 6\r\n\r\npoison",
    "a tab before the colon": lines(b"A\t: b"),
    "a space before a name": lines(b" A: b"),
    "no colon": lines(b"A b"),
    "no name": lines(b": b"),
    "a name beyond ASCII": lines(b"\xe9: b"),
    "a name in brackets": lines(b"A(b): c"),
}
NO_STATUS = {
    "HTTP/2": b"HTTP/2.0 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "HTTP/2 in short": b"HTTP/2 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "HTTP/0.9 in a line": b"HTTP/0.9 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "HTTP/1.2": b"HTTP/1.2 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "HTTP/11": b"HTTP/11 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "http/1.1": b"http/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "no HTTP": b"SSH-2.0-OpenSSH_9.2\r\npoison",
    "a page": b"<!doctype html><html>poison</html>",
    "a request": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a TLS record": b"\x15\x03\x01\x00\x02\x02\x46",
    "a space before": b" HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "two spaces": b"HTTP/1.1  200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "the status 99": b"HTTP/1.1 099 OK\r\nContent-Length: 6\r\n\r\npoison" + LATER,
    "the status 0": b"HTTP/1.1 000 OK\r\nContent-Length: 6\r\n\r\npoison" + LATER,
    "the status 20": b"HTTP/1.1 20 OK\r\nContent-Length: 6\r\n\r\npoison",
    "the status 2000": b"HTTP/1.1 2000 OK\r\nContent-Length: 6\r\n\r\npoison",
    "the status -200": b"HTTP/1.1 -200 OK\r\nContent-Length: 6\r\n\r\npoison",
    "the status abc": b"HTTP/1.1 abc OK\r\nContent-Length: 6\r\n\r\npoison",
    "another protocol": head_of("Upgrade: websocket", "Connection: Upgrade", status=101) + POISON,
    "another protocol, without its name": head_of(status=101) + POISON,
}
HOSTILE = {**FRAMED_TWICE, **NO_LENGTH, **NO_CHUNK, **NO_HEADER, **NO_STATUS}


@pytest.mark.parametrize("answer", HOSTILE.values(), ids=HOSTILE.keys())
async def test_what_is_no_answer_is_refused(pool: Pool, answer: bytes) -> None:
    """
    With a failure, not with a body; the next request gets its own answer, on its own connection.

    Whether the server waits afterwards, or closes, which does not make its nonsense whole.
    """
    within = call(first_byte_s=0.5, idle_s=0.5)
    async with RawUpstream(answering([answer, Ending.OPEN], LATER, [answer, Ending.CLOSE])) as upstream:
        found = await outcome(pool, post(upstream.address), within)
        await at_rest(pool)
        assert isinstance(found, Unreachable | StreamBroken), found
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))
        await upstream.connections[0].left.wait(10)

        found = await outcome(pool, post(upstream.address), within)
        assert isinstance(found, Unreachable | StreamBroken), found
        await empty(pool, upstream)


# --- what has no end

ENDLESS = {
    "a status line": (b"HTTP/1.1 200 ", b"O" * 65_536),
    "a header's name": (b"HTTP/1.1 200 OK\r\n", b"N" * 65_536),
    "a header's value": (b"HTTP/1.1 200 OK\r\nX: ", b"v" * 65_536),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 10_000),
    "interim answers": (b"", head_of(status=100) * 2_000),
    "interim answers with large heads": (b"", head_of("X: " + "y" * 60_000, status=103)),
    "empty lines before the answer": (b"", b"\r\n" * 30_000),
    "a chunk's extension": (head_of(CHUNKED) + b"5;", b"e" * 65_536),
    "a chunk's size": (head_of(CHUNKED), b"0" * 65_536),
    "trailers": (head_of(CHUNKED) + b"0\r\n", b"X: y\r\n" * 10_000),
    "a trailer": (head_of(CHUNKED) + b"0\r\nX: ", b"y" * 65_536),
}


@pytest.mark.parametrize(("start", "more"), ENDLESS.values(), ids=ENDLESS.keys())
async def test_what_has_no_end_is_cut(pool: Pool, start: bytes, more: bytes) -> None:
    """Long before a deadline, and after no more than what fits into sockets and a small buffer."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(start)
        while True:
            await connection.send(more)

    async with RawUpstream(script, buffer=65_536) as upstream:
        found = await outcome(pool, post(upstream.address))
        await empty(pool, upstream)

        assert isinstance(found, Unreachable | StreamBroken), found
        assert upstream.connections[0].sent < 2 << 20


@pytest.mark.parametrize(
    "piece", [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 300, b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 70_000 + b"\r\n"]
)
async def test_a_large_head_that_ends_is_refused_too(pool: Pool, piece: bytes) -> None:
    """More than 256 headers, or more than 64 KiB."""
    async with RawUpstream(answering([piece + b"Content-Length: 2\r\n\r\nok"], LATER)) as upstream:
        assert isinstance(await outcome(pool, post(upstream.address)), Unreachable)
        assert Taken(200, b"later") == await taken(pool, post(upstream.address))


async def test_a_body_may_have_no_end_and_fills_no_memory(pool: Pool) -> None:
    """It is handed out as it comes; whoever reads it says how much of it."""

    async def script(connection: Connection) -> None:
        await connection.request()
        await connection.send(head_of(CHUNKED))
        while True:
            await connection.send(b"10000\r\n" + b"x" * 65_536 + b"\r\n")

    async with RawUpstream(script) as upstream:
        before = resident()
        size = 0
        with await pool.send(post(upstream.address), call()) as incoming:
            while size < 64 << 20:
                size += len(await incoming.next_block())
        await empty(pool, upstream)

    assert resident() - before < 16 << 20


async def test_many_tiny_chunks_fill_no_memory(pool: Pool) -> None:
    """A chunk of one byte is six bytes on the wire, and not a hundred here."""
    body = b"1\r\nx\r\n" * 40_000
    async with RawUpstream(answering([head_of(CHUNKED) + body + LAST])) as upstream:
        assert Taken(200, b"x" * 40_000) == await taken(pool, post(upstream.address))


# --- what is an answer, and not one for us


@pytest.mark.parametrize("coding", ["gzip", "GZIP", " deflate", "br", "zstd", "gzip, identity", "x"])
async def test_a_compressed_answer_is_refused(pool: Pool, coding: str) -> None:
    """It was asked not to be; however much it would unpack to, nothing of it is read."""
    bomb = gzip.compress(bytes(1 << 20), mtime=0) * 4_000
    async with RawUpstream(answering(whole(bomb, f"Content-Encoding: {coding}"))) as upstream:
        before = resident()
        with pytest.raises(Malformed, match="compressed"):
            await Upstream(upstream.url, pool=pool).post("/v1/chat/completions", b"{}", call())
        await empty(pool, upstream)

        assert b"\r\naccept-encoding: identity\r\n" in upstream.requests[0].head
        assert resident() - before < 8 << 20


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(pool: Pool, status: int) -> None:
    """It is a failure, wherever it leads."""
    async with RawUpstream(answering(whole())) as other:
        redirect = whole(b"", f"Location: {other.url}/elsewhere", status=status)
        async with RawUpstream(answering(redirect, LATER)) as upstream:
            incoming = await Upstream(upstream.url, pool=pool).get("/v1/models", call())
            with incoming, pytest.raises(Malformed, match=str(status)):
                await read_whole(incoming)
            assert Taken(200, b"later") == await taken(pool, post(upstream.address))

            assert (1, 0) == (len(upstream.connections), len(other.connections))


# --- what happens to be no answer

GOOD = [
    whole(b"hello world"),
    chunked(b"hel", b"lo world"),
    head_of(status=100) + whole(b"hello world"),
    chunked(b"hello world", trailers=["X: y"]),
    whole(b"hello world", "Connection: close"),
    head_of(status=204),
    head_of() + b"hello world",
]
OTHER = st.sampled_from(
    [b"", b"\r", b"\n", b"\r\n", b"\0", b" ", b":", b"0", b"9", b"f", b"-", b",", b"chunked", b"\xff"]
)


@st.composite
def mangled(draw: st.DrawFn) -> list[Piece]:
    """Draw a good answer of which some bytes are others, missing or doubled, and which is cut somewhere."""
    answer = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(answer)))
        answer = answer[:at] + draw(OTHER | st.binary(max_size=3)) + answer[at + draw(st.integers(0, 3)) :]
    at = draw(st.integers(0, len(answer)))
    return [answer[:at], None, answer[at:], draw(st.sampled_from([Ending.CLOSE, Ending.RESET, Ending.KEEP]))]


@given(mangled())
@settings(max_examples=settings().max_examples // 2)
async def test_no_answer_however_mangled_upsets_the_pool(pieces: list[Piece]) -> None:
    """It is a whole answer, or a failure with a name; nothing hangs, and the next request gets its own answer."""
    async with closing(Pool()) as pool, RawUpstream(answering(pieces, LATER)) as upstream:
        await outcome(pool, post(upstream.address), call(first_byte_s=0.05, idle_s=0.05))
        await (at_rest(pool) if pieces[-1] is Ending.KEEP else empty(pool, upstream))

        assert Taken(200, b"later") == await taken(pool, post(upstream.address))
