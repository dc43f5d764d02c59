"""Server-sent events, however the network cut them and whatever ends their lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.upstream.sse import MAX_EVENT_BYTES, SseFraming
from domain.errors import Malformed

LINES = [
    "",
    "",
    "data: one",
    "data:two",
    "data:  three",
    "data:",
    "data",
    "data: {",
    ": ping",
    ":",
    "event: message",
    "id: 7",
    "retry: 10",
    "datax: no",
    " data: no",
    "data: a:b",
    "data: \u2028 \u2029 \x85 \x0b \x0c \x1c é 😀",
    "data: \ufeff",
    "unknown",
]
ENDS = ["\n", "\r\n", "\r"]
TEXTS = st.lists(st.tuples(st.sampled_from(LINES), st.sampled_from(ENDS)), max_size=12).map(
    lambda lines: "".join(line + end for line, end in lines)
)
PLAIN = st.lists(st.sampled_from([*"data: x\n\r\ufeff", "data", "\n\n", "\r\r"]), max_size=30).map("".join)


def events(blocks: Sequence[bytes]) -> list[bytes]:
    """Return what the framing makes of a stream in these blocks."""
    framing = SseFraming()
    found = [data for block in blocks for data in framing.feed(block)]
    return found + framing.end()


def reference(stream: bytes) -> list[bytes]:
    """
    Read a whole stream as https://html.spec.whatwg.org/multipage/server-sent-events.html says, line by line.

    But for its end: an event that no blank line closes counts too.
    """
    lines = re.split(r"\r\n|\n|\r", stream.decode().removeprefix("\ufeff"))
    found: list[bytes] = []
    data: list[str] = []
    for line in [*lines, ""]:
        if line == "":
            if data:
                found.append("\n".join(data).encode())
            data = []
            continue
        if line.startswith(":"):
            continue
        field, colon, value = line.partition(":")
        if field == "data":
            data.append(value[1:] if colon and value.startswith(" ") else value)
    return found


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    """Cut a stream at these places, which may be the same."""
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(TEXTS | PLAIN, st.booleans(), st.lists(st.integers(0, 400), max_size=8))
@example("data: a\r\n\r\ndata: b\r\n\r\n", False, [8])
@example("data: a\r\r\n", False, [8, 9])
@example("\n\ndata: a\n\n", True, [1, 2, 3])
def test_it_reads_what_the_specification_reads(text: str, bom: bool, places: list[int]) -> None:
    """Whole or cut anywhere, through characters, line ends and the mark at the start too."""
    stream = (b"\xef\xbb\xbf" if bom else b"") + text.encode()
    expected = reference(stream)

    assert expected == events([stream])
    assert expected == events(cut(stream, places))
    assert expected == events([stream[place : place + 1] for place in range(len(stream))])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_an_event_is_there_as_soon_as_its_blank_line_is(end: str) -> None:
    """It does not wait for what follows; a CR may be all there is of a line's end."""
    framing = SseFraming()

    assert [] == framing.feed(f"data: a{end}".encode())
    assert [b"a"] == framing.feed(end.encode())
    assert [b"b"] == framing.feed(f"data: b{end}{end}".encode())
    assert [] == framing.end()


def test_lines_of_data_are_joined() -> None:
    """By the line end that stood between them, whatever it was."""
    assert [b"a\n\nb"] == events([b"data: a\r\ndata\rdata: b\n\n"])


def test_what_only_looks_like_a_line_end_is_text() -> None:
    """Python's own `splitlines` would cut there."""
    data = '{"a":"\u2028\u2029\x85\x0b\x0c\x1c\x1d\x1e"}'.encode()

    assert [data] == events([b"data: " + data + b"\n\n"])


def test_a_last_event_needs_no_blank_line() -> None:
    """Many servers leave it out; what was cut in the middle will not be a chunk."""
    assert [b"a", b"b"] == events([b"data: a\n\ndata: b"])


def test_comments_and_other_fields_are_nothing() -> None:
    """They keep the connection alive, no more."""
    assert [] == events([b": ping\n\nevent: ping\nid: 1\nretry: 5\n\n\n\r\n"])


def test_a_mark_is_dropped_at_the_start_only() -> None:
    """Elsewhere it is text."""
    mark = "\ufeff".encode()

    assert [b"a", b"x" + mark] == events([mark + b"data: a\n\n" + mark + b"data: no\n\ndata: x" + mark + b"\n\n"])


def test_an_event_has_a_largest_size() -> None:
    """Whether its end came or not; many small ones may come together."""
    small = b"data: " + b"x" * 1000 + b"\n\n"
    large = b"data: " + b"x" * MAX_EVENT_BYTES

    assert 2000 == len(events([small * 2000]))
    assert MAX_EVENT_BYTES - 6 == len(events([b"data: " + b"x" * (MAX_EVENT_BYTES - 6) + b"\n\n"])[0])
    with pytest.raises(Malformed):
        events([large + b"\n\n"])
    with pytest.raises(Malformed):
        events([large[: 1 << 19], large[1 << 19 :]])
    with pytest.raises(Malformed):
        events([small + large])


def test_a_large_event_in_small_blocks_takes_no_longer_than_its_length() -> None:
    """The framing does not begin anew with each block."""
    data = b"x" * 900_000
    stream = b"data: " + data + b"\n\n"

    assert [data] == events([stream[place : place + 100] for place in range(0, len(stream), 100)])
