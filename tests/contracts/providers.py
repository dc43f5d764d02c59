"""
What every provider must do, one contract for each port.

A provider's own test gives nothing but the harness around it:

    class TestMyProcessing(ChatProviderContract):
        harness_type = MyHarness            # see tests.contracts.harness.Harness

The contracts need pytest with anyio's plugin, and this repository on the path; no conftest, and no setting.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
import struct
from contextlib import aclosing, suppress
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from domain.chat import ChatChunk, ChatResponse
from domain.embeddings import EmbeddingsRequest
from domain.errors import ProviderFailure, StreamBroken, Unreachable, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call, ChunkStream
from tests.contracts.harness import Harness, about, call_of
from tests.contracts.provider_failures import LEAVE_S, PATIENCE_S, SOON_S, FailureContract
from tests.contracts.reading import Reply, Way, facts, read, shared, values
from tests.contracts.scenarios import ANSWERS

SAME_CHUNKS = (
    *("split-1", "split-2", "split-3", "split-7", "write-1", "interim", "close-framed", "open-after-done"),
    *("hop-headers", "crlf", "cr", "comments", "no-space", "fields", "multi-data", "bom", "no-done", "after-done"),
)
SAME_WORDS = (
    *("role-missing", "ids-differ", "empty-choices", "usage-last-choice", "usage-every-chunk", "usage-final"),
    *("usage-missing", "usage-negative", "usage-absurd", "usage-words", "wrong-type"),
)
RELAYED = re.compile(r"retry-after(-ms)?|x-ratelimit-[a-z-]+")
MANY = 20


class AnswerContract(FailureContract):
    """What a provider does that answers with choices, whole and as a stream: chats and text completions."""

    ways: ClassVar[tuple[str, ...]] = ("whole", "stream")
    kind: ClassVar[str]
    cuts: ClassVar[range] = range(0, 4000, 97)
    """The bytes of an answer after which it is cut off, one after the other."""

    def stream(self, harness: Harness, scenario: str = "text", call: Call | None = None) -> ChunkStream:
        """Begin a stream."""
        request = harness.request(self.kind, scenario, stream=True)
        provider = harness.provider
        begin = provider.stream if self.kind == "chat" else provider.stream_text
        found: ChunkStream = begin(request, call or call_of(harness))
        return found

    @override
    async def ask(self, harness: Harness, way: Way, scenario: str, call: Call, into: list[Any]) -> None:
        if way == "whole":
            provider = harness.provider
            complete = provider.complete if self.kind == "chat" else provider.complete_text
            into.append(await complete(harness.request(self.kind, scenario, stream=False), call))
            return
        async with aclosing(self.stream(harness, scenario, call)) as steps:
            async for step in steps:
                assert step  # each step gives at least one chunk
                into += step

    async def parts(self, harness: Harness, way: Way, scenario: str, call: Call | None = None) -> list[Any]:
        """Ask in a scenario; return what came."""
        await harness.script(scenario)
        came: list[Any] = []
        async with asyncio.timeout(PATIENCE_S):
            await self.ask(harness, way, scenario, call or call_of(harness), came)
        return came

    async def reply(self, harness: Harness, way: Way, scenario: str) -> Reply:
        """Ask in a scenario; return what was said."""
        return read(await self.parts(harness, way, scenario))

    # --- good answers

    @about("text")
    async def test_a_text_is_answered(self, harness: Harness, way: Way, scenario: str) -> None:
        """There is text, it ends because it is complete, and the tokens are counted."""
        reply = await self.reply(harness, way, scenario)

        assert reply.first.text
        assert reply.first.finish_reason == "stop"
        assert reply.usage is not None
        assert reply.usage.prompt_tokens > 0
        assert reply.usage.completion_tokens > 0

    @about("text")
    async def test_chunks_tell_what_their_documents_say(self, harness: Harness, scenario: str) -> None:
        """The gateway acts upon the facts beside a document, and the client upon the document."""
        chunks = await self.parts(harness, "stream", scenario)

        assert all(isinstance(chunk, ChatChunk) for chunk in chunks)
        assert [facts(chunk.document) for chunk in chunks] == [chunk.choices for chunk in chunks]

    @about(*SAME_CHUNKS)
    async def test_how_it_comes_over_the_wire_does_not_matter(self, harness: Harness, way: Way, scenario: str) -> None:
        """However an answer is cut, framed and commented: the same documents."""
        plain = await self.parts(harness, way, "text")
        other = await self.parts(harness, way, scenario)

        assert [shared(part.document) for part in plain] == [shared(part.document) for part in other]

    @about(*SAME_WORDS)
    async def test_what_an_upstream_does_differently_changes_no_word(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """Where chunks lack members or have strange ones, the text still arrives; counts that make no sense do not."""
        plain = await self.reply(harness, way, "text")
        other = await self.reply(harness, way, scenario)

        assert plain.saying == other.saying
        if scenario in {"usage-missing", "usage-negative", "usage-absurd", "usage-words"}:
            assert other.usage is None or 0 <= other.usage.total_tokens < 1 << 53
        else:
            assert plain.usage == other.usage

    @about("text", "hop-headers")
    async def test_of_the_upstreams_headers_only_limits_are_relayed(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """No cookie, no server's name, nothing of the operator's account."""
        call = call_of(harness)
        await self.parts(harness, way, scenario, call)

        assert all(RELAYED.fullmatch(name) for name in call.relayed)

    @about("stale")
    async def test_a_connection_that_closed_meanwhile_does_no_harm(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """A server may close a connection that is kept for the next call just as that call begins."""
        first = await self.reply(harness, way, scenario)
        try:
            second = await self.reply(harness, way, scenario)
        except Unreachable as failure:
            assert failure.retryable  # noqa: PT017 - both endings are sound
        else:
            assert first.saying == second.saying

    # --- what is sent

    @about("sent")
    async def test_a_request_has_exactly_its_own_headers(self, harness: Harness, way: Way, scenario: str) -> None:
        """Each once, none more, and no compression asked for."""
        await self.parts(harness, way, scenario)

        [sent] = harness.sent
        told = {name.lower(): value for name, value in sent.headers}
        assert sorted(harness.headers) == sorted(name.lower() for name, _ in sent.headers)
        assert told["accept-encoding"] == "identity"
        assert any(harness.secret in value for value in told.values()) is bool(harness.secret)

    @about("sent")
    async def test_a_request_names_the_upstreams_model(self, harness: Harness, way: Way, scenario: str) -> None:
        """The caller's name of it stays here."""
        await self.parts(harness, way, scenario)

        assert harness.model == harness.sent[0].json["model"]

    # --- an answer that is not wanted any more

    @about("silence")
    async def test_closing_a_stream_ends_the_call(self, harness: Harness, scenario: str) -> None:
        """At once, whatever the upstream does."""
        await harness.script(scenario)
        stream = self.stream(harness, scenario)
        assert await anext(aiter(stream))
        await harness.holding()

        await self._ended(harness, stream)

    @about("text")
    async def test_closing_a_stream_that_never_began_sends_nothing(self, harness: Harness, scenario: str) -> None:
        """Nothing is sent before the first step, and closing is not one."""
        await harness.script(scenario)
        stream = self.stream(harness)

        await self._ended(harness, stream)
        assert [] == list(harness.sent)

    @about("text")
    async def test_closing_again_does_no_harm(self, harness: Harness, scenario: str) -> None:
        """A stream that was read to its end, or closed, may be closed."""
        await harness.script(scenario)
        stream = self.stream(harness)
        async for _ in stream:
            pass

        await self._ended(harness, stream)
        await self._ended(harness, stream)

    @about("slow", "silence")
    async def test_cancelling_ends_the_call(self, harness: Harness, way: Way, scenario: str) -> None:
        """A task that is cancelled while it waits takes the call upstream with it, and stays cancelled."""
        await harness.script(scenario)
        came: list[Any] = []
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.ask(harness, way, scenario, call_of(harness), came))
            await harness.holding()
            task.cancel()
            async with asyncio.timeout(LEAVE_S):
                await harness.quiet()

        assert task.cancelled()

    @about("slow")
    async def test_many_cancelled_calls_leave_nothing_behind(self, harness: Harness, way: Way, scenario: str) -> None:
        """No connection is left open, and none of the next calls waits for one."""
        for _ in range(MANY):
            await self.test_cancelling_ends_the_call(harness, way, scenario)

        assert harness.connections == 0
        assert (await self.reply(harness, way, "text")).first.text

    # --- an answer that breaks off

    @about("cut-N", "reset-N")
    async def test_an_answer_cut_anywhere_is_never_taken_for_whole(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """A stream's beginning is the beginning of the whole; what ends before the end says so."""
        plain = await self.reply(harness, way, "text")
        for place in self.cuts:
            await harness.script(scenario.replace("N", str(place)))
            came: list[Any] = []
            complete = False
            with suppress(ProviderFailure):
                async with asyncio.timeout(PATIENCE_S):
                    await self.ask(harness, way, scenario, call_of(harness), came)
                complete = True

            reply = read(came)
            if complete:
                assert plain.saying == reply.saying
            else:
                assert all(plain.choices[index].text.startswith(c.text) for index, c in reply.choices.items())

    @about("error-mid-stream")
    async def test_an_error_in_a_stream_is_a_failure(self, harness: Harness, scenario: str) -> None:
        """What came before it is good, and the stream does not end as if all were well."""
        failure, came = await self.failure(harness, "stream", scenario)

        assert isinstance(failure, UpstreamError | StreamBroken)
        assert came

    @about("endless-stream", "endless-pings")
    async def test_a_stream_without_end_has_so_long_in_all(self, harness: Harness, scenario: str) -> None:
        """Something always comes, so that only the deadline of all can end it."""
        failure, _ = await self.failure(harness, "stream", scenario, call_of(harness, total_s=SOON_S))

        assert isinstance(failure, UpstreamTimeout)
        assert failure.phase == "total"

    async def _ended(self, harness: Harness, stream: ChunkStream) -> None:
        async with asyncio.timeout(LEAVE_S):
            await stream.aclose()
            await harness.quiet()
        with pytest.raises(StopAsyncIteration):
            await anext(aiter(stream))


class ChatProviderContract(AnswerContract):
    """What a `ChatProvider` does."""

    kind: ClassVar[str] = "chat"

    @about(*sorted(ANSWERS))
    async def test_a_stream_says_what_the_whole_answer_says(self, harness: Harness, scenario: str) -> None:
        """Text, thinking, tool calls, the end and its reason, and the count of tokens."""
        whole = await self.reply(harness, "whole", scenario)
        streamed = await self.reply(harness, "stream", scenario)

        assert whole.saying == streamed.saying
        assert whole.usage == streamed.usage
        assert whole.letters > 0 or whole.first.refusal
        assert all(choice.finish_reason for choice in whole.choices.values())

    @about("tool", "tools")
    async def test_tool_calls_can_be_made(self, harness: Harness, way: Way, scenario: str) -> None:
        """Each has an id of its own, a name, and arguments that are a JSON object as a string."""
        first = (await self.reply(harness, way, scenario)).first

        assert first.finish_reason == "tool_calls"
        assert len(first.calls) >= (2 if scenario == "tools" else 1)
        assert len(set(first.ids)) == len(first.calls)
        assert all(first.ids)
        assert all(isinstance(json.loads(arguments), dict) for _, arguments in first.calls)

    @about("tool", "tools", "reasoning", "choices")
    async def test_chunks_of_all_kinds_tell_what_their_documents_say(self, harness: Harness, scenario: str) -> None:
        """The facts beside each chunk are those in it."""
        chunks = await self.parts(harness, "stream", scenario)

        assert [facts(chunk.document) for chunk in chunks] == [chunk.choices for chunk in chunks]

    @about("reasoning")
    async def test_thinking_is_told_apart_from_the_answer(self, harness: Harness, way: Way, scenario: str) -> None:
        """Under a name of its own, as clients expect it."""
        first = (await self.reply(harness, way, scenario)).first

        assert first.reasoning
        assert first.reasoning not in first.text

    @about("length")
    async def test_an_answer_that_was_cut_short_says_so(self, harness: Harness, way: Way, scenario: str) -> None:
        """Its end has the reason `length`."""
        assert (await self.reply(harness, way, scenario)).first.finish_reason == "length"

    @about("odd-text", "split-utf8")
    async def test_every_character_arrives(self, harness: Harness, way: Way, scenario: str) -> None:
        """Also those that are line ends to some, and those that were cut in the middle."""
        text = (await self.reply(harness, way, scenario)).first.text

        assert all(letter in text for letter in 'ü\u2028\u2029\u0085\u000b\u000c😀\u0301\\"\x7f')
        assert "data: [DONE]" in text

    @about("text")
    async def test_a_whole_answer_has_the_shape_of_a_chat(self, harness: Harness, scenario: str) -> None:
        """What clients rely on is there, whatever the upstream's own dialect is."""
        [answer] = await self.parts(harness, "whole", scenario)

        assert isinstance(answer, ChatResponse)
        said = values(answer.document)
        assert said["choices"][0]["message"]["role"] == "assistant"
        assert {"prompt_tokens", "completion_tokens", "total_tokens"} <= said["usage"].keys()

    @about("text")
    async def test_calls_do_not_meet(self, harness: Harness, scenario: str) -> None:
        """Many at a time get the same answers as one."""
        await harness.script(scenario)
        replies: list[list[Any]] = [[] for _ in range(MANY)]
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for number, into in enumerate(replies):
                way = self.ways[number % 2]
                group.create_task(self.ask(harness, way, scenario, call_of(harness), into))

        assert len({str(read(reply).saying) for reply in replies}) == 1

    @about("sent")
    async def test_a_request_asks_for_usage(self, harness: Harness, scenario: str) -> None:
        """The gateway counts by it, whether or not the caller asked."""
        assert (await self.reply(harness, "stream", scenario)).usage is not None


class CompletionProviderContract(AnswerContract):
    """What a `CompletionProvider` does."""

    kind: ClassVar[str] = "text"

    @about("text")
    async def test_a_stream_says_what_the_whole_answer_says(self, harness: Harness, scenario: str) -> None:
        """Text, the end and its reason, and the count of tokens."""
        whole = await self.reply(harness, "whole", scenario)
        streamed = await self.reply(harness, "stream", scenario)

        assert whole.saying == streamed.saying
        assert whole.usage == streamed.usage


class EmbeddingsProviderContract(FailureContract):
    """What an `EmbeddingsProvider` does."""

    @override
    async def ask(self, harness: Harness, way: Way, scenario: str, call: Call, into: list[Any]) -> None:
        into.append(await harness.provider.embed(harness.request("embeddings", scenario, stream=False), call))

    @about("text")
    async def test_each_input_has_its_vector(self, harness: Harness, scenario: str) -> None:
        """In their order, and not all the same."""
        await harness.script(scenario)
        request: EmbeddingsRequest = harness.request("embeddings", scenario, stream=False)
        answer = await harness.provider.embed(request, call_of(harness))

        data = values(answer.document)["data"]
        inputs = values(request.document)["input"]
        assert list(range(len(inputs))) == [entry["index"] for entry in data]
        assert len({str(entry["embedding"]) for entry in data}) == len(set(inputs))
        assert answer.usage is not None
        assert answer.usage.prompt_tokens > 0

    @about("text")
    async def test_vectors_come_in_the_encoding_asked_for(self, harness: Harness, scenario: str) -> None:
        """Base64 of single-precision floats, little-endian, holds the same numbers."""
        await harness.script(scenario)
        request: EmbeddingsRequest = harness.request("embeddings", scenario, stream=False)
        packed = EmbeddingsRequest(request.model, request.document.having({"encoding_format": b'"base64"'}))
        floats = values((await harness.provider.embed(request, call_of(harness))).document)["data"]
        texts = values((await harness.provider.embed(packed, call_of(harness))).document)["data"]

        for one, other in zip(floats, texts, strict=True):
            raw = base64.b64decode(other["embedding"], validate=True)
            assert one["embedding"] == pytest.approx(struct.unpack(f"<{len(raw) // 4}f", raw), rel=1e-6)


class ModelListerContract(FailureContract):
    """What a `ModelLister` does."""

    @override
    async def ask(self, harness: Harness, way: Way, scenario: str, call: Call, into: list[Any]) -> None:
        into += await harness.provider.list_models(call)

    @about("text")
    async def test_models_are_listed_once_by_their_names(self, harness: Harness, scenario: str) -> None:
        """Bare upstream names; and asking again gives the same."""
        await harness.script(scenario)
        call = call_of(harness)
        call.model = ""
        models = await harness.provider.list_models(call)
        again = await harness.provider.list_models(call)

        names = [model.id for model in models]
        assert names
        assert all(names)
        assert len(set(names)) == len(names)
        assert names == [model.id for model in again]
