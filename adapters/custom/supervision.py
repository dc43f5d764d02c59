"""Work of somebody else's code under deadlines: it may raise, hang, or ignore that it was cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from inspect import isawaitable
from typing import Any, NoReturn

import attrs

from adapters.custom.scrutiny import read_step
from domain.chat import ChatChunk
from domain.errors import (
    InvalidRequest,
    Malformed,
    ModelNotFound,
    NotSupported,
    ProviderFailure,
    StreamBroken,
    Unavailable,
    UpstreamTimeout,
)
from domain.policy.stream import StreamTrack
from domain.ports.providers import Call

GRACE_S = (0.3, 0.1, 0.1)
"""How long work may take to end after it was cancelled, and cancelled again, before it is left to itself."""

_MEANT = (ProviderFailure, InvalidRequest, ModelNotFound, NotSupported, Unavailable)
"""What a handler may raise and mean."""


async def supervised(work: Callable[[], object], call: Call) -> Any:
    """
    Return what awaiting `work()` gives, within the deadlines of a call.

    Raises `UpstreamTimeout` when they pass, and `Malformed`, which quotes nothing, for exceptions that say nothing to
    the gateway. A caller who is cancelled gets away at once, and within `GRACE_S` where the work does not end.
    """
    task = asyncio.create_task(_contained(work))  # noqa: TID251 - a TaskGroup would wait for work that never ends
    task.add_done_callback(_heard)
    try:
        await asyncio.wait((task,), timeout=min(call.first_byte_s, call.total_s))
    except asyncio.CancelledError:
        await _stop(task)
        raise
    if not task.done():
        await _stop(task)
        if call.first_byte_s < call.total_s:
            raise UpstreamTimeout("first_byte", call.first_byte_s)
        raise UpstreamTimeout("total", call.total_s)
    if task.cancelled():
        raise Malformed("no answer: its handler cancelled itself")
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, _MEANT):
        raise error
    raise _unmeant(error) from error


@attrs.frozen
class _Ending:
    """How the handler's stream ended: None where it just did."""

    error: BaseException | None = None


@attrs.define(eq=False)
class SupervisedStream:
    """
    A handler's stream, read in a task of its own, at most one step ahead of the reader.

    One task runs the handler's generator from its first step to its `aclose`, because much that a generator may hold
    open (timeouts, cancel scopes, connections) has to be left by the task that entered it.
    """

    _open: Callable[[], object]
    _call: Call
    _given: asyncio.Queue[Any] = attrs.field(factory=asyncio.Queue)
    _taken: asyncio.Event = attrs.field(factory=asyncio.Event)
    """The reader has the step given last: what the task waits for before it takes another."""
    _track: StreamTrack = attrs.field(factory=StreamTrack)
    _task: asyncio.Task[None] | None = None
    _deadline: float = 0.0
    _begun: bool = False
    """The reader had chunks."""
    _ended: bool = False
    """The handler's stream came to its end by itself."""
    _over: bool = False
    """The reader wants no more."""

    def __aiter__(self) -> AsyncIterator[Sequence[ChatChunk]]:
        """Return itself."""
        return self

    async def __anext__(self) -> Sequence[ChatChunk]:
        """Return the next chunks; every failure closes the handler's stream first."""
        if self._over:
            raise StopAsyncIteration
        if self._task is None:
            self._deadline = asyncio.get_running_loop().time() + self._call.total_s
            self._task = asyncio.create_task(self._pump())  # noqa: TID251 - as above
            self._task.add_done_callback(_heard)
        try:
            return await self._next()
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        """End the handler's stream; what does not end within `GRACE_S` is left to itself."""
        self._over = True
        if self._task is None:
            return
        if self._ended:
            await asyncio.wait((self._task,), timeout=GRACE_S[0])
        await _stop(self._task)

    async def _next(self) -> Sequence[ChatChunk]:
        step = await self._step()
        if isinstance(step, _Ending):
            self._ended = True
            if step.error is not None:
                self._fail(step.error)
            if not self._track.complete:
                raise StreamBroken
            raise StopAsyncIteration
        chunks = read_step(step)
        for chunk in chunks:
            self._track.saw(chunk.choices)
        self._begun = True
        return chunks

    async def _step(self) -> Any:
        """Wait for the next step, as long as the call allows."""
        seconds = self._call.idle_s if self._begun else self._call.first_byte_s
        own = asyncio.get_running_loop().time() + seconds
        try:
            async with asyncio.timeout_at(min(own, self._deadline)):
                step = await self._given.get()
        except TimeoutError:
            if own < self._deadline:
                raise UpstreamTimeout("idle" if self._begun else "first_byte", seconds) from None
            raise UpstreamTimeout("total", self._call.total_s) from None
        self._taken.set()
        return step

    def _fail(self, error: BaseException) -> NoReturn:
        """Raise what a caller hears of an exception: once chunks are out, only a provider's failure has words."""
        if isinstance(error, ProviderFailure if self._begun else _MEANT):
            raise error
        raise (StreamBroken() if self._begun else _unmeant(error)) from error

    async def _pump(self) -> None:
        """Take step after step from the handler's stream, and close it."""
        stream: Any = None
        ending = _Ending()
        try:
            stream = self._open()
            if not hasattr(stream, "__aiter__"):
                raise Malformed("something that is no stream")
            async for step in stream:
                if self._over:
                    break
                self._given.put_nowait(step)
                await self._taken.wait()
                self._taken.clear()
        except (Exception, SystemExit, asyncio.CancelledError) as error:  # noqa: BLE001 - it is the operator's code
            ending = _Ending(error)
        self._given.put_nowait(ending)
        close = getattr(stream, "aclose", None) or getattr(stream, "close", None)
        if close is not None:
            await _contained(close)


async def _contained(work: Callable[[], object]) -> Any:
    """Await work, and keep `SystemExit` from ending the process."""
    try:
        found = work()
        return await found if isawaitable(found) else found
    except SystemExit as error:
        raise Malformed("no answer: its handler wanted to exit") from error


async def _stop(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait a little for its end."""
    for seconds in GRACE_S:
        if task.done():
            return
        task.cancel()
        await asyncio.wait((task,), timeout=seconds)


def _heard(task: asyncio.Task[Any]) -> None:
    """Take note of how a task ended, so that asyncio does not report as unheard what has nobody to hear it."""
    if not task.cancelled():
        task.exception()


def _unmeant(error: BaseException) -> Malformed:
    """Return a failure with words of the gateway's own; those of the exception may hold secrets."""
    return Malformed(f"no answer: its handler raised {type(error).__name__}")
