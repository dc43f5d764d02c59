"""A streamed answer says what the whole one says, piece by piece."""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from adapters.custom.provider import CHUNKS_A_STEP, DeterministicProvider
from adapters.custom.tokens import count
from domain.chat import ChoiceStep
from domain.errors import InvalidRequest
from domain.policy.stream import StreamTrack
from domain.usage import Usage
from tests.adapters.custom.fakes import (
    CALL,
    CountingIds,
    Json,
    StillClock,
    chat,
    chunks,
    comparable,
    engine,
    put_together,
    values,
)

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}},
    "required": ["name"],
}
TOOLS = [
    {"type": "function", "function": {"name": "look_up", "parameters": SCHEMA}},
    {"type": "custom", "custom": {"name": "note"}},
]
FORMATS = [
    None,
    {"type": "text"},
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA}},
]
LOGPROBS = [{}, {"logprobs": False}, {"logprobs": True}, {"logprobs": True, "top_logprobs": 2}]


@st.composite
def requests(draw: st.DrawFn) -> Json:
    """Draw the members of a request, over everything that shapes an answer."""
    members: Json = {
        "messages": [{"role": "user", "content": draw(st.text(max_size=60))}],
        "n": draw(st.sampled_from([None, 1, 2, 5])),
        "seed": draw(st.none() | st.integers(0, 3)),
        "stop": draw(st.none() | st.text(max_size=3) | st.lists(st.text(min_size=1, max_size=2), max_size=4)),
        "max_tokens": draw(st.none() | st.integers(1, 80)),
        "response_format": draw(st.sampled_from(FORMATS)),
        **draw(st.sampled_from(LOGPROBS)),
    }
    if draw(st.booleans()):
        members |= {
            "tools": TOOLS,
            "tool_choice": draw(st.sampled_from([None, "none", "auto", "required"])),
            "parallel_tool_calls": draw(st.none() | st.booleans()),
        }
    return members


@given(requests())
async def test_the_streamed_answer_is_the_whole_one(members: Json) -> None:
    """Content, tool calls, logprobs, reasons and usage are the same, put together from the pieces."""
    response = await engine().complete(chat(**members), CALL)

    assert comparable(response) == put_together(await chunks(**members))


@given(requests())
async def test_the_same_request_has_the_same_chunks(members: Json) -> None:
    """Only ids and times may differ, and these are the engine's own."""
    assert await chunks(**members) == await chunks(**members)


@given(requests())
async def test_the_usage_is_what_was_said(members: Json) -> None:
    """Every token that goes out is counted, and no other."""
    streamed = await chunks(**members)
    said = 0
    for chunk in streamed:
        for choice in values(chunk.document)["choices"]:
            delta = choice["delta"]
            said += count(delta.get("content") or "")
            for call in delta.get("tool_calls", []):
                part = call.get("function") or call.get("custom")
                said += ("name" in part) + count(part.get("arguments") or part.get("input") or "")

    assert streamed[-1].usage is not None
    assert said == streamed[-1].usage.completion_tokens


@given(requests())
async def test_the_facts_beside_a_document_are_those_in_it(members: Json) -> None:
    """Index, role and reason of each choice are said twice, and alike; the stream is complete."""
    streamed = await chunks(**members)
    track = StreamTrack()
    for chunk in streamed:
        track.saw(chunk.choices)
        choices = values(chunk.document)["choices"]
        facts = [ChoiceStep(one["index"], "role" in one["delta"], one["finish_reason"]) for one in choices]
        assert facts == list(chunk.choices)

    assert track.complete


@given(requests())
async def test_every_choice_opens_speaks_and_ends(members: Json) -> None:
    """The role first and once, at most one token a delta, an empty delta with the reason last, nothing after it."""
    found: dict[int, list[Json]] = {}
    for chunk in (await chunks(**members))[:-1]:
        (choice,) = values(chunk.document)["choices"]
        found.setdefault(choice["index"], []).append(choice)

    assert list(range(members["n"] or 1)) == list(found)
    for opening, *between, ending in found.values():
        assert opening["delta"]["role"] == "assistant"
        assert ending["delta"] == {}
        assert ending["finish_reason"] in {"stop", "length", "tool_calls"}
        assert all("role" not in choice["delta"] and choice["finish_reason"] is None for choice in between)
        assert all(count(choice["delta"].get("content", "")) <= 1 for choice in between)


async def test_all_chunks_share_id_time_and_model() -> None:
    """And the last one has no choices but the usage."""
    streamed = await chunks(n=2, model="mine")
    documents = [values(chunk.document) for chunk in streamed]
    shared = [{name: document[name] for name in ("id", "object", "created", "model")} for document in documents]

    assert shared == [shared[0]] * len(shared)
    assert (shared[0]["object"], shared[0]["model"]) == ("chat.completion.chunk", "mine")
    assert documents[-1]["choices"] == []
    assert streamed[-1].usage == Usage(
        documents[-1]["usage"]["prompt_tokens"], documents[-1]["usage"]["completion_tokens"]
    )
    assert all("usage" not in document for document in documents[:-1])


async def test_a_plain_answer_has_dozens_of_chunks() -> None:
    """Enough to see a stream stream."""
    assert len(await chunks()) > 30


async def test_choices_come_in_turn() -> None:
    """No choice waits until another has finished."""
    indexes = [step.index for chunk in await chunks(n=3) for step in chunk.choices]

    assert indexes[:9] == [0, 1, 2] * 3


async def test_others_have_their_turn_between_steps() -> None:
    """A step has a few chunks, and after each the engine pauses."""
    clock = StillClock()
    provider = DeterministicProvider(clock, CountingIds())
    steps = [step async for step in provider.stream(chat(stream=True, n=8), CALL)]

    assert all(1 <= len(step) <= CHUNKS_A_STEP for step in steps)
    assert clock.pauses >= len(steps)


async def test_a_stream_can_be_left_at_any_point() -> None:
    """Closing it twice, or before its first step, does no harm."""
    unread = engine().stream(chat(stream=True), CALL)
    await unread.aclose()
    begun = engine().stream(chat(stream=True), CALL)
    await anext(begun)
    await begun.aclose()
    await begun.aclose()

    with pytest.raises(StopAsyncIteration):
        await anext(begun)


class RealPause(StillClock):
    @override
    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)


async def test_a_long_stream_is_cancelled_in_the_middle() -> None:
    """Whoever waits for it no longer gets away at the next pause."""
    provider = DeterministicProvider(RealPause(), CountingIds())
    seen: list[Any] = []
    with anyio.CancelScope() as scope:
        async for step in provider.stream(chat(stream=True, n=64), CALL):
            seen += step
            if len(seen) > 100:
                scope.cancel()

    assert 100 < len(seen) < 200


async def test_a_refusal_comes_before_the_first_chunk() -> None:
    """So that the status can say it."""
    with pytest.raises(InvalidRequest):
        await anext(engine().stream(chat(stream=True, n=0), CALL))
