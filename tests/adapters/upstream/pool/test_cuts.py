"""A connection that ends at any byte of an answer: what came before is never taken for the whole."""

from __future__ import annotations

import pytest

from adapters.upstream.pool import Pool
from domain.errors import ProviderFailure, StreamBroken, Unreachable
from tests.adapters.upstream.pool.pooling import Taken, both_loops, call, empty, post, taken
from tests.lab.faults import Cut, Plan, Way
from tests.lab.proxy import FaultProxy
from tests.lab.raw_upstream import RawUpstream
from tests.lab.said import answering, chunked, whole

pytestmark = both_loops

BODY = b'{"choices":[{"message":{"content":"' + b"0123456789abcdef" * 118 + b'"}}]}'
EVENTS = [b'data: {"choices":[{"delta":{"content":"%03d"}}]}\n\n' % number for number in range(34)]
ANSWERS = {
    "whole": (whole(BODY, "Content-Type: application/json"), BODY),
    "stream": (chunked(*EVENTS, b"data: [DONE]\n\n", headers=["Content-Type: text/event-stream"]), None),
}
STREAM = b"".join([*EVENTS, b"data: [DONE]\n\n"])


def places(answer: bytes) -> list[int]:
    """Return some places of an answer: those where something changes, and others between them."""
    head = answer.index(b"\r\n\r\n")
    ends = range(len(answer) - 8, len(answer))
    return sorted({0, 1, 8, 9, 12, 16, 17, *range(head - 3, head + 12), *range(0, len(answer), 97), *ends})


async def broken(pool: Pool, proxy: FaultProxy, whole_body: bytes) -> None:
    """Ask once, over a connection that will be cut; see that no more is told than came, and that nothing is held."""
    read = bytearray()

    async def ask() -> None:
        with await pool.send(post(proxy.address), call()) as incoming:
            while block := await incoming.next_block():
                read.extend(block)

    with pytest.raises(ProviderFailure) as caught:
        await ask()

    assert isinstance(caught.value, StreamBroken if read else Unreachable | StreamBroken)
    assert whole_body.startswith(bytes(read))
    await empty(pool)


async def prove(pool: Pool, name: str, cut: Cut, at: list[int]) -> None:
    """Cut an answer at these places, then at none."""
    answer, body = ANSWERS[name][0], ANSWERS[name][1] or STREAM
    plans = [Plan(answer=Way(cut_at=place, cut=cut)) for place in at]
    async with (
        RawUpstream(answering(answer)) as upstream,
        FaultProxy(upstream.address, lambda number: plans[number - 1] if number <= len(plans) else Plan()) as proxy,
    ):
        for place in at:
            await broken(pool, proxy, body)
            assert proxy.links[-1].answered == place
        assert Taken(200, body) == await taken(pool, post(proxy.address))

        assert len(at) + 1 == len(upstream.requests) == len(proxy.links)


@pytest.mark.parametrize("cut", [Cut.END, Cut.RESET])
@pytest.mark.parametrize("name", ANSWERS)
async def test_no_part_of_an_answer_is_taken_for_the_whole(pool: Pool, name: str, cut: Cut) -> None:
    """The connection is given up each time, and the request is not sent again."""
    await prove(pool, name, cut, places(ANSWERS[name][0]))


@pytest.mark.soak
@pytest.mark.parametrize("cut", [Cut.END, Cut.RESET])
@pytest.mark.parametrize("name", ANSWERS)
async def test_no_part_of_an_answer_is_taken_for_the_whole_at_every_byte(pool: Pool, name: str, cut: Cut) -> None:
    """All 2 KB of it."""
    await prove(pool, name, cut, list(range(len(ANSWERS[name][0]))))


@pytest.mark.parametrize("cut", [Cut.END, Cut.RESET])
async def test_an_answer_on_a_kept_connection_breaks_off_too(pool: Pool, cut: Cut) -> None:
    """Whoever asked before has got their answer; who asks now is told, and the request is not sent again."""
    answer = ANSWERS["whole"][0]
    for place in (1, 20, len(answer) - 1):
        async with (
            RawUpstream(answering(answer)) as upstream,
            FaultProxy(upstream.address, Plan(answer=Way(cut_at=len(answer) + place, cut=cut))) as proxy,
        ):
            assert Taken(200, BODY) == await taken(pool, post(proxy.address))
            await broken(pool, proxy, BODY)
            assert (2, 1) == (len(upstream.requests), len(proxy.links))


async def test_a_turned_byte_is_an_answer_or_a_failure(pool: Pool) -> None:
    """Whatever it turns, nobody waits for ever, and nothing is held."""
    answer = chunked(b"hello", b"world", headers=["X: y"])
    plans = [Plan(answer=Way(corrupt_at=place)) for place in range(len(answer))]
    async with (
        RawUpstream(answering(answer)) as upstream,
        FaultProxy(upstream.address, lambda number: plans[min(number, len(plans)) - 1]) as proxy,
    ):
        while len(proxy.links) < len(plans):
            with_deadline = call(first_byte_s=0.02, idle_s=0.02)
            try:
                await taken(pool, post(proxy.address), with_deadline)
            except ProviderFailure:
                await empty(pool)
            else:
                proxy.hang_up()
                await empty(pool)
