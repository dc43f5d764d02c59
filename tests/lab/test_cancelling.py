"""Every wait is found, and cancelled in both ways; measures tell what is held."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

import pytest

from tests.lab.cancelling import Interrupted, Moment, at_every_wait, interrupted
from tests.lab.measures import held, slope, until


async def woken(value: int) -> int:
    """Wait for a value that comes in the next turn of the loop."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[int] = loop.create_future()
    loop.call_soon(future.set_result, value)
    return await future


async def two_waits(got: list[int]) -> str:
    """Wait, take, wait, take."""
    got.append(await woken(1))
    await asyncio.sleep(0)
    got.append(await woken(2))
    return "whole"


@pytest.mark.parametrize("moment", list(Moment))
async def test_every_wait_is_cancelled_once(moment: Moment) -> None:
    """The last time it is left alone, and ends as it does."""
    got: list[list[int]] = []

    def work() -> Coroutine[object, object, str]:
        got.append([])
        return two_waits(got[-1])

    found = [each async for each in at_every_wait(work, moment)]

    assert [[], [1], [1], [1, 2]] == got
    assert [Interrupted(step, reached=True) for step in (1, 2, 3)] == found[:3]
    assert Interrupted(4, reached=False, result="whole") == found[3]


@pytest.mark.parametrize("moment", list(Moment))
async def test_the_moment_is_before_or_after_what_came(moment: Moment) -> None:
    """A task that is woken and cancelled at once has to give back what came."""
    came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def waiting() -> bool:
        if moment is Moment.WOKEN:
            asyncio.get_running_loop().call_soon(came.set_result, None)
        try:
            await came
        except asyncio.CancelledError:
            return came.done() and not came.cancelled()
        return False

    found = await interrupted(waiting(), 1, moment)

    assert (True, moment is Moment.WOKEN) == (found.reached, found.result)


async def test_what_the_work_raises_is_told() -> None:
    """Where it was not cancelled."""

    async def failing() -> None:
        raise ZeroDivisionError

    assert isinstance((await interrupted(failing(), 1, Moment.WAITING)).error, ZeroDivisionError)


async def test_tasks_and_files_are_counted() -> None:
    """Those of now."""
    before = held()
    with open("/dev/null", "rb"):  # noqa: ASYNC230, PTH123 - it is a file, no matter how
        task = asyncio.get_running_loop().create_task(asyncio.sleep(0))
        during = held()
    await task
    await until(lambda: held() == before)

    assert (before.files + 1, before.tasks + 1) == (during.files, during.tasks)


def test_a_slope_is_not_moved_by_outliers() -> None:
    """It is that of most points."""
    assert 2.0 == slope([(x, 2 * x + (1000 if x == 7 else 0)) for x in range(20)])
