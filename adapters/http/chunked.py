"""Where a chunked body ends."""

from __future__ import annotations

import re

import attrs

from adapters.http.errors import HttpRefusal

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,12})((?:;[\t\x20-\x7e\x80-\xff]*+)?)\r\n")
MAX_LINE = 256
MAX_ASIDE = 8 << 10
"""Bytes of extensions and trailers, which mean nothing here."""
MANY_CHUNKS = 10_000
BYTES_PER_CHUNK = 128
"""Beyond so many chunks they must have so many bytes on the average: each costs more to read than its bytes."""


@attrs.define(eq=False)
class ChunkedEnd:
    """
    Finds the last byte of a chunked body, of which parts are shown to it one after the other.

    What is between is the parser's to read. To know the end without it is what keeps a body's bytes from being taken
    for another request: both must find it at the same place.
    """

    _line: bytearray = attrs.field(factory=bytearray)
    _left: int = 0
    _in_trailer: bool = False
    _aside: int = 0
    _chunks: int = 0
    _bytes: int = 0
    found: bool = False

    def seek(self, data: bytes) -> int:
        """Return how many of these bytes belong to the body; raises `HttpRefusal` where they can be no such body."""
        at = 0
        while at < len(data) and not self.found:
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            end = data.find(b"\n", at) + 1 or len(data)
            self._line += data[at:end]
            if len(self._line) > MAX_LINE:
                raise _bad("A line between its chunks is too long.")
            if self._line.endswith(b"\n"):
                self._read(bytes(self._line))
                self._line.clear()
            at = end
        return at

    def _read(self, line: bytes) -> None:
        if self._in_trailer:
            self.found = line == b"\r\n"
            self._aside += len(line)
        else:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise _bad("The size of a chunk cannot be read.")
            self._count(int(size[1], 16), len(size[2]))
        if self._aside > MAX_ASIDE:
            raise _bad("There is too much between its chunks or behind them.")

    def _count(self, size: int, aside: int) -> None:
        self._aside += aside
        self._chunks += 1
        self._bytes += size
        if self._chunks > MANY_CHUNKS + self._bytes // BYTES_PER_CHUNK:
            raise _bad("Its chunks are too small.")
        self._in_trailer = size == 0
        self._left = size + 2 if size else 0


def _bad(what: str) -> HttpRefusal:
    return HttpRefusal(400, f"The body is not well chunked. {what}", "invalid_http")
