"""Requests that are not what the API defines: each is refused, at once, and the refusal names the member at fault."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.openai import chat_request, completions_request, embeddings
from domain.errors import InvalidRequest

PARSERS: dict[str, Callable[[bytes], object]] = {
    "chat": chat_request.parse_request,
    "completions": completions_request.parse_request,
    "embeddings": embeddings.parse_request,
}
GOOD: dict[str, dict[str, Any]] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "x"}]},
    "completions": {"model": "m", "prompt": "x"},
    "embeddings": {"model": "m", "input": "x"},
}
TOOL = {"type": "function", "function": {"name": "f"}}
WRONG = {
    "a string": [5, 1.5, True, [], {}],
    "an integer": ["5", 1.5, True, [], {}],
    "a number": ["5", True, [], {}],
    "a boolean": ["true", 1, 0, [], {}],
    "an object": ["x", 5, True, []],
    "a list": [5, True, {}],
    "a list, not a string": ["x", 5, True, {}],
    "a string or an object": [5, True, []],
}
TYPES = {
    "chat": {
        "a string": "user reasoning_effort verbosity service_tier",
        "an integer": "max_tokens max_completion_tokens n top_logprobs seed",
        "a number": "temperature top_p presence_penalty frequency_penalty",
        "a boolean": "stream logprobs parallel_tool_calls store",
        "an object": "stream_options logit_bias response_format metadata",
        "a list": "stop",
        "a list, not a string": "tools modalities",
        "a string or an object": "tool_choice",
    },
    "completions": {
        "a string": "suffix user",
        "an integer": "max_tokens n best_of logprobs seed",
        "a number": "temperature top_p presence_penalty frequency_penalty",
        "a boolean": "stream echo",
        "an object": "stream_options logit_bias",
        "a list": "prompt stop",
    },
    "embeddings": {"a string": "encoding_format user", "an integer": "dimensions", "a list": "input"},
}
CASES = [
    (endpoint, name, wrong)
    for endpoint, types in TYPES.items()
    for expected, names in types.items()
    for name in names.split()
    for wrong in WRONG[expected]
]


def refusal(endpoint: str, body: bytes) -> InvalidRequest:
    """Return how a body is refused, which must not take a second."""
    begun = process_time()
    with pytest.raises(InvalidRequest) as caught:
        PARSERS[endpoint](body)

    assert process_time() - begun < 1
    return caught.value


def with_members(endpoint: str, **members: Any) -> bytes:
    """Return a good body with these members."""
    return json.dumps({**GOOD[endpoint], **members}).encode()


# --- types


@pytest.mark.parametrize(("endpoint", "name", "wrong"), CASES, ids=map(str, CASES))
def test_a_wrong_type_is_refused_by_name(endpoint: str, name: str, wrong: Any) -> None:
    """Nothing is guessed: `"5"` is no number, 1 is no boolean."""
    found = refusal(endpoint, with_members(endpoint, **{name: wrong}))

    assert (name, "invalid_type") == (found.param, found.code)
    assert f"'{name}'" in str(found)


@pytest.mark.parametrize(
    ("endpoint", "name"), sorted({(endpoint, name) for endpoint, name, _ in CASES if name != "input"})
)
def test_null_means_absent(endpoint: str, name: str) -> None:
    """Many clients send it for what they do not set; what has to be there is missing then."""
    PARSERS[endpoint](with_members(endpoint, **{name: None}))


@pytest.mark.parametrize(
    ("endpoint", "members", "param", "code"),
    [
        *[(endpoint, {"model": None}, "model", "missing_required_parameter") for endpoint in PARSERS],
        *[(endpoint, {"model": ""}, "model", "missing_required_parameter") for endpoint in PARSERS],
        *[(endpoint, {"model": 5}, "model", "invalid_type") for endpoint in PARSERS],
        ("chat", {"messages": None}, "messages", "missing_required_parameter"),
        ("chat", {"messages": []}, "messages", "empty_array"),
        ("chat", {"messages": "x"}, "messages", "invalid_type"),
        ("chat", {"messages": {}}, "messages", "invalid_type"),
        ("chat", {"messages": ["x"]}, "messages[0]", "invalid_type"),
        ("chat", {"messages": [{"content": "x"}]}, "messages[0].role", "missing_required_parameter"),
        ("chat", {"messages": [{"role": None}]}, "messages[0].role", "missing_required_parameter"),
        ("chat", {"messages": [{"role": 5}]}, "messages[0].role", "invalid_type"),
        ("chat", {"tools": [TOOL, 5]}, "tools[1]", "invalid_type"),
        ("chat", {"tools": [{"function": {"name": "f"}}]}, "tools[0].type", "missing_required_parameter"),
        ("chat", {"tools": [{**TOOL, "function": {}}]}, "tools[0].function.name", "missing_required_parameter"),
        ("chat", {"tools": [{**TOOL, "function": {"name": 5}}]}, "tools[0].function.name", "invalid_type"),
        (
            "chat",
            {"tools": [{**TOOL, "function": {"name": "f", "parameters": "x"}}]},
            "tools[0].function.parameters",
            "invalid_type",
        ),
        ("chat", {"stop": ["a", 5]}, "stop[1]", "invalid_type"),
        ("chat", {"modalities": ["text", None]}, "modalities[1]", "invalid_type"),
        ("chat", {"logit_bias": {"1": "x"}}, "logit_bias", "invalid_type"),
        ("chat", {"metadata": {"a": 5}}, "metadata", "invalid_type"),
        ("chat", {"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "invalid_type"),
        ("chat", {"response_format": {}}, "response_format.type", "missing_required_parameter"),
        (
            "chat",
            {"response_format": {"type": "json_schema", "json_schema": "x"}},
            "response_format.json_schema",
            "invalid_type",
        ),
        ("completions", {"prompt": {"a": 1}}, "prompt", "invalid_type"),
        ("completions", {"prompt": [[1, "a"]]}, "prompt[0][1]", "invalid_type"),
        ("embeddings", {"input": None}, "input", "missing_required_parameter"),
        ("embeddings", {"input": [1, "a"]}, "input", "invalid_type"),
        ("embeddings", {"input": ["a", [1]]}, "input", "invalid_type"),
        ("embeddings", {"input": [1.5]}, "input[0]", "invalid_type"),
        ("embeddings", {"input": [[1], ["a"]]}, "input[1][0]", "invalid_type"),
    ],
)
def test_the_refusal_names_the_path(endpoint: str, members: dict[str, Any], param: str, code: str) -> None:
    """As OpenAI writes it: members after dots, places in brackets."""
    found = refusal(endpoint, with_members(endpoint, **members))

    assert (param, code) == (found.param, found.code)


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ({"content": 5}, "content"),
        ({"content": {"type": "text"}}, "content"),
        ({"content": ["x"]}, "content[0]"),
        ({"content": [{}]}, "content[0].type"),
        ({"content": [{"type": "text", "text": "x"}, {"type": 5}]}, "content[1].type"),
        ({"content": [{"type": "text"}]}, "content[0].text"),
        ({"content": [{"type": "text", "text": None}]}, "content[0].text"),
        ({"content": [{"type": "text", "text": ["x"]}]}, "content[0].text"),
        ({"content": [{"type": "image_url"}]}, "content[0].image_url"),
        ({"content": [{"type": "image_url", "image_url": {}}]}, "content[0].image_url"),
        ({"content": [{"type": "image_url", "image_url": {"url": 5}}]}, "content[0].image_url"),
        ({"content": [{"type": "input_audio", "input_audio": "x"}]}, "content[0].input_audio"),
        ({"name": 5}, "name"),
        ({"refusal": {}}, "refusal"),
        ({"tool_call_id": 5}, "tool_call_id"),
        ({"tool_calls": {}}, "tool_calls"),
        ({"tool_calls": [5]}, "tool_calls[0]"),
        ({"tool_calls": [{"function": "f"}]}, "tool_calls[0].function"),
        ({"tool_calls": [{"function": {}}]}, "tool_calls[0].function.name"),
        ({"tool_calls": [{"function": {"name": "f", "arguments": {}}}]}, "tool_calls[0].function.arguments"),
    ],
)
def test_the_refusal_names_the_path_within_a_message(message: dict[str, Any], path: str) -> None:
    """Also of the second one."""
    good = {"role": "user", "content": "x"}

    found = refusal("chat", with_members("chat", messages=[good, {"role": "user", **message}]))

    assert f"messages[1].{path}" == found.param


@given(
    st.sampled_from(sorted({(endpoint, name) for endpoint, name, _ in CASES} | {("chat", "messages")})),
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text("a\u00e9"),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["role", "content", "type", "function", "name", "x"]), inner, max_size=3)
        ),
        max_leaves=5,
    ),
)
def test_any_value_of_any_member_passes_or_is_refused_by_its_path(place: tuple[str, str], value: Any) -> None:
    """Nothing else can come of it."""
    endpoint, name = place
    path: str | None = name
    try:
        PARSERS[endpoint](with_members(endpoint, **{name: value}))
    except InvalidRequest as error:
        path = error.param

    assert path is not None
    assert name == path.partition(".")[0].partition("[")[0]


# --- bodies that are none


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda body: body[:0],
    "cut at its end": lambda body: body[:-1],
    "cut in its middle": lambda body: body[: len(body) // 2],
    "longer": lambda body: body + b"x",
    "twice": lambda body: body + body,
    "with a mark": lambda body: b"\xef\xbb\xbf" + body,
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "Latin-1": lambda body: body.replace(b'"x"', b'"\xff"'),
    "half a character in a value": lambda body: body.replace(b'"x"', rb'"\ud800"'),
    "half a character in the model": lambda body: body.replace(b'"m"', rb'"\udc00m"'),
    "half a character in a name": lambda body: body[:-1] + rb',"\ud83d":1}',
    "NaN": lambda body: body[:-1] + b',"v":NaN}',
    "infinity": lambda body: body[:-1] + b',"v":-Infinity}',
    "a number without end": lambda body: body[:-1] + b',"v":' + b"7" * 100_000 + b"}",
    "a seed without end": lambda body: body[:-1] + b',"seed":' + b"7" * 100_000 + b"}",
    "deep lists": lambda body: body[:-1] + b',"v":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep objects": lambda body: body[:-1] + b',"v":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
    "a list": lambda body: b"[" + body + b"]",
    "a string": lambda body: json.dumps(body.decode()).encode(),
}


@pytest.mark.parametrize("endpoint", PARSERS)
@pytest.mark.parametrize("how", SPOILED)
def test_what_is_no_json_object_is_refused_as_a_whole(endpoint: str, how: str) -> None:
    """Garbage of any kind is the caller's fault, never a fault of the gateway's."""
    found = refusal(endpoint, SPOILED[how](json.dumps(GOOD[endpoint]).encode()))

    assert (None, "invalid_json") == (found.param, found.code)


@pytest.mark.parametrize("endpoint", PARSERS)
@pytest.mark.parametrize("member", [b'"model":"m"', b'"model":"other"', rb'"\u006dodel":"m"', rb'"mod\u0065l":null'])
def test_a_member_that_stands_twice_is_refused_by_name(endpoint: str, member: bytes) -> None:
    """Which of the two counts would be a guess, and an upstream might guess otherwise."""
    found = refusal(endpoint, json.dumps(GOOD[endpoint]).encode()[:-1] + b"," + member + b"}")

    assert ("model", "duplicate_parameter") == (found.param, found.code)


@pytest.mark.parametrize("number", ["1e400", "-1E999"])
def test_a_number_beyond_all_numbers_is_refused_where_it_is_read(number: str) -> None:
    """Elsewhere it is carried."""
    body = json.dumps(GOOD["chat"]).encode()[:-1]

    assert "temperature" == refusal("chat", body + f',"temperature":{number}}}'.encode()).param
    chat_request.parse_request(body + f',"vendor":{number}}}'.encode())


@given(st.binary(max_size=60), st.sampled_from(sorted(PARSERS)))
def test_random_bytes_are_refused(body: bytes, endpoint: str) -> None:
    """Always in the same way."""
    refusal(endpoint, body)
