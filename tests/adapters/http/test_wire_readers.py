"""What passes is read by another reader of HTTP in the same way: no one in front of the gateway sees other requests."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.http.vectors import BENIGN, HOSTILE, SMUGGLED
from tests.fakes.echo import Asked
from tests.fakes.wired import Listening

LINES = [b"GET ", b"POST ", b"/", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"Host: x\r\n", b"Connection: close\r\n"]
LENGTHS = [b"Content-Length: ", b"Transfer-Encoding: chunked\r\n", b"chunked", b"identity", b"close", b"36"]
CHUNKS = [b"0\r\n\r\n", b"5\r\nhello\r\n", b"0", b"1", b"5", b"+", b"-", b"0x", b"_"]
MARKS = [b"\r\n", b"\n", b"\r", b" ", b"\t", b"\0", b":", b",", b";", b"\x0b", b"\xff", b"x"]
PIECES = [*LINES, *LENGTHS, *CHUNKS, *MARKS, SMUGGLED]
SEEDS = [benign.requests for benign in BENIGN] + [v.request for v in HOSTILE if len(v.request) < 400]

WAYS = st.sampled_from(["insert", "replace", "delete", "double"])
EDITS = st.lists(st.tuples(WAYS, st.integers(0, 1 << 16), st.sampled_from(PIECES)), max_size=4)


def edited(data: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    """Change bytes a little."""
    for how, place, piece in edits:
        at = place % (len(data) + 1)
        rest = at + 1 + place % 7
        match how:
            case "insert":
                data = data[:at] + piece + data[at:]
            case "replace":
                data = data[:at] + piece + data[at + len(piece) :]
            case "delete":
                data = data[:at] + data[rest:]
            case _:
                data = data[:rest] + data[at:]
    return data


def read_by_another(data: bytes) -> tuple[list[Asked], bool]:
    """Return the requests that h11 sees, and whether it sees a fault behind them."""
    found: list[Asked] = []
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=64 << 10)
    connection.receive_data(data)
    try:
        while isinstance(request := connection.next_event(), h11.Request):
            body = b""
            while isinstance(event := connection.next_event(), h11.Data):
                body += event.data
            if not isinstance(event, h11.EndOfMessage):
                break
            headers = tuple((bytes(name), bytes(value)) for name, value in request.headers)
            found.append(Asked(request.method.decode(), bytes(request.target), headers, body))
            connection.send(h11.Response(status_code=200, headers=[("content-length", "0")]))
            connection.send(h11.EndOfMessage())
            if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                break
            connection.start_next_cycle()
    except h11.ProtocolError:
        return found, True
    return found, False


def plain(headers: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    """Return headers without what readers may spell in their own way."""
    return [
        (name, value.strip(b" \t").lower() if name == b"transfer-encoding" else value.strip(b" \t"))
        for name, value in headers
        if name not in {b"upgrade", b"x-upgrade"}
    ]


async def check_read_alike(data: bytes) -> None:
    """See that another reader sees what was served, and sees it so, as far as it does not refuse it."""
    listening = Listening()
    wired = listening.connect()
    await wired.exchange([data])

    ours = listening.echo.asked
    theirs, refused = read_by_another(data)
    assert refused or len(theirs) >= len(ours), data
    for our, their in zip(ours, theirs, strict=False):
        assert (our.method, our.body, plain(our.headers)) == (their.method, their.body, plain(their.headers))
        assert our.target in their.target  # which may have the host before it


@pytest.mark.parametrize("data", SEEDS, ids=range(len(SEEDS)))
async def test_odd_requests_are_read_alike(data: bytes) -> None:
    """Those of the tables, and a good one behind them."""
    await check_read_alike(data + SMUGGLED)


@given(st.sampled_from(SEEDS), EDITS)
async def test_broken_requests_are_read_alike(seed: bytes, edits: list[tuple[str, int, bytes]]) -> None:
    """Those of the tables with something in them, or missing from them, that nobody thought of."""
    await check_read_alike(edited(seed, edits))


@pytest.mark.soak
@given(st.sampled_from(SEEDS), EDITS)
@settings(max_examples=100_000)
async def test_very_many_broken_requests_are_read_alike(seed: bytes, edits: list[tuple[str, int, bytes]]) -> None:
    """The same for many more."""
    await check_read_alike(edited(seed, edits))
