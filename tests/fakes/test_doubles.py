"""The doubles of the upstreams say what the vendors' servers say: real clients take them for real."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cerebras.cloud.sdk import AsyncCerebras
from openai import AsyncOpenAI

from tests.fakes.cerebras_double import CerebrasDouble
from tests.fakes.dialect import RECORDED
from tests.fakes.ollama_double import OllamaDouble
from tests.fakes.openai_double import OpenAIDouble
from tests.fakes.raw_client import CHAT, KEY, MESSAGES, plain_client
from tests.fakes.upstream import UpstreamDouble


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        yield double


@pytest.fixture
async def cerebras() -> AsyncIterator[CerebrasDouble]:
    async with CerebrasDouble() as double:
        yield double


@pytest.fixture
async def ollama() -> AsyncIterator[OllamaDouble]:
    async with OllamaDouble() as double:
        yield double


def openai_client(double: UpstreamDouble) -> AsyncOpenAI:
    return AsyncOpenAI(api_key=KEY, base_url=f"{double.url}/v1", max_retries=0)


def cerebras_client(double: UpstreamDouble) -> AsyncCerebras:
    return AsyncCerebras(api_key=KEY, base_url=double.url, max_retries=0, warm_tcp_connection=False)


@pytest.mark.parametrize("says", ["text", "tool", "tools", "reasoning", "choices", "refusal"])
async def test_openais_client_reads_every_answer_whole_and_streamed_alike(openai: OpenAIDouble, says: str) -> None:
    openai.next(says, says)
    async with openai_client(openai) as client:
        whole = await client.chat.completions.create(model="m", messages=MESSAGES)  # type: ignore[arg-type]
        options: Any = {"model": "m", "messages": MESSAGES, "stream_options": {"include_usage": True}}
        async with client.chat.completions.stream(**options) as stream:
            streamed = await stream.get_final_completion()

    assert whole.usage == streamed.usage
    assert [choice.finish_reason for choice in whole.choices] == [choice.finish_reason for choice in streamed.choices]
    for one, other in zip(whole.choices, streamed.choices, strict=True):
        assert (one.message.content or None) == (other.message.content or None)
        assert (one.message.refusal or None) == (other.message.refusal or None)
        calls = [[call.model_dump(exclude={"index"}) for call in m.message.tool_calls or []] for m in (one, other)]
        assert [{k: call[k] for k in ("id", "type")} for call in calls[0]] == [
            {k: call[k] for k in ("id", "type")} for call in calls[1]
        ]


async def test_openais_client_reads_the_other_endpoints(openai: OpenAIDouble) -> None:
    async with openai_client(openai) as client:
        text = await client.completions.create(model="m", prompt="The capital of France is")
        words = [piece async for piece in await client.completions.create(model="m", prompt="The", stream=True)]
        vectors = await client.embeddings.create(model="m", input=["one", "two"])
        floats = await client.embeddings.create(model="m", input=["one", "two"], encoding_format="float")
        models = await client.models.list()
        model = await client.models.retrieve("ft:gpt-5-mini:acme::C0ffee")

    assert text.choices[0].text == "".join(piece.choices[0].text for piece in words)
    assert [vector.embedding for vector in vectors.data] == [vector.embedding for vector in floats.data]
    assert vectors.data[0].embedding != vectors.data[1].embedding
    assert len(models.data) == 4
    assert model.owned_by == "acme"


@pytest.mark.parametrize("says", ["text", "tool", "tools", "reasoning", "choices", "length"])
async def test_cerebras_client_reads_every_answer_whole_and_streamed_alike(cerebras: CerebrasDouble, says: str) -> None:
    cerebras.next(says, says)
    async with cerebras_client(cerebras) as client:
        whole: Any = await client.chat.completions.create(model="m", messages=MESSAGES)  # type: ignore[arg-type]
        pieces: Any = await client.chat.completions.create(model="m", messages=MESSAGES, stream=True)  # type: ignore[arg-type]
        chunks = [chunk async for chunk in pieces]

    deltas = [choice for chunk in chunks for choice in chunk.choices if choice.index == 0]
    message = whole.choices[0].message
    assert (message.content or "") == "".join(choice.delta.content or "" for choice in deltas)
    assert (message.reasoning or "") == "".join(choice.delta.reasoning or "" for choice in deltas)
    assert chunks[-1].usage.model_dump() == whole.usage.model_dump()
    assert chunks[-1].time_info.total_time == 0.01
    assert cerebras.warmings == 0


async def test_cerebras_client_reads_the_other_endpoints(cerebras: CerebrasDouble) -> None:
    async with cerebras_client(cerebras) as client:
        text: Any = await client.completions.create(model="m", prompt="The capital of France is")
        pieces: Any = await client.completions.create(model="m", prompt="The", stream=True)
        words = [piece async for piece in pieces]
        models = await client.models.list()

    assert text.choices[0].text == "".join(piece.choices[0].text for piece in words)
    assert len(models.data) == 3


async def test_a_warming_is_noted(cerebras: CerebrasDouble) -> None:
    async with plain_client() as client:
        answer = await client.get(f"{cerebras.url}/v1/tcp_warming")

    assert (404, 1) == (answer.status_code, cerebras.warmings)


@pytest.mark.parametrize(
    ("more", "named_in_it"),
    [
        ({"store": True}, "store"),
        ({"top_k": 5}, "top_k"),
        ({"reasoning_effort": "xhigh"}, "reasoning_effort"),
        ({"messages": [{"role": "assistant", "content": "4", "refusal": None}]}, "messages.0.assistant.refusal"),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "", "cache_control": {}}]}]},
            "cache_control",
        ),
        ({"stream": True, "stream_options": {"include_obfuscation": False}}, "include_obfuscation"),
    ],
)
async def test_cerebras_refuses_what_it_does_not_know(
    cerebras: CerebrasDouble, more: dict[str, object], named_in_it: str
) -> None:
    async with plain_client() as client:
        answer = await client.post(f"{cerebras.url}/v1/chat/completions", json={**CHAT, **more})

    assert answer.status_code == 400
    assert answer.json()["code"] == "wrong_api_format"
    assert named_in_it in answer.json()["message"]


async def test_cerebras_has_no_embeddings(cerebras: CerebrasDouble) -> None:
    async with plain_client() as client:
        answer = await client.post(f"{cerebras.url}/v1/embeddings", json={"model": "m", "input": "x"})

    assert answer.status_code == 404


@pytest.mark.parametrize("says", ["text", "tool", "tools", "reasoning", "length"])
async def test_ollama_answers_whole_and_streamed_alike(ollama: OllamaDouble, says: str) -> None:
    ollama.next(says, says)
    async with plain_client() as client:
        whole = (await client.post(f"{ollama.url}/api/chat", json={**CHAT, "stream": False})).json()
        answer = await client.post(f"{ollama.url}/api/chat", json=CHAT)

    lines = [json.loads(line) for line in answer.text.splitlines()]
    for name in ("content", "thinking"):
        assert whole["message"].get(name, "") == "".join(line["message"].get(name, "") for line in lines)
    calls = [call for line in lines for call in line["message"].get("tool_calls", [])]
    assert whole["message"].get("tool_calls", []) == calls
    assert {**lines[-1], "message": {}} == {**whole, "message": {}}
    assert answer.headers["content-type"] == "application/x-ndjson"


async def test_ollama_serves_nothing_but_its_own_api(ollama: OllamaDouble) -> None:
    async with plain_client() as client:
        answer = await client.post(f"{ollama.url}/v1/chat/completions", json=CHAT)
        tags = await client.get(f"{ollama.url}/api/tags")
        vectors = await client.post(f"{ollama.url}/api/embed", json={"model": "m", "input": ["one", "two"]})

    assert (404, "404 page not found", "text/plain") == (
        answer.status_code,
        answer.text,
        answer.headers["content-type"],
    )
    assert len(tags.json()["models"]) == 3
    assert len(vectors.json()["embeddings"]) == 2


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]}, 400),
        ({"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}]}, 400),
        ({"options": {"stop": "x"}}, 500),
    ],
)
async def test_ollama_refuses_what_does_not_fit_its_types(
    ollama: OllamaDouble, more: dict[str, object], status: int
) -> None:
    async with plain_client() as client:
        answer = await client.post(f"{ollama.url}/api/chat", json={**CHAT, **more})

    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_recorded_answers_hold_what_a_careless_reader_would_lose() -> None:
    whole = (RECORDED / "openai" / "chat-text.json").read_bytes()

    for text in (b"9223372036854775807123", b"1.0e-5", b"0.10", b"1E+2", rb"\u00e9", rb"\/", b"-0.0"):
        assert text in whole
