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
import struct
from typing import Any, ClassVar

import pytest
from typing_extensions import override

from domain.chat import ChatResponse
from domain.embeddings import EmbeddingsRequest
from domain.ports.providers import Call
from tests.contracts.answers import MANY, AnswerContract
from tests.contracts.harness import Harness, about, call_of
from tests.contracts.provider_failures import PATIENCE_S, FailureContract
from tests.contracts.reading import Way, facts, read, values
from tests.contracts.scenarios import ANSWERS


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
