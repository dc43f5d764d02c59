"""The head of an answer, as bytes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from http import HTTPStatus

Header = tuple[bytes, bytes]

CONTENT_LENGTH = b"content-length"
TRANSFER_ENCODING = b"transfer-encoding"
CONNECTION = b"connection"

_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]++")
_CONTROLS = bytes([*range(9), *range(10, 32), 127])


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return b"HTTP/1.1 %d %s" % (status, phrase.encode())


_STATUS_LINES = {status: _status_line(status) for status in range(100, 600)}


@lru_cache(maxsize=512)
def _lead(name: bytes) -> bytes:
    """Return what stands before a header's value."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a header.")
    return b"\r\n" + name.lower() + b": "


def head_of(status: int, headers: Iterable[Header]) -> bytes:
    """Return a whole head; raises `ValueError` for a header that would be more than one."""
    parts = [_STATUS_LINES[status]]
    for name, value in headers:
        parts += (_lead(name), value)
    parts.append(b"\r\n\r\n")
    head = b"".join(parts)
    # Two bytes of line end for each header, which has two parts here, and four at the end of the head.
    if len(head) - len(head.translate(None, _CONTROLS)) != len(parts) + 2:
        raise ValueError("The value of a header holds control characters.")
    return head
