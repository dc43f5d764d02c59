"""The head of an answer, as bytes."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from http import HTTPStatus

Header = tuple[bytes, bytes]

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++")
_CONTROLS = bytes([*range(9), *range(10, 32), 127])
_AS_LINE_END = bytes.maketrans(_CONTROLS, b"\n" * len(_CONTROLS))


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return b"HTTP/1.1 %d %s" % (status, phrase.encode())


STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}
"""The first line for each status, without its end."""


@lru_cache(maxsize=512)
def _lead(name: bytes) -> bytes:
    """Return what stands before a header's value."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header.")
    return b"\r\n" + name.lower() + b": "


def lines_of(headers: Collection[Header]) -> bytes:
    """Return headers as lines, each with a line end before it; raises `ValueError` for one that would be more."""
    lines = b"".join([_lead(name) + value for name, value in headers])
    if lines.translate(_AS_LINE_END).count(b"\n") != 2 * len(headers):  # the two characters of each one's line end
        raise ValueError("The value of a header holds control characters.")
    return lines


def headers_of(lines: bytes) -> list[Header]:
    """Return the headers of lines that `lines_of` made."""
    found = (line.partition(b": ") for line in lines.split(b"\r\n")[1:])
    return [(name, value) for name, _, value in found]


def head_of(status: int, headers: Collection[Header]) -> bytes:
    """Return a whole head; raises as `lines_of`."""
    return b"%b%b\r\n\r\n" % (STATUS_LINES[status], lines_of(headers))
