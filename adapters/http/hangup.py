"""Watches whether the caller is still there, while the gateway works for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import attrs

from adapters.http.visit import Visit
from domain.errors import ClientGone


@attrs.define
class _Watch:
    visit: Visit
    worker: asyncio.Task[object]
    quiet_s: float
    when_quiet: Callable[[], Awaitable[None]] | None
    gone: bool = False

    async def run(self) -> None:
        """Wait for the caller to hang up, then stop the worker; in between, note when nothing was sent for long."""
        while True:
            try:
                async with asyncio.timeout(self._patience() or self.quiet_s if self.when_quiet else None):
                    message = await self.visit.receive()
            except TimeoutError:
                if self.when_quiet is not None and not self._patience():
                    await self.when_quiet()
                continue
            if message["type"] == "http.disconnect":
                if not self.visit.complete:  # after a complete answer the server says so too
                    self.gone = True
                    self.worker.cancel()
                return

    def _patience(self) -> float:
        """Return the seconds until nothing will have been sent for too long, 0 when that is so already."""
        return max(0.0, self.visit.last_write + self.quiet_s - self.visit.clock.monotonic())


@asynccontextmanager
async def while_present(
    visit: Visit, *, quiet_s: float = 15.0, when_quiet: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[None]:
    """
    Cancel what is done inside once, when the caller hangs up, and raise `ClientGone` when it has cleaned up.

    The server does not cancel a handler by itself. `when_quiet` is called each time nothing was sent for `quiet_s`
    seconds.
    """
    worker = asyncio.current_task()
    assert worker is not None  # noqa: S101 - a coroutine runs in a task
    watch = _Watch(visit, worker, quiet_s, when_quiet)
    # Not a TaskGroup: the one that is cancelled here is the worker, by the watcher.
    watcher = asyncio.get_running_loop().create_task(watch.run())
    try:
        yield
    except asyncio.CancelledError:
        if watch.gone and worker.uncancel() == 0:
            raise ClientGone from None
        raise
    except BaseException:
        if watch.gone:
            await _absorb(worker)
        raise
    else:
        if watch.gone:
            await _absorb(worker)
            raise ClientGone
    finally:
        watcher.cancel()


async def _absorb(worker: asyncio.Task[object]) -> None:
    """Take the cancellation that came when the work was already done."""
    try:
        await asyncio.sleep(0)
    except asyncio.CancelledError:
        if worker.uncancel() > 0:
            raise
