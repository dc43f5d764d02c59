"""Watches whether the caller is still there, while the gateway works for them."""

from __future__ import annotations

import asyncio
from types import TracebackType

import attrs

from adapters.http.visit import Visit
from domain.errors import ClientGone

QUIET_S = 15.0


def while_present(visit: Visit, *, quiet_s: float = QUIET_S, comment: bytes = b"") -> _Presence:
    """
    Return a context that cancels what is done inside once, when the caller hangs up, and raises `ClientGone` when it
    has cleaned up.

    A server does not cancel a handler by itself. `comment` is sent, when an answer has begun, each time nothing was
    sent for `quiet_s` seconds.
    """
    return _Presence(visit, quiet_s, comment)


@attrs.define(eq=False)
class _Presence:
    """
    The gateway's own server calls when the caller is gone and when it is time to say something.

    Other servers have to be asked, by a task of its own.
    """

    _visit: Visit
    _quiet_s: float
    _comment: bytes
    _worker: asyncio.Task[object] | None = None
    _watcher: asyncio.Task[None] | None = None
    _gone: bool = False

    async def __aenter__(self) -> None:
        self._worker = asyncio.current_task()
        contact = self._visit.contact
        if contact is None:
            # Not a TaskGroup: the one that is cancelled here is the worker, by the watcher.
            self._watcher = asyncio.get_running_loop().create_task(self._watch())
            return
        if self._comment:
            contact.when_due(self._patience() or self._quiet_s, self._break_silence)
        contact.when_gone(self._leave)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if not self._gone or self._worker is None:
            return
        if isinstance(error, asyncio.CancelledError):
            if self._worker.uncancel() == 0:
                raise ClientGone from None
            return
        await self._absorb(self._worker)
        if error is None:
            raise ClientGone

    def _stop(self) -> None:
        contact = self._visit.contact
        if self._watcher is not None:
            self._watcher.cancel()
        elif contact is not None:
            contact.when_gone(None)
            if self._comment:
                contact.when_due(0.0, None)

    def _leave(self) -> None:
        """The caller has hung up; after a complete answer a server says so too."""
        if not self._visit.complete and not self._gone and self._worker is not None:
            self._gone = True
            self._worker.cancel()

    async def _absorb(self, worker: asyncio.Task[object]) -> None:
        """Take the cancellation that came when the work was already done."""
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError:
            if worker.uncancel() > 0:
                raise

    async def _watch(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._patience() or self._quiet_s if self._comment else None):
                    message = await self._visit.receive()
            except TimeoutError:
                if self._is_silent():
                    await self._visit.write_events(self._comment)
                continue
            if message["type"] == "http.disconnect":
                self._leave()
                return

    def _break_silence(self) -> float:
        """Say something where nothing was said for long; return the seconds until that may be due again."""
        if self._is_silent():
            self._visit.interject(self._comment)
        return self._patience() or self._quiet_s

    def _is_silent(self) -> bool:
        """Whether an answer is under way, and nothing was sent for too long, and nothing is just being sent."""
        visit = self._visit
        return visit.status != 0 and not visit.complete and not visit.writing and not self._patience()

    def _patience(self) -> float:
        """Return the seconds until nothing will have been sent for too long, 0 when that is so already."""
        return max(0.0, self._visit.last_write + self._quiet_s - self._visit.clock.monotonic())
