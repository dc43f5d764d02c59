"""The fault proxy does what it is planned to do, and nothing else."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import nullcontext, suppress

import attrs
import pytest

from tests.fakes.openai_double import OpenAIDouble
from tests.fakes.raw_client import exchange
from tests.lab import sockets
from tests.lab.command_line import main
from tests.lab.faults import Cut, Idle, Plan, Way
from tests.lab.proxy import FaultProxy
from tests.lab.raw_upstream import Connection, RawUpstream
from tests.lab.said import answering, whole
from tests.lab.streams import dialled, read_all

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
ANSWER = whole(b"0123456789" * 10)


@attrs.define
class Pauses:
    """Notes how long is paused for, and does not."""

    seconds: list[float] = attrs.field(factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
async def upstream() -> AsyncIterator[RawUpstream]:
    async with RawUpstream(answering(ANSWER)) as upstream:
        yield upstream


@pytest.fixture
async def proxy(upstream: RawUpstream) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(upstream.address) as proxy:
        yield proxy


async def asked(proxy: FaultProxy, request: bytes = GET) -> bytes:
    """Send a request and return all that comes back, until the connection ends or the answer is whole."""
    async with dialled(proxy.address) as (reader, writer):
        writer.write(request)
        try:
            return await reader.readexactly(len(ANSWER))
        except asyncio.IncompleteReadError as end:
            return end.partial


async def test_it_passes_on_what_it_gets(upstream: RawUpstream, proxy: FaultProxy) -> None:
    """One request after the other, and it counts."""
    async with dialled(proxy.address) as (reader, writer):
        for _ in range(3):
            writer.write(GET)
            assert ANSWER == await reader.readexactly(len(ANSWER))
    await proxy.drained.wait(10)

    [link] = proxy.links
    assert (3 * len(GET), 3 * len(ANSWER), 3) == (link.asked, link.answered, link.requests)
    assert (Cut.END, 3) == (link.left_by, len(upstream.requests))


@pytest.mark.parametrize("at", [0, 1, 20, len(ANSWER) - 1])
async def test_an_answer_is_cut_in_place_of_a_byte(proxy: FaultProxy, upstream: RawUpstream, at: int) -> None:
    """All before it came through; the request did, too."""
    proxy.plan = Plan(answer=Way(cut_at=at))

    assert ANSWER[:at] == await asked(proxy)
    assert [GET] == [request.raw for request in upstream.requests]


@pytest.mark.parametrize("at", [0, 20])
async def test_a_reset_is_no_end(proxy: FaultProxy, at: int) -> None:
    """The client can tell them apart."""
    proxy.plan = Plan(answer=Way(cut_at=at, cut=Cut.RESET))

    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        with pytest.raises(ConnectionResetError):
            await read_all(reader)


async def test_a_whole_answer_is_not_cut_at_its_length(proxy: FaultProxy) -> None:
    """The next one is, at its first byte."""
    proxy.plan = Plan(answer=Way(cut_at=len(ANSWER)))

    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        assert ANSWER == await reader.readexactly(len(ANSWER))
        writer.write(GET)
        assert b"" == await reader.read()


@pytest.mark.parametrize("cut", [Cut.END, Cut.RESET])
async def test_a_request_is_cut_in_place_of_a_byte(proxy: FaultProxy, upstream: RawUpstream, cut: Cut) -> None:
    """The upstream got all before it."""
    proxy.plan = Plan(request=Way(cut_at=10, cut=cut))
    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        with pytest.raises(ConnectionResetError) if cut is Cut.RESET else nullcontext():
            assert b"" == await read_all(reader)
    await upstream.drained.wait(10)

    assert (GET[:10], []) == (bytes(upstream.connections[0].received), upstream.requests)


async def test_half_of_a_connection_may_be_closed(proxy: FaultProxy, upstream: RawUpstream) -> None:
    """The client is told the end, and what it still sends arrives."""
    proxy.plan = Plan(answer=Way(cut_at=5, cut=Cut.HALF))
    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        assert ANSWER[:5] == await reader.read()
        upstream.asked.clear()
        writer.write(GET)
        await upstream.asked.wait(10)
    await proxy.drained.wait(10)

    assert 2 == len(upstream.requests)


@pytest.mark.parametrize("cut", [Cut.SILENCE, Cut.STALL])
async def test_an_answer_may_fall_silent(proxy: FaultProxy, cut: Cut) -> None:
    """The client gets no more, and that it leaves is noticed."""
    proxy.plan = Plan(answer=Way(cut_at=7, cut=cut))
    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        assert ANSWER[:7] == await reader.readexactly(7)
        assert not reader.at_eof()
    await proxy.links[0].left.wait(10)

    assert Cut.END is proxy.links[0].left_by


async def test_a_stalled_request_closes_the_window(upstream: RawUpstream) -> None:
    """The client can send no more than the system holds."""
    plan = Plan(request=Way(cut_at=1, cut=Cut.STALL))
    async with FaultProxy(upstream.address, plan, buffer=4096) as proxy, dialled(proxy.address) as (_, writer):
        writer.write(b"x" * (8 << 20))
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await writer.drain()

        assert 1 == proxy.links[0].asked
        writer.transport.abort()


async def test_pauses_come_where_they_are_planned(upstream: RawUpstream) -> None:
    """Before the upstream is dialled, before the first byte, and after each piece."""
    pauses = Pauses()
    plan = Plan(connect_s=3, answer=Way(delay_s=2, piece=50, interval_s=1))
    async with FaultProxy(upstream.address, plan, sleep=pauses) as proxy:
        assert ANSWER == await asked(proxy)
        await proxy.drained.wait(10)

    assert [3, 2, *[1] * -(-len(ANSWER) // 50)] == pauses.seconds


def test_a_rate_is_pieces_with_pauses() -> None:
    """However low it is."""
    assert (1, 2.0) == (Way.at_rate(0.5).piece, Way.at_rate(0.5).interval_s)
    assert (20, 0.02) == (Way.at_rate(1000).piece, Way.at_rate(1000).interval_s)


async def test_a_byte_may_be_turned(proxy: FaultProxy) -> None:
    """That one only."""
    proxy.plan = Plan(answer=Way(piece=3, corrupt_at=10))

    found = await asked(proxy)

    assert [10] == [place for place, (a, b) in enumerate(zip(ANSWER, found, strict=True)) if a != b]


@pytest.mark.parametrize("idle", list(Idle))
async def test_a_kept_connection_ends_as_the_next_request_comes(
    proxy: FaultProxy, upstream: RawUpstream, idle: Idle
) -> None:
    """In each manner; only then does the upstream get the request when that is planned."""
    proxy.plan = Plan(idle=idle)
    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        assert ANSWER == await reader.readexactly(len(ANSWER))
        writer.write(GET)
        with pytest.raises(ConnectionResetError) if idle in {Idle.UNREAD, Idle.RESET} else nullcontext():
            assert b"" == await read_all(reader)
    await upstream.drained.wait(10)

    assert (2 if idle is Idle.PASSED else 1) == len(upstream.requests)


async def test_idle_connections_can_be_closed_at_any_moment(proxy: FaultProxy, upstream: RawUpstream) -> None:
    """What is sent after that reaches nobody."""
    async with dialled(proxy.address) as (reader, writer):
        writer.write(GET)
        assert ANSWER == await reader.readexactly(len(ANSWER))

        proxy.hang_up()
        writer.write(GET)

        assert b"" == await reader.read()
    await proxy.drained.wait(10)
    assert (1, 1) == (len(upstream.requests), proxy.links[0].requests)


async def test_plans_may_differ_by_connection(proxy: FaultProxy) -> None:
    """By its number, from 1."""
    proxy.plan = lambda number: Plan(answer=Way(cut_at=0 if number == 2 else None))

    assert [ANSWER, b"", ANSWER] == [await asked(proxy) for _ in range(3)]


@pytest.mark.parametrize("rst", [False, True])
async def test_the_upstream_learns_that_the_client_left(proxy: FaultProxy, upstream: RawUpstream, rst: bool) -> None:
    """In the same manner."""
    upstream.script = _waiting
    client = await sockets.dialled(proxy.address)
    client.send(GET)
    await upstream.asked.wait(10)

    (sockets.reset if rst else sockets.hang_up)(client)

    await upstream.drained.wait(10)
    assert (Cut.RESET if rst else Cut.END) is proxy.links[0].left_by


async def test_nobody_and_black_hole() -> None:
    """One refuses; in the other, a connection never comes about."""
    with sockets.nobody() as address, pytest.raises(ConnectionRefusedError):
        await sockets.dialled(address)
    with sockets.black_hole() as address, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await sockets.dialled(address)


async def test_a_double_can_stand_behind_it() -> None:
    """Whatever speaks TCP can."""
    async with OpenAIDouble() as double, FaultProxy(("127.0.0.1", double.port), Plan(answer=Way(cut_at=100))) as proxy:
        straight = await exchange(double, stream=True)
        double.port = proxy.port

        assert straight[:100] == await exchange(double, stream=True)


async def test_it_is_a_command(upstream: RawUpstream) -> None:
    """It says where it listens, and tells of each connection."""
    host, port = upstream.address
    arguments = ["--to", f"{host}:{port}", "--cut-at", "3", "--rst", "--only", "1"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.lab.proxy", *arguments, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    host, _, listening = json.loads(await process.stdout.readline())["listening"].partition(":")
    found = []
    records = []
    for _ in range(2):
        async with dialled((host, int(listening))) as (reader, writer):
            writer.write(GET)
            with suppress(ConnectionResetError):
                found.append(await reader.readexactly(len(ANSWER)))
        records.append(json.loads(await process.stdout.readline()))
    process.terminate()

    assert [ANSWER] == found
    assert {"connection": 1, "asked": len(GET), "answered": 3, "left": None} == records[0]
    assert {"connection": 2, "asked": len(GET), "answered": len(ANSWER), "left": "end"} == records[1]
    assert 0 == await process.wait()


def test_the_command_explains_itself(capsys: pytest.CaptureFixture[str]) -> None:
    """Every fault has its option."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert 0 == ended.value.code
    assert "--cut-at" in capsys.readouterr().out


async def _waiting(connection: Connection) -> None:
    """Take a request, and say nothing."""
    await connection.request()
    await connection.until_left()
