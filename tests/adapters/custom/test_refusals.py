"""What OpenAI refuses, the engine refuses, naming the member at fault; nothing else ever comes of a bad request."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import document_of
from domain.chat import ChatRequest
from domain.document import Document
from domain.errors import InvalidRequest
from tests.adapters.custom.fakes import CALL, Json, chat, engine, shortly, whole

TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
WIDE = {"type": "function", "function": {"name": "f", "parameters": {"properties": {str(n): {} for n in range(999)}}}}
CALLED = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}


def user(content: Any, **more: Any) -> list[Json]:
    return [{"role": "user", "content": content, **more}]


def schema(inside: Any) -> Json:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": inside}}}


def tool(**function: Any) -> Json:
    return {"tools": [TOOL, {"type": "function", "function": function}]}


RANGES = [
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"temperature": -0.1}, "temperature", "decimal_below_min_value"),
    ({"top_p": 1.01}, "top_p", "decimal_above_max_value"),
    ({"top_p": -1}, "top_p", "decimal_below_min_value"),
    ({"presence_penalty": 2.5}, "presence_penalty", "decimal_above_max_value"),
    ({"frequency_penalty": -3}, "frequency_penalty", "decimal_below_min_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_completion_tokens": -5}, "max_completion_tokens", "integer_below_min_value"),
    ({"seed": 1 << 63}, "seed", "integer_above_max_value"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
    ({"logprobs": True, "top_logprobs": -1}, "top_logprobs", "integer_below_min_value"),
    ({"top_logprobs": 1}, "top_logprobs", "invalid_value"),
    ({"logprobs": False, "top_logprobs": 0}, "top_logprobs", "invalid_value"),
    ({"stop": 7}, "stop", "invalid_type"),
    ({"stop": ["a", 7]}, "stop[1]", "invalid_type"),
    ({"stop": list("abcde")}, "stop", "array_above_max_length"),
    ({"logit_bias": {str(key): 0 for key in range(1_025)}}, "logit_bias", "object_above_max_properties"),
    ({"logit_bias": []}, "logit_bias", "invalid_type"),
    ({"modalities": False}, "modalities", "invalid_type"),
    ({"metadata": ""}, "metadata", "invalid_type"),
    ({"logit_bias": {"7": 101}}, "logit_bias.7", "decimal_above_max_value"),
    ({"metadata": {str(key): "" for key in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k" * 65: ""}}, f"metadata.{'k' * 64}", "string_above_max_length"),
    ({"metadata": {"k": "v" * 513}}, "metadata.k", "string_above_max_length"),
    ({"service_tier": "gold"}, "service_tier", "invalid_value"),
    ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_value"),
    ({"verbosity": "chatty"}, "verbosity", "invalid_value"),
    ({"modalities": ["text", "audio"]}, "modalities[1]", "invalid_value"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_value"),
]
MESSAGES = [
    ({"messages": None}, "messages", "missing_required_parameter"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": user("hi") * 2_049}, "messages", "array_above_max_length"),
    ({"messages": ["hi"]}, "messages[0]", "invalid_type"),
    ({"messages": [{"content": "hi"}]}, "messages[0].role", "missing_required_parameter"),
    ({"messages": [{"role": "wizard", "content": "hi"}]}, "messages[0].role", "invalid_value"),
    ({"messages": user(None)}, "messages[0].content", "missing_required_parameter"),
    ({"messages": user(7)}, "messages[0].content", "invalid_type"),
    ({"messages": user([])}, "messages[0].content", "empty_array"),
    ({"messages": user([{"type": "smell"}])}, "messages[0].content[0].type", "invalid_value"),
    ({"messages": user([{}])}, "messages[0].content[0].type", "missing_required_parameter"),
    ({"messages": user([{"type": "text"}])}, "messages[0].content[0].text", "missing_required_parameter"),
    ({"messages": user([{"type": "file"}])}, "messages[0].content[0].file", "missing_required_parameter"),
    ({"messages": user("hi", name=7)}, "messages[0].name", "invalid_type"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id", "missing_required_parameter"),
    ({"messages": [{"role": "assistant"}]}, "messages[0].content", "missing_required_parameter"),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{**CALLED, "id": None}]}]},
        "messages[0].tool_calls[0].id",
        "missing_required_parameter",
    ),
    (
        {"messages": [{"role": "assistant", "tool_calls": [{**CALLED, "function": {"name": "f"}}]}]},
        "messages[0].tool_calls[0].function.arguments",
        "missing_required_parameter",
    ),
]
TOOLS = [
    ({"tools": [{"type": "magic"}]}, "tools[0].type", "invalid_value"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    ({"tools": [WIDE] * 6}, "tools", "invalid_function_parameters"),
    ({"tools": [TOOL] * 129}, "tools", "array_above_max_length"),
    (tool(name="no spaces"), "tools[1].function.name", "invalid_value"),
    (tool(name="x" * 65), "tools[1].function.name", "invalid_value"),
    (tool(name="g", parameters={"type": 7}), "tools[1].function.parameters", "invalid_function_parameters"),
    (
        {**tool(name="g", parameters={"type": "string"}), "parallel_tool_calls": True},
        "tools[1].function.parameters",
        "invalid_function_parameters",
    ),
    ({"tool_choice": "auto"}, "tool_choice", "invalid_value"),
    ({"tool_choice": "none"}, "tool_choice", "invalid_value"),
    ({"tools": [], "tool_choice": "required"}, "tool_choice", "invalid_value"),
    ({"tools": [TOOL], "tool_choice": "perhaps"}, "tool_choice", "invalid_value"),
    ({"tools": [TOOL], "tool_choice": 7}, "tool_choice", "invalid_type"),
    ({"tools": [TOOL], "tool_choice": {}}, "tool_choice.type", "missing_required_parameter"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}},
        "tool_choice.function.name",
        "invalid_value",
    ),
    (
        {"tools": [TOOL], "tool_choice": {"type": "custom", "custom": {"name": "f"}}},
        "tool_choice.custom.name",
        "invalid_value",
    ),
]
FORMATS = [
    ({"response_format": {}}, "response_format.type", "missing_required_parameter"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema", "missing_required_parameter"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {}}},
        "response_format.json_schema.name",
        "missing_required_parameter",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
        "response_format.json_schema.name",
        "invalid_value",
    ),
    (schema({"type": "nonsense"}), "response_format.json_schema.schema", "invalid_json_schema"),
    (schema({"enum": []}), "response_format.json_schema.schema", "invalid_json_schema"),
    (schema({"type": "array", "minItems": 10**9}), "response_format.json_schema.schema", "invalid_json_schema"),
    (schema({"$ref": "https://example.com/far"}), "response_format.json_schema.schema", "invalid_json_schema"),
    (schema({"description": "x" * (1 << 20)}), "response_format", "string_above_max_length"),
    (schema({"pattern": "("}), "response_format.json_schema.schema", "invalid_json_schema"),
]


@pytest.mark.parametrize(("members", "param", "code"), [*RANGES, *MESSAGES, *TOOLS, *FORMATS], ids=shortly)
async def test_what_openai_refuses_is_refused(members: Json, param: str, code: str) -> None:
    """With the path of the member, a code, and a sentence that names the member."""
    with pytest.raises(InvalidRequest) as refusal:
        await whole(**members)

    assert (param, code) == (refusal.value.param, refusal.value.code)
    assert param in str(refusal.value)


@pytest.mark.parametrize(
    "members",
    [
        {"temperature": 2, "top_p": 0, "presence_penalty": -2, "frequency_penalty": 2.0},
        {"seed": -(1 << 63), "logprobs": True, "top_logprobs": 20, "stop": list("abcd")},
        {"metadata": {f"{key:064}": "v" * 512 for key in range(16)}, "logit_bias": {"7": -100, "8": 100}},
        {"tools": [], "parallel_tool_calls": True, "modalities": ["text"], "service_tier": "auto"},
        {"messages": [{"role": role, "content": "x"} for role in ("developer", "system", "user", "assistant")]},
        {"messages": [{"role": "function", "name": "f"}, {"role": "assistant", "tool_calls": [CALLED]}]},
        {"messages": [{"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}], "refusal": None}]},
        {
            "messages": user(
                [
                    {"type": "text", "text": "x"},
                    {"type": "image_url", "image_url": "https://example.com/x.png"},
                    {"type": "input_audio", "input_audio": {"data": "", "format": "wav"}},
                    {"type": "file", "file": {"file_id": "file-1"}},
                ]
            )
        },
        {"response_format": {"type": "json_schema", "json_schema": {"name": "without-schema"}}},
    ],
    ids=str,
)
async def test_what_openai_takes_is_taken(members: Json) -> None:
    """The ends of every range belong to it."""
    assert (await whole(**members))["choices"]


async def test_stream_options_stand_beside_a_stream() -> None:
    """Where they belong they are checked, and heeded elsewhere."""
    asked = chat(stream=True, stream_options={"include_usage": True})

    assert await anext(engine().stream(asked, CALL))
    with pytest.raises(InvalidRequest) as refusal:
        await anext(engine().stream(chat(stream=True, stream_options={"include_usage": 1}), CALL))
    assert refusal.value.param == "stream_options.include_usage"


async def test_text_that_is_no_unicode_is_refused() -> None:
    """A lone surrogate has no UTF-8."""
    document = chat().document.having({"messages": b'[{"role":"user","content":"\\ud800"}]'})
    with pytest.raises(InvalidRequest) as refusal:
        await engine().complete(ChatRequest("custom", document), CALL)

    assert refusal.value.param == "messages"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-200, 200) | st.floats(-300, 300) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
NAMES = [
    "messages", "n", "max_tokens", "max_completion_tokens", "temperature", "top_p", "seed", "stop", "logprobs",
    "top_logprobs", "logit_bias", "tools", "tool_choice", "parallel_tool_calls", "response_format", "metadata", "user",
    "service_tier", "reasoning_effort", "verbosity", "modalities", "stream_options", "store", "presence_penalty",
]  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), JSON, min_size=1, max_size=3))
async def test_garbage_is_refused_or_answered(members: Json) -> None:
    """Whatever stands in a member, the engine answers or says what is wrong with it."""
    try:
        answer = await whole(**members)
    except InvalidRequest as refusal:
        assert refusal.param  # noqa: PT017 - either way is right, and this one has to name a member
    else:
        assert answer["usage"]["prompt_tokens"] > 0


@given(JSON, st.sampled_from(["tools", "parameters", "schema", "choice", "message", "part", "call", "format"]))
async def test_garbage_further_down_is_refused_or_answered(inside: Any, place: str) -> None:
    """The same holds for what lists and objects hold."""
    members: dict[str, Json] = {
        "tools": {"tools": [inside]},
        "parameters": {"tools": [{"type": "function", "function": {"name": "f", "parameters": inside}}]},
        "schema": schema(inside),
        "choice": {"tools": [TOOL], "tool_choice": inside},
        "message": {"messages": [inside]},
        "part": {"messages": user([inside])},
        "call": {"messages": [{"role": "assistant", "tool_calls": [inside]}]},
        "format": {"response_format": {"type": "json_schema", "json_schema": inside}},
    }
    try:
        await whole(**members[place])
    except InvalidRequest as refusal:
        assert refusal.param  # noqa: PT017 - as above


async def test_no_messages_at_all() -> None:
    """An empty body is refused like any other."""
    with pytest.raises(InvalidRequest) as refusal:
        await engine().complete(ChatRequest("custom", Document({})), CALL)

    assert refusal.value.param == "messages"
    assert document_of({}) == Document({})
