"""What the built-in engine says to a chat, and how each parameter changes it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.custom.asked import MAX_TOKENS
from adapters.custom.tokens import count, tokens
from domain.usage import Usage
from tests.adapters.custom.fakes import CALL, NOW, Json, chat, content, engine, first, values, whole

VARYING = [
    {"seed": 7},
    {"temperature": 0},
    {"temperature": 1.5},
    {"top_p": 0.5},
    {"presence_penalty": 1},
    {"frequency_penalty": -1},
    {"logit_bias": {"50256": -100}},
    {"reasoning_effort": "low"},
    {"messages": [{"role": "user", "content": "Hello"}]},
    {"messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello there"}]},
]
NEUTRAL = [
    {"user": "me"},
    {"metadata": {"run": "1"}},
    {"store": True},
    {"service_tier": "flex"},
    {"logprobs": True, "top_logprobs": 3},
    {"n": 3},
    {"max_tokens": 100_000},
    {"stop": ["never said"]},
    {"some_vendors_member": {"deep": [1]}},
    {"temperature": None, "seed": None, "tools": None, "stop": None, "n": None},
]


async def test_the_answer_has_the_whole_shape_that_openai_gives() -> None:
    """Every member stands there, also those that hold nothing."""
    answer = await whole(model="any name")
    said = answer["choices"][0]["message"].pop("content")

    assert {
        "id": "chatcmpl-00000000-0000-0000-0000-000000000001",
        "object": "chat.completion",
        "created": int(NOW),
        "model": "any name",
        "service_tier": "default",
        "system_fingerprint": "fp_custom_1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {
            "prompt_tokens": 3,
            "completion_tokens": count(said),
            "total_tokens": 3 + count(said),
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
    } == answer


async def test_the_text_never_changes() -> None:
    """It is the same on every machine and Python; whoever changes it changes the fingerprint too."""
    expected = (
        "You said: Hello there\n\n"
        "Robin horizon olive tea apron paper snow harvest balcony oasis. "
        "Moss flame frost violet plum lantern candle. "
        "Grape pear border path prairie rain compass autumn berry. "
        "Comet robin quartz hollow meadow farm clover summer."
    )

    assert expected == await content()


async def test_only_id_and_time_tell_two_answers_apart() -> None:
    """The same engine, asked twice, says the same under another id."""
    provider = engine()
    one, other = [values((await provider.complete(chat(), CALL)).document) for _ in range(2)]

    assert one.pop("id") != other.pop("id")
    assert one == other


async def test_the_answer_reflects_the_last_message() -> None:
    """A test can assert what it sent."""
    tool_result = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},
        {"role": "tool", "tool_call_id": "call_1", "content": "18 °C"},
    ]

    assert (await content()).startswith("You said: Hello there\n\n")
    assert (await content(messages=tool_result)).startswith("The tool said: 18 °C\n\n")
    assert (await content(messages=[{"role": "system", "content": "Hi"}])).startswith("The last message said: Hi\n\n")


CALLED = {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}


async def test_a_long_message_is_reflected_in_part() -> None:
    """Forty tokens, then an ellipsis; blanks and line ends become one space."""
    said = await content(messages=[{"role": "user", "content": "one\n\n two " * 100}])

    assert said.startswith("You said: " + "one two " * 19 + "one two…\n\n")


async def test_the_text_of_parts_is_reflected() -> None:
    """Content in parts says what its text parts say."""
    parts = [{"type": "text", "text": "Look"}, {"type": "image_url", "image_url": {"url": "data:,"}}]

    assert (await content(messages=[{"role": "user", "content": parts}])).startswith("You said: Look\n\n")


@pytest.mark.parametrize("members", VARYING, ids=str)
async def test_what_a_model_heeds_changes_the_text(members: Json) -> None:
    """Another seed, temperature or message, another text."""
    assert await content() != await content(**members)


@pytest.mark.parametrize("members", NEUTRAL, ids=str)
async def test_what_a_model_does_not_see_changes_nothing(members: Json) -> None:
    """Choice 0 says the same, whatever else is asked for; a null is as if it were not there."""
    assert await content() == await content(**members)


async def test_the_order_of_members_changes_nothing() -> None:
    """JSON objects have none."""
    assert await content() == await content(messages=[{"content": "Hello there", "role": "user", "name": None}])


async def test_the_models_name_is_part_of_the_seed() -> None:
    """What the upstream model is called changes the text; what the caller calls it does not."""
    provider = engine()
    texts = [
        values((await provider.complete(chat(model=name), call)).document)["choices"][0]["message"]["content"]
        for name, call in [("a", CALL), ("b", CALL), ("a", type(CALL)(model="other"))]
    ]

    assert texts[0] == texts[1] != texts[2]


async def test_n_gives_as_many_different_texts() -> None:
    """Each choice has its index, its own text, and a number at its start; the usage counts them all."""
    answer = await whole(n=128)
    texts = [choice["message"]["content"] for choice in answer["choices"]]

    assert list(range(128)) == [choice["index"] for choice in answer["choices"]]
    assert len(set(texts)) == 128
    assert texts[1].startswith("2. You said: Hello there")
    assert sum(map(count, texts)) == answer["usage"]["completion_tokens"]


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_a_maximum_cuts_after_exactly_so_many_tokens(name: str) -> None:
    """The cut answer is the beginning of the uncut one."""
    uncut = await content()
    answer = await whole(**{name: 10})
    choice = answer["choices"][0]

    assert "".join(tokens(uncut)[:10]) == choice["message"]["content"]
    assert choice["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == 10


async def test_max_completion_tokens_wins_over_max_tokens() -> None:
    """Where both are given."""
    assert count(await content(max_tokens=3, max_completion_tokens=5)) == 5


async def test_a_maximum_that_is_not_reached_changes_nothing() -> None:
    """An answer of exactly the maximum is whole."""
    uncut = await content()
    choice = await first(max_tokens=count(uncut))

    assert (uncut, "stop") == (choice["message"]["content"], choice["finish_reason"])


@pytest.mark.parametrize(
    ("stop", "expected"),
    [
        ("there", "You said: Hello "),
        (["never said", "there"], "You said: Hello "),
        (["here", "there"], "You said: Hello "),
        (["here", "re\n"], "You said: Hello t"),
        (["You"], ""),
    ],
)
async def test_a_stop_text_ends_the_answer_before_it(stop: Any, expected: str) -> None:
    """The earliest of them counts, also in the middle of a token."""
    answer = await whole(stop=stop)
    said = answer["choices"][0]["message"]["content"]

    assert said == expected
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert answer["usage"]["completion_tokens"] == count(said)


async def test_a_stop_text_beyond_the_maximum_is_not_reached() -> None:
    """What is cut off is not said."""
    assert (await first(stop="Hello", max_tokens=3))["finish_reason"] == "length"
    assert (await first(stop="said", max_tokens=3))["finish_reason"] == "stop"


@pytest.mark.parametrize(("verbosity", "sentences"), [("low", 2), (None, 4), ("medium", 4), ("high", 8)])
async def test_verbosity_sets_the_number_of_sentences(verbosity: str | None, sentences: int) -> None:
    """Two, four or eight after what is reflected."""
    said = await content(verbosity=verbosity)

    assert said.partition("\n\n")[2].count(".") == sentences


async def test_logprobs_describe_every_token() -> None:
    """They spell the text, add up to no more than certainty, and begin with the token said."""
    choice = await first(logprobs=True, top_logprobs=5)
    entries = choice["logprobs"]["content"]

    assert "".join(entry["token"] for entry in entries) == choice["message"]["content"]
    for entry in entries:
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert len({alternative["token"] for alternative in entry["top_logprobs"]}) == 5
        assert entry["top_logprobs"][0] == {key: entry[key] for key in ("token", "logprob", "bytes")}
        assert sum(2.718281828 ** alternative["logprob"] for alternative in entry["top_logprobs"]) <= 1


async def test_logprobs_without_alternatives() -> None:
    """`top_logprobs` of 0, or none, gives an empty list of them; the probabilities stay the same."""
    none, zero, two = [
        (await first(logprobs=True, **more))["logprobs"]["content"]
        for more in ({}, {"top_logprobs": 0}, {"top_logprobs": 2})
    ]

    assert none == zero == [{**entry, "top_logprobs": []} for entry in two]


async def test_a_json_object_is_one() -> None:
    """It holds the text that would have been said, and a number."""
    found = json.loads(await content(response_format={"type": "json_object"}))

    assert {"text", "number"} == set(found)
    assert found["text"].startswith("You said: Hello there")


async def test_a_json_schema_gets_an_instance() -> None:
    """The content is JSON text that fits."""
    schema = {"type": "object", "properties": {"ok": {"const": True}}, "required": ["ok"]}
    asked = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}

    assert json.loads(await content(response_format=asked)) == {"ok": True}


async def test_a_maximum_cuts_json_as_a_model_would() -> None:
    """What is left is no JSON, and the reason says so."""
    choice = await first(response_format={"type": "json_object"}, max_tokens=4)

    assert choice["finish_reason"] == "length"
    with pytest.raises(json.JSONDecodeError):
        json.loads(choice["message"]["content"])


async def test_a_schema_that_takes_all_the_effort_still_serves_every_choice() -> None:
    """Further choices repeat an instance rather than take the time of others."""
    schema = {"type": "array", "minItems": 1000, "items": {"type": "integer"}}
    asked = {"type": "json_schema", "json_schema": {"name": "long", "schema": schema}}
    answer = await whole(n=8, response_format=asked)

    assert all(len(json.loads(choice["message"]["content"])) == 1000 for choice in answer["choices"])


async def test_the_engine_has_a_maximum_of_its_own() -> None:
    """As models have: what a schema asks for beyond it is cut, and the reason says so."""
    schema = {"type": "array", "minItems": 20, "items": {"type": "string", "minLength": 10_000}}
    answer = await whole(response_format={"type": "json_schema", "json_schema": {"name": "long", "schema": schema}})

    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == MAX_TOKENS


async def test_the_prompt_counts_roles_names_calls_media_tools_and_schemas() -> None:
    """The rule of the reference, piece by piece."""
    described = {"type": "function", "function": {"name": "f"}}
    messages = [
        {"role": "system", "content": "Be brief."},  # 1 + 3
        {"role": "user", "name": "Ann", "content": [{"type": "text", "text": "Hi"}, IMAGE]},  # 1 + 1 + 1 + 85
        {"role": "assistant", "content": None, "tool_calls": [CALLED]},  # 1 + 1 + 2
        {"role": "tool", "tool_call_id": "call_1", "content": "warm"},  # 1 + 1
    ]
    plain = (await whole(messages=messages))["usage"]["prompt_tokens"]
    with_tools = (await whole(messages=messages, tools=[described]))["usage"]["prompt_tokens"]

    assert plain == 4 + 88 + 4 + 2
    assert with_tools == plain + count('[{"type":"function","function":{"name":"f"}}]')


IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}


async def test_the_usage_of_the_response_is_that_of_its_document() -> None:
    """What is billed is what the caller sees."""
    response = await engine().complete(chat(n=2), CALL)
    usage = values(response.document)["usage"]

    assert response.usage == Usage(usage["prompt_tokens"], usage["completion_tokens"])
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


async def test_the_one_model_is_listed() -> None:
    """It answers to any name, and lists itself."""
    (model,) = await engine().list_models(CALL)

    assert model.id == "custom"
    assert {"id", "object", "created", "owned_by"} == set(values(model.document))
