"""Text completions from a provider that only chats."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import attrs
import pytest

from adapters.custom.provider import DeterministicProvider
from adapters.upstream.completions_over_chat import CompletionsOverChat
from adapters.wire.jsontext import document_of, render
from domain.chat import ChatChunk, ChatRequest, ChatResponse
from domain.completions import CompletionRequest
from domain.errors import InvalidRequest, StreamBroken, Unreachable, UpstreamTimeout
from domain.ports.providers import Call, CompletionProvider
from domain.usage import Usage
from tests.fakes.clock import FakeClock, FakeIds
from tests.fakes.providers import USAGE, ScriptedProvider, answer, chunk, chunks


def asking(stream: bool = False, **members: Any) -> CompletionRequest:
    """Return a request; the prompt is "Say" unless given."""
    return CompletionRequest("m", document_of({"model": "m", "prompt": "Say", **members}), stream)


def over(*script: object) -> tuple[CompletionsOverChat, ScriptedProvider]:
    """Return the completions over a chat provider with this script, and that."""
    chat = ScriptedProvider(list(script))
    return CompletionsOverChat(chat), chat


async def asked(provider: CompletionsOverChat, request: CompletionRequest, call: Call) -> None:
    """Take the answer, in the way that the request wants it."""
    if request.stream:
        async for _ in provider.stream_text(request, call):
            pass
    else:
        await provider.complete_text(request, call)


def texts(found: Sequence[ChatChunk | ChatResponse]) -> list[tuple[int, str]]:
    """Return the texts of all choices with their places."""
    documents = [json.loads(render(each.document)) for each in found]
    return [(choice["index"], choice["text"]) for document in documents for choice in document["choices"]]


@attrs.define
class SlowChat:
    """Takes 4 s for each answer, on a clock of its own."""

    seconds: float = 100.0
    calls: list[Call] = attrs.field(factory=list)

    def now(self) -> float:
        """Return the time."""
        return self.seconds

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Answer."""
        self._take(call)
        return answer()

    async def stream(self, request: ChatRequest, call: Call) -> AsyncGenerator[Sequence[ChatChunk], None]:
        """Answer in one step."""
        self._take(call)
        yield chunks()

    def _take(self, call: Call) -> None:
        self.calls.append(call)
        self.seconds += 4
        call.relayed["x-ratelimit-remaining-requests"] = str(10 - len(self.calls))


def test_it_is_a_provider_of_completions() -> None:
    """The port says so."""
    found: CompletionProvider = over()[0]

    assert isinstance(found, CompletionsOverChat)


async def test_a_text_completion_is_a_chat_to_the_provider() -> None:
    """It is asked once, for the model of the call."""
    provider, chat = over(answer("there"))

    found = await provider.complete_text(asking(), Call("up"))

    ((asked, call),) = chat.asked
    assert isinstance(asked, ChatRequest)
    assert [{"role": "user", "content": "Say"}] == json.loads(asked.document.members["messages"])
    assert "up" == call.model
    assert ([(0, "there")], USAGE) == (texts([found]), found.usage)


async def test_several_prompts_are_asked_in_turn() -> None:
    """Their answers become choices of one."""
    provider, chat = over(answer("a"), answer("b"))

    found = await provider.complete_text(asking(prompt=["1", "2"]), Call("up"))

    assert ([(0, "a"), (1, "b")], Usage(6, 4)) == (texts([found]), found.usage)
    assert 2 == len(chat.asked)


async def test_a_failing_prompt_fails_the_whole() -> None:
    """No answer is given in part; those after it are not asked."""
    provider, chat = over(answer("a"), Unreachable("connect"), answer("c"))

    with pytest.raises(Unreachable):
        await provider.complete_text(asking(prompt=["1", "2", "3"]), Call("up"))

    assert 2 == len(chat.asked)


async def test_what_no_chat_can_do_is_refused_before_anything_is_asked() -> None:
    """Streamed or not."""
    provider, chat = over(answer())

    with pytest.raises(InvalidRequest):
        await provider.complete_text(asking(prompt=[1]), Call("up"))
    with pytest.raises(InvalidRequest):
        await anext(provider.stream_text(asking(stream=True, prompt=[1]), Call("up")))

    assert [] == chat.asked


async def test_a_stream_is_the_chats_chunk_by_chunk() -> None:
    """What arrives together stays together; the end is the end."""
    provider, chat = over(chunks("Hello", " there"))

    found = [step async for step in provider.stream_text(asking(stream=True), Call("up"))]

    assert [1, 1, 1, 1] == [len(step) for step in found]
    assert [(0, ""), (0, "Hello"), (0, " there"), (0, "")] == texts([each for step in found for each in step])
    assert "stop" == found[-1][0].choices[0].finish_reason
    assert 1 == chat.closed


async def test_several_prompts_stream_one_after_the_other() -> None:
    """Each chat is closed before the next is asked; usage is told for all."""
    provider, chat = over(chunks("a"), chunks("b"))

    found = [each async for step in provider.stream_text(asking(True, prompt=["1", "2"]), Call("up")) for each in step]

    assert [(0, ""), (0, "a"), (0, ""), (1, ""), (1, "b"), (1, "")] == texts(found)
    assert Usage(6, 4) == found[-1].usage
    assert 2 == chat.closed


async def test_a_stream_that_breaks_off_breaks_off() -> None:
    """Its failure is passed on as it is, and it is closed."""
    provider, chat = over([chunk({"content": "a"}), StreamBroken()])
    stream = provider.stream_text(asking(True, prompt=["1", "2"]), Call("up"))
    await anext(stream)

    with pytest.raises(StreamBroken):
        await anext(stream)

    assert (1, 1) == (len(chat.asked), chat.closed)


async def test_closing_the_stream_closes_the_chats() -> None:
    """A caller who hangs up stops the provider; once is enough, twice does no harm."""
    provider, chat = over([chunk({"content": "a"}), asyncio.Event()])
    stream = provider.stream_text(asking(True), Call("up"))
    await anext(stream)

    await stream.aclose()
    await stream.aclose()

    assert 1 == chat.closed


async def test_a_stream_that_was_never_begun_asks_nothing() -> None:
    """Nothing is sent before its first step."""
    provider, chat = over(chunks())

    await provider.stream_text(asking(True), Call("up")).aclose()

    assert [] == chat.asked


@pytest.mark.parametrize("stream", [False, True])
async def test_cancelling_reaches_the_chat(stream: bool) -> None:
    """Streamed or not, the provider stops at once."""
    event = asyncio.Event()
    provider, chat = over([chunk({"content": "a"}), event] if stream else event)

    async with asyncio.TaskGroup() as group:
        task = group.create_task(asked(provider, asking(stream), Call("up")))
        for _ in range(10):  # turns of the loop, in which it comes to where the provider waits
            await asyncio.sleep(0)
        task.cancel()

    assert task.cancelled()
    assert 1 == chat.closed


@pytest.mark.parametrize("stream", [False, True])
async def test_the_deadline_of_the_whole_holds_for_all_prompts_together(stream: bool) -> None:
    """Each next one gets what is left; when nothing is left, the time-out is told with the whole's length."""
    chat = SlowChat()
    provider = CompletionsOverChat(chat, chat.now)
    request = asking(stream, prompt=["1", "2", "3", "4"])
    call = Call("up", total_s=10, idle_s=3)

    with pytest.raises(UpstreamTimeout) as caught:
        await asked(provider, request, call)

    assert ("total", 10) == (caught.value.phase, caught.value.after_s)
    assert [(10, 3), (6, 3), (2, 3)] == [(each.total_s, each.idle_s) for each in chat.calls]


async def test_headers_for_the_caller_come_from_the_last_chat() -> None:
    """All calls tell back to the same place."""
    chat = SlowChat()
    call = Call("up")

    await CompletionsOverChat(chat, chat.now).complete_text(asking(prompt=["1", "2"]), call)

    assert {"x-ratelimit-remaining-requests": "8"} == call.relayed


# --- over the built-in engine


def joined(found: Sequence[ChatChunk | ChatResponse]) -> dict[int, tuple[str, list[str], list[int], str | None]]:
    """Return for each choice its text, its tokens and where they begin, and how it ended."""
    whole: dict[int, tuple[str, list[str], list[int], str | None]] = {}
    for each in found:
        for choice in json.loads(each.document.members["choices"]):
            text, tokens, offsets, _ = whole.get(choice["index"], ("", [], [], None))
            logprobs = choice["logprobs"] or {"tokens": [], "text_offset": []}
            whole[choice["index"]] = (
                text + choice["text"],
                tokens + logprobs["tokens"],
                offsets + logprobs["text_offset"],
                choice["finish_reason"],
            )
    return whole


@pytest.mark.parametrize("echo", [False, True])
@pytest.mark.parametrize("max_tokens", [None, 5, 400])
async def test_streamed_or_whole_the_answer_is_the_same(echo: bool, max_tokens: int | None) -> None:
    """Texts, tokens, ends and usage; each token stands where it is said to stand."""
    provider = CompletionsOverChat(DeterministicProvider(FakeClock(), FakeIds()))
    members: dict[str, Any] = {
        "prompt": ["One é", "Two 😀"],
        "n": 2,
        "logprobs": 2,
        "echo": echo,
        "max_tokens": max_tokens,
    }

    response = await provider.complete_text(asking(**members), Call("m"))
    steps = [step async for step in provider.stream_text(asking(True, **members), Call("m"))]

    chunks = [each for step in steps for each in step]
    whole = joined([response])
    assert [0, 1, 2, 3] == sorted(whole)
    assert whole == joined(chunks)
    assert response.usage == [each.usage for each in chunks if each.usage is not None][-1]
    for text, tokens, offsets, finish in whole.values():
        assert tokens == [text[offset : offset + len(token)] for token, offset in zip(tokens, offsets, strict=True)]
        assert "length" == finish or max_tokens == 400
        assert len(tokens) <= (max_tokens or 16)
        assert text.startswith(("One é", "Two 😀")) == echo
