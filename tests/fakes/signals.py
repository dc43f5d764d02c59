"""Things that happen in one thread and are waited for in another."""

from __future__ import annotations

import asyncio
import threading

import attrs


@attrs.define(eq=False)
class Signal:
    """
    An `asyncio.Event` for any number of event loops, and for threads without one.

    A server that runs in a thread of its own sets it; tests wait for it from theirs, and the other way round.
    """

    _flag: threading.Event = attrs.field(factory=threading.Event)
    _waiting: set[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = attrs.field(factory=set)

    def set(self) -> None:
        """Say that it has happened."""
        self._flag.set()
        for loop, event in self._waiting.copy():
            loop.call_soon_threadsafe(event.set)

    def clear(self) -> None:
        """Begin anew."""
        self._flag.clear()

    def is_set(self) -> bool:
        """Whether it has happened."""
        return self._flag.is_set()

    async def wait(self, seconds: float | None = None) -> None:
        """Wait in an event loop; raises `TimeoutError` if it takes longer than that."""
        waiter = (asyncio.get_running_loop(), asyncio.Event())
        self._waiting.add(waiter)
        try:
            if not self._flag.is_set():
                async with asyncio.timeout(seconds):
                    await waiter[1].wait()
        finally:
            self._waiting.discard(waiter)

    def wait_here(self, seconds: float = 10.0) -> None:
        """Wait in a thread without an event loop; raises `TimeoutError` if it takes longer than that."""
        if not self._flag.wait(seconds):
            raise TimeoutError
