"""Cancelling at every place where something can be cancelled: not at some time, but at its n-th wait."""

from __future__ import annotations

import asyncio
import enum
import types
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from itertools import count
from typing import Any, TypeVar

import attrs

Result = TypeVar("Result")


class Moment(enum.Enum):
    """When a wait is cancelled."""

    WAITING = "waiting"
    """Once the task waits."""
    WOKEN = "woken"
    """When what it waits for has come, and before the task goes on: it has both, and must let go of what came."""


@attrs.frozen
class Interrupted:
    """How it went: whether the work had as many waits as that, and what it came to; None where it was cancelled."""

    step: int
    reached: bool
    result: Any = None
    error: BaseException | None = None


async def interrupted(work: Coroutine[Any, Any, Result], step: int, moment: Moment) -> Interrupted:
    """Do some work in a task of its own, which is cancelled at its wait number `step`, counted from 1."""
    reached = False

    def cancel(*_unused: object) -> None:
        nonlocal reached
        reached = True
        task.cancel()

    async def done() -> Result:
        return await _stepping(work, step, moment, cancel)

    task = asyncio.get_running_loop().create_task(done())
    await asyncio.wait({task})
    if task.cancelled():
        return Interrupted(step, reached)
    return Interrupted(step, reached, None if task.exception() else task.result(), task.exception())


async def at_every_wait(
    work: Callable[[], Coroutine[Any, Any, Result]], moment: Moment, limit: int = 10_000
) -> AsyncIterator[Interrupted]:
    """Do the work again and again, cancelled at its first wait, its second one …; ends once it was not cancelled."""
    for step in count(1):
        found = await interrupted(work(), step, moment)
        yield found
        if not found.reached:
            return
        assert step < limit, "the work never ends"


@types.coroutine
def _stepping(
    work: Coroutine[Any, Any, Result], step: int, moment: Moment, cancel: Callable[..., None]
) -> Generator[Any, Any, Result]:
    """Pass on what the work waits for, and have it cancelled at one of these waits."""
    loop = asyncio.get_running_loop()
    failure: BaseException | None = None
    for wait in count(1):
        try:
            future = work.send(None) if failure is None else work.throw(failure)
        except StopIteration as over:
            result: Result = over.value
            return result
        if wait == step:
            if future is None or moment is Moment.WAITING:
                loop.call_soon(cancel)
            else:
                future.add_done_callback(cancel)
        try:
            failure = None
            yield future
        except BaseException as error:  # noqa: BLE001 - it is the work's to handle
            failure = error
    raise AssertionError
