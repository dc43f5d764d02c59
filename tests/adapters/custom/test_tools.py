"""When the engine calls tools, which, and with what."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from adapters.custom.tokens import count
from tests.adapters.custom.fakes import Json, first, values, whole
from tests.adapters.custom.fakes import chunks as chunks_of

PARAMETERS = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "minLength": 1},
        "days": {"type": "integer", "minimum": 1, "maximum": 7},
        "unit": {"enum": ["celsius", "fahrenheit"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = {"type": "function", "function": {"name": "weather", "description": "Forecast", "parameters": PARAMETERS}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
NOTE = {"type": "custom", "custom": {"name": "note"}}
TOOLS = [WEATHER, CLOCK, NOTE]


def names(choice: Json) -> list[str]:
    """Return the names of the tools that a choice calls."""
    return [call[call["type"]]["name"] for call in choice["message"].get("tool_calls", [])]


def asking(text: str) -> list[Json]:
    return [{"role": "user", "content": text}]


async def test_a_call_has_the_whole_shape() -> None:
    """Id, type, name, and arguments as text that fits the schema; no content, and the right reason."""
    choice = await first(tools=[WEATHER])
    (call,) = choice["message"].pop("tool_calls")
    arguments = call["function"].pop("arguments")

    assert {"role": "assistant", "content": None, "refusal": None, "annotations": []} == choice["message"]
    assert choice["finish_reason"] == "tool_calls"
    assert call == {"id": call["id"], "type": "function", "function": {"name": "weather"}}
    assert call["id"].startswith("call_")
    Draft202012Validator(PARAMETERS).validate(json.loads(arguments))


async def test_a_custom_tool_gets_plain_text() -> None:
    """Its input is a few words."""
    choice = await first(tools=[NOTE])
    (call,) = choice["message"]["tool_calls"]

    assert call["type"] == "custom"
    assert call["custom"]["name"] == "note"
    assert 3 <= len(call["custom"]["input"].split()) <= 8


@pytest.mark.parametrize(
    ("members", "called"),
    [
        ({}, ["weather"]),
        ({"tool_choice": "auto"}, ["weather"]),
        ({"tool_choice": "required"}, ["weather"]),
        ({"tool_choice": "none"}, []),
        ({"messages": asking("What does the clock say?")}, ["clock"]),
        ({"messages": asking("The clock?"), "tool_choice": "required"}, ["clock"]),
        ({"parallel_tool_calls": True}, ["weather", "clock", "note"]),
        ({"parallel_tool_calls": False}, ["weather"]),
        ({"parallel_tool_calls": None}, ["weather"]),
        ({"parallel_tool_calls": True, "tool_choice": "none"}, []),
        ({"tool_choice": {"type": "function", "function": {"name": "clock"}}}, ["clock"]),
        ({"tool_choice": {"type": "custom", "custom": {"name": "note"}}, "parallel_tool_calls": True}, ["note"]),
    ],
    ids=str,
)
async def test_which_tools_are_called(members: Json, called: list[str]) -> None:
    """The named one; else the one that the user names, else the first; all of them where that is asked for."""
    assert called == names(await first(tools=TOOLS, **members))


@pytest.mark.parametrize("mode", ["auto", "required"])
async def test_only_allowed_tools_are_called(mode: str) -> None:
    """`allowed_tools` narrows the choice, and says whether there must be one."""
    allowed = [{"type": "custom", "custom": {"name": "note"}}, {"type": "function", "function": {"name": "clock"}}]
    choice = {"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": allowed}}
    after_result = [{"role": "tool", "tool_call_id": "call_1", "content": "done"}]

    assert names(await first(tools=TOOLS, tool_choice=choice)) == ["note"]
    assert names(await first(tools=TOOLS, tool_choice=choice, parallel_tool_calls=True)) == ["note", "clock"]
    assert bool(names(await first(tools=TOOLS, tool_choice=choice, messages=after_result))) is (mode == "required")


@pytest.mark.parametrize("role", ["tool", "assistant", "system", "developer"])
async def test_with_auto_only_a_user_gets_a_call(role: str) -> None:
    """A tool's result is answered in text, so that a loop over tools comes to an end; what is required is called."""
    last = [{"role": "user", "content": "?"}, {"role": role, "content": "18 °C", "tool_call_id": "call_1"}]
    choice = await first(tools=TOOLS, messages=last)

    assert (choice["finish_reason"], "18 °C" in choice["message"]["content"]) == ("stop", True)
    assert names(await first(tools=TOOLS, messages=last, tool_choice="required")) == ["weather"]


async def test_calls_have_ids_of_their_own_that_repeat() -> None:
    """Each call of each choice has another id, and the same request has the same ones."""
    one, other = [await whole(tools=TOOLS, parallel_tool_calls=True, n=3) for _ in range(2)]
    ids = [call["id"] for choice in one["choices"] for call in choice["message"]["tool_calls"]]

    assert len(set(ids)) == 9
    assert one["choices"] == other["choices"]


async def test_the_usage_counts_names_as_one_and_arguments_by_their_tokens() -> None:
    """What a call costs."""
    answer = await whole(tools=TOOLS, parallel_tool_calls=True)
    calls = [call[call["type"]] for call in answer["choices"][0]["message"]["tool_calls"]]
    said = [call.get("arguments", call.get("input")) for call in calls]

    assert sum(1 + count(text) for text in said) == answer["usage"]["completion_tokens"]


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_a_maximum_cuts_arguments_as_a_model_would(most: int) -> None:
    """The call is there, its arguments are not whole, and the reason says so."""
    answer = await whole(tools=TOOLS, parallel_tool_calls=True, max_tokens=most)
    choice = answer["choices"][0]

    assert (answer["usage"]["completion_tokens"], choice["finish_reason"]) == (most, "length")
    assert names(choice) == ["weather"]
    assert count(choice["message"]["tool_calls"][0]["function"]["arguments"]) == most - 1


async def test_stop_texts_do_not_touch_arguments() -> None:
    """They are for what is said."""
    assert await first(tools=TOOLS) == await first(tools=TOOLS, stop=["{", '"', "e"])


async def test_a_call_streams_its_name_first_and_then_its_arguments() -> None:
    """Id, type and name stand in the first delta of an index; after it come fragments with the index alone."""
    streamed = [values(chunk.document) for chunk in await chunks_of(tools=TOOLS, parallel_tool_calls=True)]
    deltas = [choice["delta"] for document in streamed for choice in document["choices"]]
    calls: list[list[Any]] = [[], [], []]
    for delta in deltas:
        for part in delta.get("tool_calls", []):
            calls[part["index"]].append(part)

    assert deltas[0] == {"role": "assistant", "content": None}
    assert deltas[-1] == {}
    for (opening, *fragments), (kind, name, said) in zip(
        calls,
        [("function", "weather", "arguments"), ("function", "clock", "arguments"), ("custom", "note", "input")],
        strict=True,
    ):
        assert opening[kind] == {"name": name, said: ""}
        assert opening["type"] == kind
        assert all(set(fragment) == {"index", kind} for fragment in fragments)
        assert fragments


async def test_tools_without_parameters_are_called_with_an_empty_object() -> None:
    """Nothing asked, nothing given."""
    (call,) = (await first(tools=[CLOCK]))["message"]["tool_calls"]

    assert call["function"]["arguments"] == "{}"
