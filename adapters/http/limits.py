"""What a connection, and all of them together, may take of a process."""

from __future__ import annotations

import attrs


@attrs.frozen
class Limits:
    """
    Bounds of the wire: sizes in bytes, durations in seconds.

    The defaults are for a gateway behind a load balancer, through which all callers come from a few addresses: many
    connections, and no bound for one address.
    """

    head_bytes: int = 32 << 10
    head_fields: int = 100
    head_s: float = 10.0
    """From the first byte of a head to its last."""
    silent_s: float = 10.0
    """From a connection's beginning to the first byte on it."""
    idle_s: float = 75.0
    """Between two requests: longer than most load balancers wait, so that they close first and lose no request."""
    held_bytes: int = 64 << 10
    """What may wait of a body that nobody asks for, or of requests before their turn; then nothing more is read."""
    write_idle_s: float = 60.0
    """How long an answer may be taken by nobody."""
    linger_s: float = 10.0
    """How long is read on after the last answer: who is still sending would lose the answer with the connection."""
    linger_bytes: int = 512 << 20
    connections: int = 10_000
    connections_of_address: int = 10_000
    turned_away: int = 256
    """How many connections beyond the bound are told so at a time; any more are just closed."""
    turned_away_s: float = 1.0
