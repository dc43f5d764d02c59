"""A handler's stream is whole or breaks visibly, its deadlines hold, and whoever waits for it gets away."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest

from adapters.custom.handler import GuardedHandler
from adapters.custom.supervision import GRACE_S
from adapters.wire.jsontext import document_of
from domain.chat import ChatChunk
from domain.document import Document
from domain.errors import Malformed, StreamBroken, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call
from tests.adapters.custom.fakes import CALL
from tests.adapters.custom.guarding import (
    ASKED,
    GOOD,
    HURRIED,
    MEANT,
    SHORT,
    STEPS,
    UNMEANT,
    chunk,
    complete,
    end,
    stream,
)
from tests.adapters.custom.handlers import SECRET, Scripted, Shout

BAD_STEPS = {
    "nothing": None,
    "no chunks": [],
    "a bare chunk": chunk([end()]),
    "text": "data: {}",
    "a list of text": ["x"],
    "a document": [document_of({"choices": []})],
    "a whole answer": [GOOD],
    "choices that are no list": [chunk("x")],
    "a choice that is text": [chunk(["x"])],
    "members that are no JSON": [ChatChunk(Document({"choices": b"{"}))],
    "a usage that is a number": [ChatChunk(document_of({"choices": []}), (), 7)],  # type: ignore[arg-type]
}


class TestBadStreams:
    """A stream is whole, or it breaks visibly."""

    @pytest.mark.parametrize("step", BAD_STEPS.values(), ids=BAD_STEPS)
    async def test_nonsense_is_malformed_and_closes_the_stream(self, step: Any) -> None:
        """At the start as in the middle."""
        for steps in ([step, *STEPS], [*STEPS[:1], step, *STEPS]):
            handler = Scripted(steps)
            with pytest.raises(Malformed):
                await stream(handler)
            assert handler.closed.is_set()

    @pytest.mark.parametrize(
        "steps",
        [
            [],
            STEPS[:-1],
            [[chunk([{"index": 0, "delta": {}}, end(1)])]],
            [[chunk([], usage={"prompt_tokens": 1})]],
        ],
        ids=["no chunks", "no reason", "one of two choices", "usage alone"],
    )
    async def test_an_answer_that_is_not_complete_is_broken(self, steps: Any) -> None:
        """Every choice seen has to finish, and there has to be one."""
        with pytest.raises(StreamBroken):
            await stream(Scripted(steps))

    @pytest.mark.parametrize("error", [*UNMEANT, *MEANT[2:]], ids=lambda error: type(error).__name__)
    async def test_an_exception_in_the_middle_breaks_the_stream(self, error: BaseException) -> None:
        """After what was good was given, and after the handler's generator was closed."""
        handler = Scripted([*STEPS[:2], error])
        seen: list[ChatChunk] = []
        with pytest.raises(StreamBroken) as failure:  # noqa: PT012 - what came before counts too
            async for step in GuardedHandler(handler).stream(ASKED, CALL):
                seen += step

        assert len(seen) == 3
        assert handler.closed.is_set()
        assert SECRET not in str(failure.value)

    async def test_a_providers_failure_in_the_middle_keeps_its_words(self) -> None:
        """The caller reads them in the stream."""
        with pytest.raises(UpstreamError, match="gone away"):
            await stream(Scripted([*STEPS[:2], UpstreamError(503, "gone away")]))

    @pytest.mark.parametrize("bad", [None, [], 7, Shout()], ids=lambda bad: type(bad).__name__)
    async def test_something_that_is_no_stream(self, bad: Any) -> None:
        """`stream` gives an asynchronous iterator."""

        class Bad:
            def stream(self, request: Any, call: Call) -> Any:
                return bad

        with pytest.raises(Malformed, match="no stream"):
            await anext(GuardedHandler(Bad()).stream(ASKED, CALL))

    async def test_a_coroutine_is_no_stream(self) -> None:
        """An `async def` without a `yield`; it is closed, so that nobody warns of it."""

        class Bad:
            async def stream(self, request: Any, call: Call) -> Any:
                return None

        with pytest.raises(Malformed, match="no stream"):
            await anext(GuardedHandler(Bad()).stream(ASKED, CALL))

    async def test_a_finished_or_failed_stream_stays_finished(self) -> None:
        """Reading on gives nothing, closing again does nothing."""
        for steps in (STEPS, [ValueError()]):
            reading = GuardedHandler(Scripted(steps)).stream(ASKED, CALL)
            with pytest.raises((StopAsyncIteration, Malformed)):  # noqa: PT012 - it is read to its end
                while True:
                    await anext(reading)
            with pytest.raises(StopAsyncIteration):
                await anext(reading)
            await reading.aclose()
            await reading.aclose()


class TestHangingHandlers:
    """Deadlines hold, and whoever waits gets away."""

    @pytest.mark.parametrize("stubborn", [False, True])
    async def test_a_whole_answer_has_until_the_first_byte(self, stubborn: bool) -> None:
        """Or until the end of the call, whichever is earlier, also where the handler ignores that it was cancelled."""
        with pytest.raises(UpstreamTimeout) as early:
            await complete(1.0, GOOD, call=HURRIED, stubborn=stubborn)
        with pytest.raises(UpstreamTimeout) as late:
            await complete(1.0, GOOD, call=Call("m", first_byte_s=9, total_s=SHORT), stubborn=stubborn)

        assert (early.value.phase, early.value.after_s) == ("first_byte", SHORT)
        assert (late.value.phase, late.value.after_s) == ("total", SHORT)

    @pytest.mark.parametrize(
        ("steps", "call", "phase"),
        [
            ([9.0, *STEPS], HURRIED, "first_byte"),
            ([*STEPS[:1], 9.0], HURRIED, "idle"),
            ([*STEPS[:1], 9.0], Call("m", total_s=SHORT), "total"),
            ([9.0], Call("m", total_s=SHORT), "total"),
        ],
    )
    async def test_a_stream_has_a_deadline_for_each_step(self, steps: Any, call: Call, phase: str) -> None:
        """For the first, between two, and for all; then the handler's generator is closed."""
        handler = Scripted(steps)
        with pytest.raises(UpstreamTimeout) as failure:
            await stream(handler, call)

        assert (failure.value.phase, failure.value.after_s) == (phase, SHORT)
        assert handler.closed.is_set()

    async def test_a_stream_that_goes_on_and_on_meets_the_total(self) -> None:
        """Steps that come in time do not push it back."""
        with pytest.raises(UpstreamTimeout, match="did not finish"):
            await stream(Scripted([step for _ in range(99) for step in (STEPS[0], 0.01)]), Call("m", total_s=SHORT))

    @pytest.mark.parametrize("stubborn", [False, True])
    @pytest.mark.parametrize("streamed", [False, True])
    async def test_cancelling_gets_through(self, streamed: bool, stubborn: bool) -> None:
        """At once where the handler lets itself be cancelled, within the grace where it does not."""
        handler = Scripted([0.8, GOOD], stubborn=stubborn)
        guard = GuardedHandler(handler)
        ask: Callable[[], Awaitable[Any]] = (
            (lambda: anext(guard.stream(ASKED, CALL))) if streamed else (lambda: guard.complete(ASKED, CALL))
        )
        begun = anyio.current_time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(SHORT):
                await ask()

        assert anyio.current_time() - begun < SHORT + (sum(GRACE_S) + 0.2 if stubborn else 0.2)
        assert bool(handler.swallowed) is stubborn

    @pytest.mark.parametrize("read", [1, 2])
    async def test_closing_reaches_the_handlers_generator(self, read: int) -> None:
        """Wherever it stands."""
        handler = Scripted([*STEPS, 9.0])
        reading = GuardedHandler(handler).stream(ASKED, CALL)
        for _ in range(read):
            await anext(reading)
        await reading.aclose()

        assert handler.closed.is_set()
        with pytest.raises(StopAsyncIteration):
            await anext(reading)

    async def test_closing_a_stubborn_stream_is_bounded(self) -> None:
        """And it ends when its generator looks up: what it gives then is dropped."""
        handler = Scripted([STEPS[0], 0.7, *STEPS], stubborn=True)
        reading = GuardedHandler(handler).stream(ASKED, CALL)
        await anext(reading)
        begun = anyio.current_time()
        await reading.aclose()

        assert anyio.current_time() - begun < sum(GRACE_S) + 0.2
        with anyio.fail_after(2):
            await handler.closed.wait()

    async def test_a_generator_is_run_and_closed_by_one_task(self) -> None:
        """So that it may hold a timeout or a cancel scope open across its steps."""

        class Scoped:
            async def stream(self, request: Any, call: Call) -> Any:
                with anyio.CancelScope():
                    async with asyncio.timeout(5):
                        for step in STEPS:
                            yield step

        reading = GuardedHandler(Scoped()).stream(ASKED, CALL)
        await asyncio.create_task(anext_of(reading))  # noqa: TID251 - another task than the one that closes
        await reading.aclose()

        assert len(await stream(Scoped())) > 3  # type: ignore[arg-type]


async def anext_of(reading: Any) -> None:
    await anext(reading)
