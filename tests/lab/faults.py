"""What can be wrong with a connection, said beforehand."""

from __future__ import annotations

import enum
import math

import attrs

from tests.lab.sockets import BLOCK


class Cut(enum.Enum):
    """What happens in place of a byte."""

    END = "end"
    """The whole connection is closed in order, on both sides."""
    RESET = "reset"
    """The whole connection is torn down: both sides get a RST."""
    HALF = "half"
    """The receiver is told that no more will come; the other direction goes on."""
    SILENCE = "silence"
    """Nothing comes any more in this direction: it is read, and dropped."""
    STALL = "stall"
    """Nothing is read any more in this direction, so that its sender's window closes."""


class Idle(enum.Enum):
    """How a server closes a connection on which it waits for a request, at the very moment when one comes."""

    UNREAD = "unread"
    """It never reads a byte of it. The system answers with a RST."""
    READ = "read"
    """It has read what came, and closes in order."""
    RESET = "reset"
    """It has read what came, and tears the connection down."""
    PASSED = "passed"
    """The upstream gets it, and the client its connection closed."""


@attrs.frozen
class Way:
    """
    What happens to the bytes of one direction of a connection.

    Offsets count from the start of the connection. The byte at `cut_at` is not passed on: when it comes, `cut` happens
    in its place. The one at `corrupt_at` has all its bits turned. `delay_s` is waited for when the first byte has come,
    `interval_s` after each piece, of at most `piece` bytes.
    """

    delay_s: float = 0.0
    piece: int = BLOCK
    interval_s: float = 0.0
    cut_at: int | None = None
    cut: Cut = Cut.END
    corrupt_at: int | None = None

    @classmethod
    def at_rate(cls, bytes_per_s: float) -> Way:
        """Return a way that so many bytes pass in a second, in pieces of a fiftieth of that."""
        piece = max(1, math.floor(bytes_per_s / 50))
        return cls(piece=piece, interval_s=piece / bytes_per_s)


@attrs.frozen
class Plan:
    """
    What happens to one connection.

    `connect_s` passes between accepting it and dialling the upstream. `request` is the way from the client, `answer`
    the one to it. `idle` ends the connection as soon as the first byte of its request number `idle_at` comes: a request
    is what the client sends first, or after bytes of an answer.
    """

    connect_s: float = 0.0
    request: Way = attrs.field(factory=Way)
    answer: Way = attrs.field(factory=Way)
    idle: Idle | None = None
    idle_at: int = 2
