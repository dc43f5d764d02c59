"""Server-sent events, coming in: bytes as the network cut them → the data of each event."""

from __future__ import annotations

import attrs

from domain.errors import Malformed

MAX_EVENT_BYTES = 1 << 20
END = b"\n\n"
"""What ends an event, once all line ends are alike."""
_BOM = b"\xef\xbb\xbf"


@attrs.define
class SseFraming:
    """
    Splits a stream into events, whatever its line ends are and wherever it was cut.

    Lines end with LF, CR LF or CR, and with nothing else: U+2028 and its like are text. Comments and the fields
    `event`, `id` and `retry` are dropped. See https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream.
    """

    _buffer: bytearray = attrs.field(factory=bytearray)
    _after_cr: bool = False
    _started: bool = False

    def feed(self, block: bytes) -> list[bytes]:
        """Return the data of the events that this block completes; an event beyond 1 MiB raises `Malformed`."""
        return self.split(self.cut(block))

    def cut(self, block: bytes) -> bytes:
        """Return the text of the events that this block completes, whatever ended its lines; raises as `feed` does."""
        if self._after_cr and block.startswith(b"\n"):
            block = block[1:]
            self._after_cr = False
        if block:
            self._after_cr = block.endswith(b"\r")
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        if not self._buffer and self._started and block.endswith(END):
            return block
        searched = max(len(self._buffer) - 1, 0)
        self._buffer += block
        if not self._started and not self._skip_bom():
            return b""
        end = self._buffer.rfind(END, searched)
        if end < 0:
            self._check_size(len(self._buffer))
            return b""
        whole = bytes(self._buffer[: end + len(END)])
        del self._buffer[: end + len(END)]
        self._check_size(len(self._buffer))
        return whole

    @staticmethod
    def first(text: bytes) -> tuple[bytes, bytes]:
        """Return the text of the first event, and that of the others."""
        end = text.find(END) + len(END)
        return text[:end], text[end:]

    def split(self, text: bytes) -> list[bytes]:
        """Return the data of whole events; one beyond 1 MiB raises `Malformed`."""
        return self._events(text[: -len(END)]) if text else []

    def end(self) -> list[bytes]:
        """Return the data of a last event that no blank line closed: many servers leave it out."""
        rest = bytes(self._buffer)
        self._buffer.clear()
        return self._events(rest)

    def _events(self, text: bytes) -> list[bytes]:
        found = []
        for event in text.split(END):
            self._check_size(len(event))
            data = _data_of(event)
            if data is not None:
                found.append(data)
        return found

    def _skip_bom(self) -> bool:
        """Drop a byte order mark at the very start; False while it cannot be told yet."""
        if self._buffer.startswith(_BOM):
            del self._buffer[: len(_BOM)]
        elif _BOM.startswith(self._buffer):
            return False
        self._started = True
        return True

    @staticmethod
    def _check_size(size: int) -> None:
        if size > MAX_EVENT_BYTES:
            raise Malformed(f"an event of more than {MAX_EVENT_BYTES} bytes")


def _data_of(event: bytes) -> bytes | None:
    """Return the data of one event's lines, None where it has no data."""
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = [line.partition(b":") for line in event.split(b"\n")]
    data = [value.removeprefix(b" ") for field, _, value in lines if field == b"data"]
    return b"\n".join(data) if data else None
