"""The provider, against a server like Ollama's."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pytest

from adapters.ollama.provider import OllamaProvider
from adapters.upstream.upstream import Upstream
from adapters.wire.jsontext import document_of, render
from domain.chat import ChatChunk, ChatRequest
from domain.embeddings import EmbeddingsRequest
from domain.errors import CredentialRefused, InvalidRequest, StreamBroken, UpstreamError
from domain.ports.providers import Call
from domain.usage import Usage
from tests.fakes.clock import FakeClock, FakeIds
from tests.fakes.ollama_double import OllamaDouble

HEADERS = {"host", "accept-encoding", "user-agent", "content-type", "content-length"}


@pytest.fixture
async def double() -> AsyncIterator[OllamaDouble]:
    async with OllamaDouble() as server:
        yield server


def at(server: OllamaDouble, **headers: str) -> OllamaProvider:
    """Return the provider for a server."""
    return OllamaProvider(Upstream(server.url, headers), FakeClock(), FakeIds())


def chat(*, stream: bool = False, **members: Any) -> ChatRequest:
    """Return a chat of one message."""
    messages = [{"role": "user", "content": "Capital of France?"}]
    return ChatRequest("fast", document_of({"model": "fast", "messages": messages, **members}), stream=stream)


def vectors(**members: Any) -> EmbeddingsRequest:
    """Return a request for vectors."""
    return EmbeddingsRequest("small", document_of({"model": "small", **members}))


def call() -> Call:
    """Return a call for a model."""
    return Call("llama3.2", first_byte_s=5, idle_s=5)


async def streamed(provider: OllamaProvider, found: list[ChatChunk] | None = None) -> list[ChatChunk]:
    """Return all chunks of a streamed chat; `found` has them also where it fails."""
    found = [] if found is None else found
    async with aclosing(provider.stream(chat(stream=True), call())) as steps:
        async for step in steps:
            found += step
    return found


async def test_a_chat_goes_to_the_native_api(double: OllamaDouble) -> None:
    await at(double).complete(chat(num_ctx=4096, temperature=0.5), call())

    [seen] = double.seen
    assert ("POST", "/api/chat") == (seen.method, seen.path)
    assert {
        "model": "llama3.2",
        "messages": [{"role": "user", "content": "Capital of France?"}],
        "stream": False,
        "options": {"temperature": 0.5, "num_ctx": 4096},
    } == seen.json


async def test_a_stream_asks_for_one(double: OllamaDouble) -> None:
    await streamed(at(double))

    assert (True, "/api/chat") == (double.seen[0].json["stream"], double.seen[0].path)


async def test_only_a_closed_set_of_headers_is_sent(double: OllamaDouble) -> None:
    await at(double).complete(chat(), call())
    await at(double, authorization="Bearer sk-own").list_models(call())

    assert [HEADERS, HEADERS - {"content-type", "content-length"} | {"authorization"}] == [
        set(seen.header_names) for seen in double.seen
    ]


async def test_an_answer_is_named_by_the_gateway_and_timed_by_ollama(double: OllamaDouble) -> None:
    answer = json.loads(render((await at(double).complete(chat(), call())).document))

    assert ("chatcmpl-00000000-0000-4000-8000-000000000001", 1_785_871_365) == (answer["id"], answer["created"])


async def test_each_stream_has_one_name_of_its_own(double: OllamaDouble) -> None:
    provider = at(double)

    names = [{chunk.document.members["id"] for chunk in await streamed(provider)} for _ in range(2)]

    assert [1, 1, 2] == [len(names[0]), len(names[1]), len(names[0] | names[1])]


async def test_a_stream_tells_what_was_used(double: OllamaDouble) -> None:
    assert Usage(26, 10) == (await streamed(at(double)))[-1].usage


async def test_vectors_come_in_openais_shape(double: OllamaDouble) -> None:
    response = await at(double).embed(vectors(input="Hi", encoding_format="float"), call())

    assert "/api/embed" == double.seen[0].path
    assert b'"embedding":[0.010071029,-0.0017594862,1e-05,-0.1]' in response.document.members["data"]
    assert Usage(8, 0) == response.usage


async def test_models_are_listed_by_their_full_names(double: OllamaDouble) -> None:
    models = await at(double).list_models(call())

    assert ("GET", "/api/tags") == (double.seen[0].method, double.seen[0].path)
    assert ["llama3.2:latest", "nomic-embed-text:latest", "hf.co/acme/tiny:Q4_0"] == [model.id for model in models]
    assert models[0].answers_to("llama3.2")


async def test_what_cannot_be_told_to_ollama_is_not_sent(double: OllamaDouble) -> None:
    provider = at(double)

    with pytest.raises(InvalidRequest, match="one choice"):
        await provider.complete(chat(n=2), call())
    with pytest.raises(InvalidRequest, match="one choice"):
        provider.stream(chat(n=2, stream=True), call())
    with pytest.raises(InvalidRequest, match="no tokens"):
        await provider.embed(vectors(input=[1, 2]), call())

    assert [] == double.seen


async def test_nothing_is_sent_before_the_first_step(double: OllamaDouble) -> None:
    stream = at(double).stream(chat(stream=True), call())

    await stream.aclose()

    assert [] == double.seen


async def test_an_unknown_model_is_told_by_its_status_and_code(double: OllamaDouble) -> None:
    double.always("404")

    with pytest.raises(UpstreamError) as whole:
        await at(double).complete(chat(), call())
    with pytest.raises(UpstreamError) as in_stream:
        await streamed(at(double))

    assert [(404, "model_not_found")] * 2 == [(error.value.status, error.value.code) for error in (whole, in_stream)]


async def test_a_busy_server_may_be_asked_again(double: OllamaDouble) -> None:
    double.always("503")

    with pytest.raises(UpstreamError, match="busy") as busy:
        await at(double).complete(chat(), call())

    assert (503, True, "3") == (busy.value.status, busy.value.retryable, busy.value.retry_after)


async def test_a_refused_credential_shows_nothing(double: OllamaDouble) -> None:
    double.always("401-echo")

    with pytest.raises(CredentialRefused) as refusal:
        await at(double, authorization="Bearer sk-own-secret").list_models(call())

    assert "sk-own-secret" not in str(refusal.value)


async def test_an_error_in_the_middle_of_a_stream_follows_the_words_before_it(double: OllamaDouble) -> None:
    double.always("error-mid-stream")
    found: list[ChatChunk] = []

    with pytest.raises(UpstreamError, match="unexpected EOF") as failure:
        await streamed(at(double), found)

    assert (3, 502) == (len(found), failure.value.status)


async def test_a_stream_that_ends_too_early_is_broken(double: OllamaDouble) -> None:
    double.always("eof-after-3")

    with pytest.raises(StreamBroken):
        await streamed(at(double))


async def test_a_stream_that_is_closed_ends_the_call(double: OllamaDouble) -> None:
    double.always("endless-stream")

    async with aclosing(at(double).stream(chat(stream=True), call())) as steps:
        await anext(steps)
    await double.closed_early.wait(5)

    assert double.seen[0].gone
