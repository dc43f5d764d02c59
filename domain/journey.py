"""What one request meets on its way, written down as it happens."""

from __future__ import annotations

import enum

import attrs

from domain.usage import Usage


class Ending(enum.Enum):
    """How a request ended: exactly one of these."""

    OPEN = "open"
    FINISHED = "finished"
    REFUSED = "refused"
    FAILED = "failed"
    CLIENT_GONE = "client_gone"


@attrs.define
class Journey:
    """
    The way of one request: the use cases write it, whoever reports on the request reads it.

    It is an object beside the answer, not part of it, because a request that fails or whose caller hangs
    up has no answer but still has a way. Durations are in seconds.
    """

    request_id: str = ""
    caller: str = ""
    provider: str = ""
    """The provider last tried, "" before the first attempt."""
    model: str = ""
    """The upstream's name of the model last tried."""
    attempts: int = 0
    upstream_s: float = 0.0
    """Time spent waiting for upstreams."""
    usage: Usage | None = None
    relayed: dict[str, str] = attrs.field(factory=dict)
    """Headers of the upstream's that the caller may see, lower case."""
    ending: Ending = Ending.OPEN

    def end(self, ending: Ending) -> None:
        """Note how the request ended; the first ending counts, later ones change nothing."""
        if self.ending is Ending.OPEN:
            self.ending = ending
