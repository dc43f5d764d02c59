"""A streamed answer ends exactly once, in one way."""

from __future__ import annotations

import asyncio

import pytest

from application.streams import AnswerStream
from domain.chat import ChatChunk, ChatRequest
from domain.document import Document
from domain.errors import Malformed, ProviderFailure, StreamBroken
from domain.journey import Ending, Journey
from domain.keys import Caller
from tests.fakes.gateway import gateway_of
from tests.fakes.providers import USAGE, ScriptedProvider, chunk, chunks

REQUEST = ChatRequest("a/m", Document({}), stream=True)


async def opened(provider: ScriptedProvider, journey: Journey) -> AnswerStream:
    """Return a stream whose first chunk is there."""
    return await gateway_of({"a": provider}).stream_chat(Caller("ci"), REQUEST, journey)


async def test_complete_stream_is_finished() -> None:
    """All chunks come, the usage is noted, the upstream is closed."""
    provider, journey = ScriptedProvider([chunks("a", "b")]), Journey()

    stream = await opened(provider, journey)
    found: list[ChatChunk] = [one async for step in stream for one in step]
    await stream.aclose()

    assert chunks("a", "b") == found
    assert (Ending.FINISHED, USAGE, 1) == (journey.ending, journey.usage, provider.closed)


async def test_stream_is_open_until_its_end() -> None:
    """A stream that has begun has no ending yet."""
    journey = Journey()

    await opened(ScriptedProvider([chunks()]), journey)

    assert Ending.OPEN is journey.ending


async def test_break_on_the_way_is_a_failure() -> None:
    """What the provider raises after the first chunk reaches the caller, and the stream has failed."""
    journey = Journey()
    stream = await opened(ScriptedProvider([[chunk({"content": "a"}), StreamBroken()]]), journey)

    await anext(stream)
    with pytest.raises(StreamBroken):
        await anext(stream)
    await stream.aclose()

    assert Ending.FAILED is journey.ending


async def test_closing_early_is_a_caller_who_hung_up() -> None:
    """A stream that is closed before its end closes the upstream too; closing twice changes nothing."""
    provider, journey = ScriptedProvider([chunks()]), Journey()
    stream = await opened(provider, journey)

    await stream.aclose()
    await stream.aclose()

    assert (Ending.CLIENT_GONE, 1) == (journey.ending, provider.closed)


@pytest.mark.parametrize(
    ("script", "failure"), [([[]], Malformed("an empty stream")), ([StreamBroken()], StreamBroken())]
)
async def test_failure_before_the_first_chunk_is_raised_at_once(script: list[object], failure: ProviderFailure) -> None:
    """Until the first chunk nothing is committed: the failure is raised by the opening."""
    journey = Journey()

    with pytest.raises(ProviderFailure) as caught:
        await opened(ScriptedProvider(script), journey)

    assert (repr(failure), Ending.FAILED) == (repr(caught.value), journey.ending)


async def test_cancelling_the_wait_closes_the_upstream() -> None:
    """A caller who hangs up before the first chunk leaves nothing running upstream."""
    provider, journey = ScriptedProvider([[asyncio.Event()]]), Journey()
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(opened(provider, journey))
        await provider.called.wait()
        waiting.cancel()

    assert (Ending.CLIENT_GONE, 1) == (journey.ending, provider.closed)
