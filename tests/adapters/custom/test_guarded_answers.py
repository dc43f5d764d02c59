"""Whatever the operator's handler answers, a caller sees an answer or a failure of the gateway's own."""

from __future__ import annotations

import asyncio
from typing import Any

import attrs
import pytest

from adapters.custom.handler import GuardedHandler
from adapters.wire.jsontext import document_of
from domain.catalog import Model
from domain.chat import ChatResponse, ChoiceStep
from domain.completions import CompletionRequest
from domain.document import Document
from domain.embeddings import EmbeddingsResponse
from domain.errors import Malformed, ProviderFailure, StreamBroken, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call
from domain.usage import Usage
from tests.adapters.custom.fakes import CALL, embeddings, put_together, values
from tests.adapters.custom.guarding import (
    ASKED,
    CHOICES,
    GOOD,
    MEANT,
    STEPS,
    UNMEANT,
    chunk,
    complete,
    end,
    stream,
)
from tests.adapters.custom.handlers import SECRET, Everything, Scripted, Shout


class TestGoodHandlers:
    """What a handler answers arrives as it was meant."""

    async def test_a_whole_answer_passes(self) -> None:
        """With its usage."""
        response = await GuardedHandler(Shout()).complete(ASKED, CALL)
        found = values(response.document)

        assert found["choices"][0]["message"]["content"] == "HELLO YOU"
        assert response.usage == Usage(3, 2)
        assert found["usage"]["total_tokens"] == 5

    async def test_a_stream_passes(self) -> None:
        """Chunk by chunk, the role with the first of them."""
        chunks = [one async for step in GuardedHandler(Shout()).stream(ASKED, CALL) for one in step]

        assert put_together(chunks)["choices"][0]["message"]["content"] == "HELLO YOU "
        assert chunks[0].choices == (ChoiceStep(0, role=True),)
        assert chunks[-1].usage == Usage(3, 3)

    async def test_vectors_and_models_pass(self) -> None:
        """In the encoding that the caller asked for."""
        guard = GuardedHandler(Everything())
        floats = await guard.embed(embeddings(input=["a", "b"]), CALL)
        packed = await guard.embed(embeddings(input="a", encoding_format="base64"), CALL)

        assert [entry["embedding"] for entry in values(floats.document)["data"]] == [[1, 0], [1, 0]]
        assert values(packed.document)["data"][0]["embedding"] == "AACAPwAAAAA="
        assert floats.usage == Usage(7)
        assert list(await guard.list_models(CALL)) == [Model("loud"), Model("louder")]

    async def test_text_completions_pass(self) -> None:
        """Where the handler has them."""
        guard = GuardedHandler(Everything())
        request = CompletionRequest("m", document_of({"model": "m"}))
        steps = [step async for step in guard.stream_text(request, CALL)]

        assert values((await guard.complete_text(request, CALL)).document)["choices"][0]["text"] == "hi"
        assert steps[0][0].choices == (ChoiceStep(0, finish_reason="stop"),)

    async def test_what_a_handler_leaves_out_is_filled_in(self) -> None:
        """Usage said in one place only is in both; facts about choices are read from the document."""
        bare = ChatResponse(document_of(CHOICES), Usage(2, 3))
        step = [attrs.evolve(chunk([end()]), usage=Usage(2, 3))]
        (streamed,) = await stream(Scripted([step]))

        assert values((await complete(bare)).document)["usage"]["total_tokens"] == 5
        assert values(streamed.document)["usage"]["total_tokens"] == 5
        assert streamed.choices == (ChoiceStep(0, finish_reason="stop"),)

    async def test_numbers_and_escapes_stay_as_they_are(self) -> None:
        """The guard reads, it does not rewrite."""
        document = document_of(CHOICES).having({"extra": b'{"big":12345678901234567890123,"e":"\\u00e9","f":1.0}'})

        assert document == (await complete(ChatResponse(document))).document

    async def test_nothing_happens_before_the_first_step(self) -> None:
        """A stream that nobody reads is not begun, and can be closed."""
        handler = Scripted(STEPS)
        unread = GuardedHandler(handler).stream(ASKED, CALL)
        await unread.aclose()

        assert handler.started == 0
        with pytest.raises(StopAsyncIteration):
            await anext(unread)

    async def test_the_handler_is_at_most_one_step_ahead(self) -> None:
        """A slow reader slows the handler down."""
        handler = Counting()
        reading = GuardedHandler(handler).stream(ASKED, CALL)
        await anext(reading)
        for _ in range(10):
            await asyncio.sleep(0)

        assert handler.given <= 3
        await reading.aclose()


@attrs.define
class Counting:
    given: int = 0

    async def stream(self, request: Any, call: Call) -> Any:
        while True:
            self.given += 1
            yield (chunk([{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]),)


NONSENSE = {
    "nothing": None,
    "text": "hi",
    "a dictionary": CHOICES,
    "no document": ChatResponse(None),  # type: ignore[arg-type]
    "members that are text": ChatResponse(Document({"choices": "[]"})),  # type: ignore[dict-item]
    "members that are no mapping": ChatResponse(Document([1])),  # type: ignore[arg-type]
    "members that are no JSON": ChatResponse(Document({"choices": b"hello"})),
    "names that are numbers": ChatResponse(Document({7: b"[]"})),  # type: ignore[dict-item]
    "no choices": ChatResponse(document_of({"id": "x"})),
    "empty choices": ChatResponse(document_of({"choices": []})),
    "choices that are text": ChatResponse(document_of({"choices": "x"})),
    "a choice without a message": ChatResponse(document_of({"choices": [{"index": 0, "finish_reason": "stop"}]})),
    "a choice without a reason": ChatResponse(document_of({"choices": [{"index": 0, "message": {}}]})),
    "a usage that is a dictionary": ChatResponse(document_of(CHOICES), {"total_tokens": 1}),  # type: ignore[arg-type]
    "a negative usage": ChatResponse(document_of(CHOICES), Usage(-1, 2)),
}


class TestBadAnswers:
    """Nonsense and exceptions are `Malformed`, and quote nothing."""

    @pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
    async def test_nonsense_is_malformed(self, answer: Any) -> None:
        """Whatever it is."""
        with pytest.raises(Malformed):
            await complete(answer)

    async def test_an_error_in_disguise_is_one(self) -> None:
        """As from any upstream."""
        with pytest.raises(UpstreamError, match="too busy"):
            await complete(ChatResponse(document_of({"error": {"message": "too busy"}})))

    @pytest.mark.parametrize("error", UNMEANT, ids=lambda error: type(error).__name__)
    async def test_an_exception_is_malformed_and_says_nothing_of_itself(self, error: BaseException) -> None:
        """Its type is named; its words, which may be secret, are not. The chain keeps them for the operator."""
        with pytest.raises(Malformed) as failure:
            await complete(error)
        with pytest.raises(Malformed) as streamed:
            await stream(Scripted([error]))

        assert SECRET not in str(failure.value) + str(streamed.value)
        assert streamed.value.__cause__ is error or isinstance(error, SystemExit | StopAsyncIteration)

    @pytest.mark.parametrize("error", MEANT, ids=lambda error: type(error).__name__)
    async def test_what_a_handler_means_passes(self, error: Exception) -> None:
        """Failures of the gateway's own tree are the handler's way to speak."""
        with pytest.raises(type(error)) as failure:
            await complete(error)
        with pytest.raises(type(error)) as streamed:
            await stream(Scripted([error]))

        assert failure.value is error is streamed.value

    async def test_a_method_that_is_not_async_may_answer_too(self) -> None:
        """It is the answer that counts."""

        class Plain:
            def complete(self, request: Any, call: Call) -> Any:
                return GOOD

        assert await GuardedHandler(Plain()).complete(ASKED, CALL) == GOOD

    @pytest.mark.parametrize(
        "answer", [None, EmbeddingsResponse(document_of({"data": 7})), EmbeddingsResponse(document_of({"data": [{}]}))]
    )
    async def test_vectors_that_are_none(self, answer: Any) -> None:
        """Data without embeddings is no answer."""

        class Bad:
            async def embed(self, request: Any, call: Call) -> Any:
                return answer

        with pytest.raises(Malformed):
            await GuardedHandler(Bad()).embed(embeddings(input="x"), CALL)

    @pytest.mark.parametrize("models", [None, "x", ["x"], [Model("")], [Model("x", Document({"a": b"{"}))]], ids=str)
    async def test_models_that_are_none(self, models: Any) -> None:
        """A list of names is no list of models."""

        class Bad:
            async def list_models(self, call: Call) -> Any:
                return models

        with pytest.raises(Malformed):
            await GuardedHandler(Bad()).list_models(CALL)


async def test_every_failure_is_one_of_a_provider() -> None:
    """So that retries and fallbacks know what to do."""
    failures: list[type[Exception]] = [Malformed, StreamBroken, UpstreamTimeout]

    assert all(issubclass(failure, ProviderFailure) for failure in failures)
