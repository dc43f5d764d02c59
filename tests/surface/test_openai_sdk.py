"""The official `openai` package against a real server process."""

from __future__ import annotations

import base64
import json
import struct
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import jsonschema
import openai
import pytest

from tests.fakes.process import KEY, GatewayProcess

HELLO: Any = [{"role": "user", "content": "Say hello to the gateway"}]
TOOL: Any = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "minLength": 1}, "days": {"type": "integer", "minimum": 1}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
PERSON: Any = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0, "maximum": 150}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture
def client(gateway: GatewayProcess) -> Iterator[openai.OpenAI]:
    """Return the SDK, pointed at the gateway as a newcomer would."""
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


@pytest.fixture
async def async_client(gateway: GatewayProcess) -> AsyncIterator[openai.AsyncOpenAI]:
    """Return the asynchronous SDK."""
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key=KEY, max_retries=0) as client:
        yield client


def test_chat_is_answered_and_repeats_itself(client: openai.OpenAI) -> None:
    """The same request gives the same content and usage."""
    first = client.chat.completions.create(model="custom", messages=HELLO)
    second = client.chat.completions.create(model="custom", messages=HELLO)

    assert first.choices[0].message.content
    assert first.choices[0].message.content == second.choices[0].message.content
    assert first.usage is not None
    assert 0 < first.usage.prompt_tokens < first.usage.total_tokens
    assert first.usage == second.usage
    assert ("chat.completion", "custom", "stop") == (first.object, first.model, first.choices[0].finish_reason)
    assert first.id != second.id
    assert first._request_id


def test_stream_says_what_the_whole_answer_says(client: openai.OpenAI) -> None:
    """The pieces together are the answer; id, created and model are the same in all; usage comes where asked for."""
    whole = client.chat.completions.create(model="custom", messages=HELLO)
    pieces = list(
        client.chat.completions.create(
            model="custom", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )

    said = "".join(piece.choices[0].delta.content or "" for piece in pieces if piece.choices)
    assert whole.choices[0].message.content == said
    assert 1 == len({(piece.id, piece.created, piece.model) for piece in pieces})
    assert "assistant" == pieces[0].choices[0].delta.role
    assert whole.usage == pieces[-1].usage
    assert [] == pieces[-1].choices
    assert all(piece.usage is None for piece in pieces[:-1])


def test_stream_without_asking_has_no_usage(client: openai.OpenAI) -> None:
    """Clients index the first choice blindly where they did not ask for usage."""
    for piece in client.chat.completions.create(model="custom", messages=HELLO, stream=True):
        assert piece.choices
        assert piece.usage is None


async def test_asynchronous_client_streams_too(async_client: openai.AsyncOpenAI) -> None:
    """The same through the asynchronous SDK."""
    whole = await async_client.chat.completions.create(model="custom", messages=HELLO)
    stream = await async_client.chat.completions.create(model="custom", messages=HELLO, stream=True)

    said = "".join([piece.choices[0].delta.content or "" async for piece in stream])

    assert whole.choices[0].message.content == said


def test_tool_is_called_with_arguments_that_fit_its_schema(client: openai.OpenAI) -> None:
    """The arguments are a JSON string that the tool's schema accepts, whole and streamed alike."""
    asked: Any = {"model": "custom", "messages": HELLO, "tools": [TOOL], "tool_choice": "required"}

    whole = client.chat.completions.create(**asked)
    pieces = list(client.chat.completions.create(**asked, stream=True))

    assert "tool_calls" == whole.choices[0].finish_reason
    calls: Any = whole.choices[0].message.tool_calls
    jsonschema.validate(json.loads(calls[0].function.arguments), TOOL["function"]["parameters"])
    deltas: Any = [call for piece in pieces for call in piece.choices[0].delta.tool_calls or ()]
    assert calls[0].function.arguments == "".join(call.function.arguments or "" for call in deltas)
    assert (calls[0].id, "get_weather") == (deltas[0].id, deltas[0].function.name)
    assert "tool_calls" == pieces[-1].choices[0].finish_reason


def test_structured_output_is_an_instance_of_the_schema(client: openai.OpenAI) -> None:
    """`response_format` json_schema gives a valid instance."""
    answer = client.chat.completions.create(
        model="custom",
        messages=HELLO,
        response_format={"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}},
    )

    jsonschema.validate(json.loads(answer.choices[0].message.content or ""), PERSON)


def test_maximum_cuts_the_answer_and_says_so(client: openai.OpenAI) -> None:
    """`max_completion_tokens` is exact, and the answer ends with `length`."""
    answer = client.chat.completions.create(model="custom", messages=HELLO, max_completion_tokens=3)

    assert answer.usage is not None
    assert ("length", 3) == (answer.choices[0].finish_reason, answer.usage.completion_tokens)


def test_embeddings_are_unit_vectors(client: openai.OpenAI) -> None:
    """Also in the base64 that the SDK asks for by default."""
    answer = client.embeddings.create(model="custom", input=["one", "two", "one"], dimensions=16)

    one, two, again = (item.embedding for item in answer.data)
    assert [16, 16] == [len(one), len(two)]
    assert one == again != two
    assert abs(sum(value * value for value in one) - 1) < 1e-5


def test_base64_is_little_endian_float32(client: openai.OpenAI) -> None:
    """Both encodings hold the same vector."""
    floats = client.embeddings.create(model="custom", input="x", dimensions=4, encoding_format="float")
    raw = client.embeddings.with_raw_response.create(model="custom", input="x", dimensions=4, encoding_format="base64")

    packed = base64.b64decode(json.loads(raw.content)["data"][0]["embedding"])
    assert floats.data[0].embedding == pytest.approx(struct.unpack("<4f", packed), abs=1e-7)


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    """The list has the built-in model; it is found by its qualified and by its bare name."""
    assert ["custom/custom"] == [model.id for model in client.models.list()]
    assert ["custom/custom", "custom"] == [client.models.retrieve(name).id for name in ("custom/custom", "custom")]


def test_text_completions_are_rendered_onto_the_chat(client: openai.OpenAI) -> None:
    """The custom provider has no completions of its own; the answer is the same streamed."""
    whole = client.completions.create(model="custom", prompt="Once upon a time", max_tokens=8)
    pieces = client.completions.create(model="custom", prompt="Once upon a time", max_tokens=8, stream=True)

    assert whole.choices[0].text == "".join(piece.choices[0].text for piece in pieces)
    assert ("text_completion", "length") == (whole.object, whole.choices[0].finish_reason)


def test_providers_own_path(gateway: GatewayProcess) -> None:
    """Under /custom/v1 the provider is fixed."""
    with openai.OpenAI(base_url=f"{gateway.url}/custom/v1", api_key=KEY, max_retries=0) as client:
        assert ["custom"] == [model.id for model in client.models.list()]
        assert "any-name" == client.chat.completions.create(model="any-name", messages=HELLO).model


def test_wrong_key_is_an_authentication_error(gateway: GatewayProcess) -> None:
    """The SDK raises its own class for it."""
    with (
        openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="sk-wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as caught,
    ):
        client.models.list()

    assert ("invalid_api_key", True) == (caught.value.code, bool(caught.value.request_id))


@pytest.mark.parametrize(
    ("change", "error", "param"),
    [
        ({"temperature": 3}, openai.BadRequestError, "temperature"),
        ({"temperature": "hot"}, openai.BadRequestError, "temperature"),
        ({"n": 0}, openai.BadRequestError, "n"),
        ({"messages": []}, openai.BadRequestError, "messages"),
        ({"messages": [{"role": "wizard", "content": "x"}]}, openai.BadRequestError, "messages[0].role"),
        ({"messages": [{"role": "tool", "content": "x"}]}, openai.BadRequestError, "messages[0].tool_call_id"),
        ({"max_tokens": 0}, openai.BadRequestError, "max_tokens"),
        ({"tool_choice": "required"}, openai.BadRequestError, "tool_choice"),
        ({"stream_options": {"include_usage": True}}, openai.BadRequestError, "stream_options"),
        ({"model": "nope/nothing", "extra_headers": {}}, None, None),
    ],
)
def test_mistakes_are_named(client: openai.OpenAI, change: Any, error: Any, param: str | None) -> None:
    """What a caller gets wrong is a typed error that names the member; an unknown name goes to the default provider."""
    asked: Any = {"model": "custom", "messages": HELLO, **change}
    if error is None:
        assert change["model"] == client.chat.completions.create(**asked).model
        return
    with pytest.raises(error) as caught:
        client.chat.completions.create(**asked)

    assert param == caught.value.param


def test_history_that_an_sdk_echoes_is_taken(client: openai.OpenAI) -> None:
    """Messages of answers come back with all their null members, tool results with their ids."""
    first = client.chat.completions.create(model="custom", messages=HELLO, tools=[TOOL], tool_choice="required")
    message = first.choices[0].message
    calls: Any = message.tool_calls
    history: Any = [*HELLO, message.model_dump(), {"role": "tool", "tool_call_id": calls[0].id, "content": "sunny"}]

    answer = client.chat.completions.create(model="custom", messages=history, tools=[TOOL])

    assert "stop" == answer.choices[0].finish_reason


def test_docs_are_served_offline(gateway: GatewayProcess) -> None:
    """The description and its page come from the gateway itself, and need no key."""
    described = httpx.get(f"{gateway.url}/openapi.json")
    page = httpx.get(f"{gateway.url}/docs")

    assert described.json()["openapi"].startswith("3.1")
    assert (200, True) == (page.status_code, "text/html" in page.headers["content-type"])
