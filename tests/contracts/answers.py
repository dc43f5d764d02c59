"""What every provider must do that answers with choices, whole and as a stream: chats and text completions."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing, suppress
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from domain.chat import ChatChunk
from domain.errors import ProviderFailure, StreamBroken, Unreachable, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call, ChunkStream
from tests.contracts.harness import Harness, about, call_of
from tests.contracts.provider_failures import LEAVE_S, PATIENCE_S, SOON_S, FailureContract
from tests.contracts.reading import Reply, Way, facts, read, shared

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

    @about("other-form")
    async def test_an_answer_in_the_other_form_is_not_taken_for_an_empty_one(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """A server that streams when it should not, or the other way round, is understood, or has failed."""
        plain = await self.reply(harness, way, "text")
        try:
            other = await self.reply(harness, way, scenario)
        except ProviderFailure as failure:
            assert failure.retryable  # noqa: PT017 - both endings are sound
        else:
            assert plain.saying == other.saying

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
