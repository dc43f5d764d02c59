"""JSON lines, however the network cut them."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.upstream.ndjson import MAX_LINE_BYTES, NdjsonFraming
from domain.errors import Malformed
from tests.adapters.upstream.test_sse import cut

PARTS = [*'{"a":1} é😀\u2028\u2029\x85\x0b\x0c\r', "\n", "\r\n", "\n\n"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=40).map("".join)


def lines(*blocks: bytes) -> list[bytes]:
    """Return what the framing makes of a stream in these blocks."""
    framing = NdjsonFraming()
    found = [line for block in blocks for line in framing.feed(block)]
    return found + framing.end()


@given(TEXTS, st.lists(st.integers(0, 200), max_size=8))
@example('{"a":"é"}\r\n\r\n{"b":1}', [5, 6, 10])
def test_lines_are_the_same_wherever_the_stream_was_cut(text: str, places: list[int]) -> None:
    """Only LF ends a line, and blank ones are none; what else looks like a line end is text."""
    stream = text.encode()
    expected = [line.strip() for line in stream.split(b"\n") if line.strip()]

    assert expected == [line.strip() for line in lines(stream)]
    assert expected == [line.strip() for line in lines(*cut(stream, places))]
    assert expected == [line.strip() for line in lines(*[bytes([code]) for code in stream])]


def test_a_line_is_there_as_soon_as_it_ends() -> None:
    """The last one needs no end."""
    framing = NdjsonFraming()

    assert [] == framing.feed(b'{"a":1}')
    assert [b'{"a":1}', b'{"b":2}'] == framing.feed(b'\n{"b":2}\n{"c"')
    assert [b'{"c":3}'] == [*framing.feed(b":3}"), *framing.end()]
    assert [] == framing.end()


def test_a_line_has_a_largest_size() -> None:
    """Whether its end came or not; many small ones may come together."""
    small = b"x" * 1000 + b"\n"
    large = b"x" * (MAX_LINE_BYTES + 1)

    assert 2000 == len(lines(small * 2000))
    assert [MAX_LINE_BYTES] == [len(line) for line in lines(large[1:] + b"\n")]
    with pytest.raises(Malformed):
        lines(large + b"\n")
    with pytest.raises(Malformed):
        lines(large[: 1 << 19], large[1 << 19 :])
    with pytest.raises(Malformed):
        lines(small + large)
