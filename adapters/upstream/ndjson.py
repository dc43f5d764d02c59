"""JSON lines, coming in: bytes as the network cut them → whole lines."""

from __future__ import annotations

import attrs

from domain.errors import Malformed

MAX_LINE_BYTES = 1 << 20


@attrs.define
class NdjsonFraming:
    """Splits a stream into lines; blank lines are dropped."""

    _buffer: bytearray = attrs.field(factory=bytearray)

    def feed(self, block: bytes) -> list[bytes]:
        """Return the lines that this block completes; a line beyond 1 MiB raises `Malformed`."""
        return self.split(self.cut(block))

    def cut(self, block: bytes) -> bytes:
        """Return the text of the lines that this block completes."""
        searched = len(self._buffer)
        self._buffer += block
        end = self._buffer.rfind(b"\n", searched)
        whole = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        self._check_size(len(self._buffer))
        return whole

    @staticmethod
    def first(text: bytes) -> tuple[bytes, bytes]:
        """Return the text of the first line, and that of the others."""
        end = text.find(b"\n") + 1
        return text[:end], text[end:]

    def split(self, text: bytes) -> list[bytes]:
        """Return the lines of a text; one beyond 1 MiB raises `Malformed`."""
        lines = [line for line in text.split(b"\n") if line.strip()]
        self._check_size(max(map(len, lines), default=0))
        return lines

    def end(self) -> list[bytes]:
        """Return a last line that no newline closed."""
        rest = bytes(self._buffer).strip()
        self._buffer.clear()
        return [rest] if rest else []

    @staticmethod
    def _check_size(size: int) -> None:
        if size > MAX_LINE_BYTES:
            raise Malformed(f"a line of more than {MAX_LINE_BYTES} bytes")
