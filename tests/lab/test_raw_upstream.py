"""The raw upstream sends what its script says, and notes what it gets, byte for byte."""

from __future__ import annotations

import socket
import ssl

import pytest
import trustme

from tests.fakes.answers import Ending
from tests.fakes.signals import Signal
from tests.lab import sockets
from tests.lab.raw_upstream import Connection, RawUpstream
from tests.lab.said import answering, chunked, head_of, whole
from tests.lab.streams import dialled, read_all

GET = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
CHUNKS = b"POST /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


async def test_requests_are_noted_byte_for_byte() -> None:
    """Each answer goes out as it was given; the last one serves for ever."""
    one, two = whole(b"one"), chunked(b"t", b"wo")
    async with RawUpstream(answering(one, two)) as upstream, dialled(upstream.address) as (reader, writer):
        writer.write(GET + POST + CHUNKS)
        answers = await reader.readexactly(len(one) + 2 * len(two))

    assert one + 2 * two == answers
    assert [GET, POST, CHUNKS] == [asked.raw for asked in upstream.requests]
    assert ["/a", "/b", "/c"] == [asked.target for asked in upstream.requests]
    assert b"hello" == upstream.requests[1].body
    assert GET + POST + CHUNKS == bytes(upstream.connections[0].received)


async def test_a_gate_holds_what_follows_it() -> None:
    """The test opens it."""
    gate = Signal()
    script = answering([head_of("Content-Length: 2"), gate, b"ok"])
    async with RawUpstream(script) as upstream, dialled(upstream.address) as (reader, writer):
        writer.write(GET)
        await upstream.holding.wait(10)
        sent = upstream.connections[0].sent
        gate.set()

        answer = await reader.readexactly(sent + 2)

    assert whole() == answer
    assert len(whole()) - 2 == sent


@pytest.mark.parametrize(("ending", "error"), [(Ending.CLOSE, None), (Ending.RESET, ConnectionResetError)])
async def test_an_answer_may_end_the_connection(ending: Ending, error: type[Exception] | None) -> None:
    """In order, or with a RST."""
    async with RawUpstream(answering([b"HTTP/1.1 2", ending])) as upstream:
        async with dialled(upstream.address) as (reader, writer):
            writer.write(GET)
            if error is None:
                assert b"HTTP/1.1 2" == await reader.read()
            else:
                with pytest.raises(error):
                    await read_all(reader)

        await upstream.drained.wait(10)


@pytest.mark.parametrize("rst", [False, True])
@pytest.mark.parametrize("pieces", [[Ending.OPEN], [Signal()]])
async def test_it_notes_how_a_client_leaves(rst: bool, pieces: list[Ending | Signal]) -> None:
    """While it has nothing to say, or waits at a gate."""
    async with RawUpstream(answering(pieces)) as upstream:
        client = await sockets.dialled(upstream.address)
        client.send(GET)
        await upstream.asked.wait(10)

        (sockets.reset if rst else sockets.hang_up)(client)

        await upstream.connections[0].left.wait(10)
        await upstream.drained.wait(10)
    assert (Ending.RESET if rst else Ending.CLOSE) is upstream.connections[0].left_by


async def test_what_it_was_not_told_to_read_stays_unread() -> None:
    """So that a client can be made to wait until it reads."""

    async def script(connection: Connection) -> None:
        await connection.head()
        await connection.wait(gate)
        await connection.until_left()

    gate = Signal()
    async with RawUpstream(script, buffer=4096) as upstream:
        client = await sockets.dialled(upstream.address, 4096)
        client.send(POST[:-5])
        await upstream.holding.wait(10)
        taken = 0
        try:
            while taken < 1 << 20:
                taken += client.send(b"x" * 4096)
        except BlockingIOError:
            pass
        read = len(upstream.connections[0].received)
        gate.set()
        client.setblocking(True)
        client.shutdown(socket.SHUT_WR)

        await upstream.drained.wait(10)
        client.close()

    assert taken < 1 << 18
    assert read <= len(POST) - 5 + sockets.BLOCK
    assert len(POST) - 5 + taken == len(upstream.connections[0].received)


async def test_a_request_that_breaks_off_is_none() -> None:
    """What came of it is kept."""
    async with RawUpstream(answering(whole())) as upstream:
        async with dialled(upstream.address) as (_, writer):
            writer.write(POST[:-2])
        await upstream.drained.wait(10)

    assert ([], POST[:-2]) == (upstream.requests, bytes(upstream.connections[0].received))


async def test_it_speaks_tls() -> None:
    """With the certificate it was given, and a word of good-bye."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("lab.internal").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    long = whole(b"x" * 200_000)
    async with (
        RawUpstream(answering(whole(), [long, Ending.CLOSE]), tls=server) as upstream,
        dialled(upstream.address, ssl=client, server_hostname="lab.internal") as (reader, writer),
    ):
        writer.write(POST)
        assert whole() == await reader.readexactly(len(whole()))
        writer.write(GET)
        assert long == await reader.read()
    assert [POST, GET] == [asked.raw for asked in upstream.requests]


async def test_a_fault_of_the_script_fails_the_test() -> None:
    """When the upstream is left."""

    async def script(_connection: Connection) -> None:
        raise ZeroDivisionError

    upstream = RawUpstream(script)
    with pytest.raises(ZeroDivisionError):
        async with upstream, dialled(upstream.address) as (reader, _):
            assert b"" == await reader.read()
