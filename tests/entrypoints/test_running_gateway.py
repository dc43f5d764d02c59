"""Every use case through the composition root, without HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.wire.openai import chat_request, completions_request, embeddings
from application.gateway import Gateway
from domain.errors import BadKey, InvalidRequest, ModelNotFound, NotSupported
from domain.journey import Ending, Journey
from domain.keys import Caller
from domain.ports.providers import Call
from entrypoints.container import running_gateway
from entrypoints.jsonl import answer_lines
from entrypoints.settings import Settings, load_settings

CALLER = Caller("test")
CONFIG = """
[providers.custom]
kind = "custom"
[providers.cerebras]
kind = "cerebras"
api_key = "csk-test"
[models.fast]
targets = [{ provider = "custom", model = "custom", set = { seed = 7 } }]
[routing]
default_provider = ""
"""


def settings_of(folder: Path, config: str = CONFIG, **environ: str) -> Settings:
    """Return the settings of a folder with this configuration."""
    (folder / "gateway.toml").write_text(config, encoding="utf-8")
    return load_settings({}, {"ALLOWED_API_KEYS": "sk-one", **environ}, folder)


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Gateway]:
    """Return a gateway with in-memory adapters."""
    async with running_gateway(settings_of(tmp_path)) as running:
        yield running.gateway


def chat(model: str = "fast", **more: object) -> bytes:
    """Return the body of a chat."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}).encode()


async def test_chat_is_completed(gateway: Gateway) -> None:
    """An alias leads to its target; the journey tells of the way."""
    journey = Journey()

    answer = await gateway.complete_chat(CALLER, chat_request.parse_request(chat()), journey)

    assert answer.usage is not None
    assert ("custom", "custom", Ending.FINISHED, answer.usage) == (
        journey.provider,
        journey.model,
        journey.ending,
        journey.usage,
    )


async def test_chat_is_streamed(gateway: Gateway) -> None:
    """The stream says what the whole answer says."""
    whole = await gateway.complete_chat(CALLER, chat_request.parse_request(chat()))
    journey = Journey()

    stream = await gateway.stream_chat(CALLER, chat_request.parse_request(chat(stream=True)), journey)
    said = ""
    async for chunks in stream:
        for chunk in chunks:
            for choice in json.loads(chunk.document.members["choices"]):
                said += choice["delta"].get("content") or ""
    await stream.aclose()

    choices = json.loads(whole.document.members["choices"])
    assert (choices[0]["message"]["content"], Ending.FINISHED, whole.usage) == (said, journey.ending, journey.usage)


async def test_text_is_completed_whole_and_streamed(gateway: Gateway) -> None:
    """The custom provider answers prompts through its chat."""
    body = json.dumps({"model": "custom/custom", "prompt": "Once", "max_tokens": 6}).encode()
    whole = await gateway.complete_text(CALLER, completions_request.parse_request(body))

    stream = await gateway.stream_text(CALLER, completions_request.parse_request(body[:-1] + b',"stream":true}'))
    said = ""
    async for chunks in stream:
        for chunk in chunks:
            for choice in json.loads(chunk.document.members["choices"]):
                said += choice["text"]

    assert json.loads(whole.document.members["choices"])[0]["text"] == said


async def test_texts_become_vectors(gateway: Gateway) -> None:
    """One vector for each input."""
    body = b'{"model":"custom/custom","input":["a","b"],"dimensions":8}'

    answer = await gateway.embed(CALLER, embeddings.parse_request(body))

    assert [8, 8] == [len(item["embedding"]) for item in json.loads(answer.document.members["data"])]


async def test_capability_that_a_provider_lacks_is_a_typed_refusal(gateway: Gateway) -> None:
    """Cerebras has no embeddings, and the refusal says so."""
    with pytest.raises(NotSupported, match="'cerebras' has no embeddings"):
        await gateway.embed(CALLER, embeddings.parse_request(b'{"model":"cerebras/x","input":"a"}'))


async def test_models_are_refreshed_and_listed(gateway: Gateway) -> None:
    """Before the first refresh only aliases are known; afterwards what the providers said."""
    before = [model.id for model in gateway.list_models(CALLER)]
    models = await gateway.refresh_models.providers.models["custom"].list_models(Call(""))
    gateway.refresh_models.catalog.replace("custom", models)

    assert (["fast"], ["fast", "custom/custom"]) == (before, [model.id for model in gateway.list_models(CALLER)])


async def test_callers_are_told_apart(gateway: Gateway) -> None:
    """A key of the settings opens, another does not."""
    caller = await gateway.authenticate("sk-one")

    assert caller.id.startswith("key-")
    with pytest.raises(BadKey):
        await gateway.authenticate("sk-two")


async def test_refusals_have_an_ending(gateway: Gateway) -> None:
    """What is refused reaches no provider."""
    journeys = [Journey(), Journey()]
    with pytest.raises(ModelNotFound):
        await gateway.complete_chat(CALLER, chat_request.parse_request(chat("nope")), journeys[0])
    with pytest.raises(InvalidRequest):
        await gateway.complete_chat(CALLER, chat_request.parse_request(chat(temperature=9)), journeys[1])

    assert [Ending.REFUSED, Ending.REFUSED] == [journey.ending for journey in journeys]


async def test_json_lines_are_answered_without_a_web_server(tmp_path: Path) -> None:
    """A second entrypoint: one answer for each line, in order, errors included."""
    lines = [chat("custom/custom"), b"", b"{bad", b'{"model":"custom/custom","input":"x","dimensions":2}', chat("nope")]
    out = io.BytesIO()
    config = CONFIG.replace('[providers.cerebras]\nkind = "cerebras"\napi_key = "csk-test"\n', "")

    await answer_lines(settings_of(tmp_path, config), lines, out)

    answers = [json.loads(line) for line in out.getvalue().splitlines()]
    assert ["chat.completion", "invalid_json", "list", "model_not_found"] == [
        answer.get("object") or answer["error"]["code"] for answer in answers
    ]
