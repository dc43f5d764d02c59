"""Hostile bytes are refused, wherever they are cut; what only looks like them is served."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.adapters.http.vectors import BENIGN, HOSTILE, SMUGGLED, Benign, Vector, get
from tests.fakes.wired import Listening

LONG = 400
"""What is longer than this is cut at some places only."""


def cuts(data: bytes, *, everywhere: bool) -> list[int]:
    """Return where to cut bytes."""
    length = len(data)
    if length > LONG:
        step = max(1, length // (200 if everywhere else 8))
        return list(range(step // 2, length, step))
    return list(range(1, length)) if everywhere else list(range(1 + sum(data) % 4, length, 4))


async def check_hostile(listening: Listening, vector: Vector, parts: list[bytes], *, settling: bool) -> None:
    """See that bytes get their refusal, and nothing else."""
    wired = listening.connect()
    await wired.exchange(parts, settling=settling)

    refused = [(answer.status, answer.code, answer.headers["connection"]) for answer in wired.answers]
    assert [(vector.status, vector.code, "close")] == refused, wired.pipe.written
    assert ([], True) == (listening.echo.asked, wired.over)


async def check_hostile_cut(vector: Vector, *, everywhere: bool) -> None:
    """See that bytes get their refusal in one piece and in any two."""
    data = vector.request + SMUGGLED
    listening = Listening()

    await check_hostile(listening, vector, [data], settling=True)
    for cut in cuts(data, everywhere=everywhere):
        await check_hostile(listening, vector, [data[:cut], data[cut:]], settling=cut % 8 < 4)


@pytest.mark.parametrize("vector", HOSTILE, ids=lambda vector: vector.name)
async def test_hostile_bytes_are_refused(vector: Vector) -> None:
    """A typed error, the end of the connection, and no second request, wherever they are cut."""
    await check_hostile_cut(vector, everywhere=False)


@pytest.mark.soak
@pytest.mark.parametrize("vector", HOSTILE, ids=lambda vector: vector.name)
async def test_hostile_bytes_are_refused_wherever_they_are_cut(vector: Vector) -> None:
    """The same at every byte."""
    await check_hostile_cut(vector, everywhere=True)


@pytest.mark.parametrize("vector", HOSTILE, ids=lambda vector: vector.name)
async def test_hostile_bytes_behind_a_good_request_are_refused(vector: Vector) -> None:
    """The good one is answered first."""
    listening = Listening()
    wired = listening.connect()
    await wired.exchange([get() + vector.request + SMUGGLED])

    assert [(200, None), (vector.status, vector.code)] == [(answer.status, answer.code) for answer in wired.answers]
    assert ([("GET", b"/")], True) == ([(asked.method, asked.target) for asked in listening.echo.asked], wired.over)


async def check_benign(listening: Listening, benign: Benign, parts: list[bytes], *, settling: bool) -> None:
    """See that bytes are the requests that they are, each answered in its turn, and that the connection goes on."""
    listening.echo.asked.clear()
    wired = listening.connect()

    await wired.exchange(parts, settling=settling)

    asked = listening.echo.asked
    assert list(benign.bodies) == [request.body for request in asked], parts
    assert [(200, number) for number in range(1, len(benign.bodies) + 1)] == [
        (answer.status, answer.json["number"]) for answer in wired.answers
    ]
    assert (b" HTTP/1.0" in benign.requests) is wired.over
    assert not any(name == b"authorization" for request in asked for name, _ in request.headers)


async def check_benign_cut(benign: Benign, *, everywhere: bool) -> None:
    """See that bytes are the same requests in one piece and in any two."""
    data = benign.requests
    listening = Listening()

    await check_benign(listening, benign, [data], settling=True)
    for cut in cuts(data, everywhere=everywhere):
        await check_benign(listening, benign, [data[:cut], data[cut:]], settling=cut % 8 < 4)


@pytest.mark.parametrize("benign", BENIGN, ids=lambda benign: benign.name)
async def test_what_only_looks_hostile_is_served(benign: Benign) -> None:
    """What HTTP allows works, however odd it is, wherever it is cut."""
    await check_benign_cut(benign, everywhere=False)


@pytest.mark.soak
@pytest.mark.parametrize("benign", BENIGN, ids=lambda benign: benign.name)
async def test_what_only_looks_hostile_is_served_wherever_it_is_cut(benign: Benign) -> None:
    """The same at every byte."""
    await check_benign_cut(benign, everywhere=True)


@given(
    st.sampled_from([vector.request + SMUGGLED for vector in HOSTILE] + [benign.requests for benign in BENIGN]),
    st.sets(st.integers(0, 1 << 20), max_size=12),
    st.booleans(),
)
async def test_cuts_change_nothing(request: bytes, chosen: set[int], settling: bool) -> None:
    """However many pieces bytes come in, and however fast, the answers are those that they get in one piece."""
    places = sorted({1 + place % (len(request) - 1) for place in chosen})
    parts = [request[start:end] for start, end in zip([0, *places], [*places, len(request)], strict=True)]
    whole, cut = Listening(), Listening()
    expected, found = whole.connect(), cut.connect()

    await expected.exchange([request])
    await found.exchange(parts, settling=settling)

    assert (whole.echo.asked, expected.over) == (cut.echo.asked, found.over)
    assert [(answer.status, answer.code) for answer in expected.answers] == [
        (answer.status, answer.code) for answer in found.answers
    ]
