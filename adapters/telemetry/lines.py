"""Log lines: one JSON object each, on one line whatever is in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

import attrs
import msgspec

from domain.ports.clock import Clock

MAX_DEPTH = 8
MAX_INTEGER = 2**63

# JSON leaves these as they are, though some readers end a line at them, act upon them, or show text backwards.
_UNRULY = re.compile("[\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@attrs.define(eq=False)
class Lines:
    """Encodes lines and stamps them with the time."""

    _clock: Clock
    _encoder: msgspec.json.Encoder = attrs.field(factory=msgspec.json.Encoder, init=False, repr=False)
    _second: int = attrs.field(default=-1, init=False)
    _second_text: str = attrs.field(default="", init=False)

    def time(self) -> str:
        """Return the time in ISO 8601, UTC, to the millisecond."""
        now = self._clock.now()
        second = int(now)
        if second != self._second:
            self._second_text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            self._second = second
        return f"{self._second_text}{int((now - second) * 1000):03d}Z"

    def event(self, fields: Mapping[str, object]) -> bytes:
        """Return the line of an event; a value that is no plain one becomes the name of its type."""
        return self.encode(_plain(fields, MAX_DEPTH))

    def dropped(self, lines: int) -> bytes:
        """Return the line that says that others are missing."""
        return self.event({"time": self.time(), "level": "warning", "event": "log lines dropped", "dropped": lines})

    def encode(self, record: msgspec.Struct | dict[str, object]) -> bytes:
        """Return the line of a record of plain values; it ends with its one newline."""
        try:
            line = self._encoder.encode(record)
        except (UnicodeError, OverflowError):
            line = self._encoder.encode(_plain(record, MAX_DEPTH))
        if not line.isascii() or b"\x7f" in line:
            line = _UNRULY.sub(lambda found: f"\\u{ord(found[0]):04x}", line.decode()).encode()
        return line + b"\n"


def _plain(value: object, depth: int) -> Any:
    """Return a value with nothing in it that JSON has no form for, or that shows more of itself than it should."""
    match value:
        case None | bool() | float():
            return value
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case int():
            return value if abs(value) < MAX_INTEGER else "<int>"
        case PurePath():
            return _plain(str(value), depth)
        case Mapping() if depth:
            return {_plain(str(name), 0): _plain(member, depth - 1) for name, member in value.items()}
        case list() | tuple() if depth:
            return [_plain(element, depth - 1) for element in value]
        case msgspec.Struct():
            return _plain(msgspec.structs.asdict(value), depth)
        case _:
            # Never repr: what an object shows of itself may hold a prompt or a key.
            return f"<{type(value).__name__}>"
