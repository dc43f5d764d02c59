"""What a request under way needs of the connection that it came on."""

from __future__ import annotations

import asyncio
from typing import Protocol


class Flow(Protocol):
    """Whether the connection takes more, and whether more is read from it."""

    write_paused: bool

    async def drain(self) -> None:
        """Wait until it takes more."""
        ...

    def pause_reading(self) -> None:
        """Read no more for now."""
        ...

    def resume_reading(self) -> None:
        """Go on reading."""
        ...


class Connection(Protocol):
    """What a cycle needs of its connection."""

    transport: asyncio.Transport
    held_bytes: int
    """How much of a body may wait."""

    @property
    def flow(self) -> Flow:
        """Its pace."""
        ...

    def answered(self) -> None:
        """The answer is complete."""
        ...

    def await_due(self) -> None:
        """See to it that `fall_due` is called in `due_s` seconds."""
        ...

    def tell_unexpected(self, event: str, error: BaseException | None) -> None:
        """Log a fault of the application."""
        ...
