"""What a caller sends → what Cerebras gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.wire.cerebras import chat_request, completions_request
from adapters.wire.cerebras.rules import MESSAGE, REQUEST
from adapters.wire.jsontext import parse_object
from adapters.wire.openai.chat_request import parse_request
from adapters.wire.openai.completions_request import parse_request as parse_text_request
from domain.chat import ChatRequest

HELLO = {"role": "user", "content": "Hello"}


def sent(**members: Any) -> dict[str, Any]:
    """Return what Cerebras gets of a chat with these members, beside its model and, unless given, its messages."""
    body = json.dumps({"model": "fast", "messages": [HELLO], **members}).encode()
    found = json.loads(chat_request.render_request(parse_request(body), "gpt-oss-120b"))
    assert found.pop("model") == "gpt-oss-120b"
    if "messages" not in members:
        assert found.pop("messages") == [HELLO]
    return dict(found)


def sent_message(**members: Any) -> dict[str, Any]:
    """Return what Cerebras gets of one message."""
    return dict(sent(messages=[members])["messages"][0])


# --- the request


@pytest.mark.parametrize("name", sorted(REQUEST.dropped))
def test_a_parameter_of_openai_alone_is_left_out(name: str) -> None:
    document = parse_object(json.dumps({"model": "fast", "messages": [HELLO], name: ["anything"]}).encode())

    found = json.loads(chat_request.render_request(ChatRequest("fast", document), "m"))

    assert found == {"model": "m", "messages": [HELLO]}


@pytest.mark.parametrize(
    ("given_members", "expected"),
    [
        ({"max_tokens": 5}, {"max_completion_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": None}, {"max_completion_tokens": 5}),
        ({"max_tokens": 5, "max_completion_tokens": 7}, {"max_completion_tokens": 7}),
        ({"max_tokens": None, "max_completion_tokens": 7}, {"max_completion_tokens": 7}),
        ({"max_tokens": None}, {}),
        ({"safety_identifier": "a"}, {"user": "a"}),
        ({"safety_identifier": "a", "user": "b"}, {"user": "b"}),
    ],
)
def test_a_parameter_with_another_name_moves_unless_that_is_given(
    given_members: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert expected == sent(**given_members)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("none", "none"),
        ("minimal", "low"),
        ("low", "low"),
        ("medium", "medium"),
        ("high", "high"),
        ("xhigh", "high"),
        ("max", "high"),
        ("other", "other"),
        (None, None),
    ],
)
def test_the_effort_becomes_the_nearest_that_cerebras_knows(asked: str | None, expected: str | None) -> None:
    assert {"reasoning_effort": expected} == sent(reasoning_effort=asked)


def test_a_word_is_known_however_it_is_escaped() -> None:
    body = rb'{"model":"m","messages":[{"role":"dev\u0065loper","content":"x"}],"reasoning_effort":"m\u0061x"}'

    found = json.loads(chat_request.render_request(parse_request(body), "m"))

    assert (found["messages"][0]["role"], found["reasoning_effort"]) == ("system", "high")


def test_a_stream_is_always_asked_for_usage_and_never_for_obfuscation() -> None:
    asked = {"include_usage": False, "include_obfuscation": True, "new": 1}

    assert sent(stream=True) == {"stream": True, "stream_options": {"include_usage": True}}
    assert sent(stream=True, stream_options=asked) == {
        "stream": True,
        "stream_options": {"include_usage": True, "new": 1},
    }


def test_parameters_of_cerebras_and_of_nobody_pass_as_they_came() -> None:
    members = b'"reasoning_format":"parsed","seed":9007199254740993,"temperature":0.10,"new":{"a":[1e3,"\\u00e9"]}'
    body = b'{"model":"m","messages":[{"role": "user"}],' + members + b"}"

    assert chat_request.render_request(parse_request(body), "m") == body


def test_a_text_completion_keeps_its_maximum_and_loses_obfuscation_only() -> None:
    body = {"model": "fast", "prompt": "Once", "max_tokens": 5, "suffix": ".", "store": True}
    asked = {"stream": True, "stream_options": {"include_obfuscation": False}}

    found = completions_request.render_request(parse_text_request(json.dumps({**body, **asked}).encode()), "m")

    expected = {**body, "model": "m", "stream": True, "stream_options": {"include_usage": True}}
    assert expected == json.loads(found)


# --- its messages


@pytest.mark.parametrize("name", sorted(MESSAGE.dropped))
@pytest.mark.parametrize("value", [None, [], {"name": "f"}])
def test_what_an_echoed_answer_has_beside_its_text_is_left_out(name: str, value: object) -> None:
    assert sent_message(role="assistant", content="Hi", **{name: value}) == {"role": "assistant", "content": "Hi"}


def test_a_whole_answer_can_be_sent_back() -> None:
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]
    echoed: dict[str, Any] = {
        "refusal": None,
        "annotations": [],
        "audio": None,
        "function_call": None,
        "reasoning_content": None,
    }

    found = sent_message(role="assistant", content=None, tool_calls=calls, **echoed)

    assert {"role": "assistant", "content": None, "tool_calls": calls} == found


def test_the_thinking_of_others_goes_under_cerebras_name() -> None:
    assert sent_message(role="assistant", content="4", reasoning_content="2+2") == {
        "role": "assistant",
        "content": "4",
        "reasoning": "2+2",
    }
    assert sent_message(role="assistant", content="4", reasoning_content="2+2", reasoning="mine") == {
        "role": "assistant",
        "content": "4",
        "reasoning": "mine",
    }


def test_a_refusal_is_what_the_model_said() -> None:
    part = {"type": "refusal", "refusal": "I will not."}

    assert sent_message(role="assistant", content=None, refusal="No.") == {"role": "assistant", "content": "No."}
    assert sent_message(role="assistant", content=[part]) == {
        "role": "assistant",
        "content": [{"type": "text", "text": "I will not."}],
    }


def test_a_developer_speaks_as_the_system() -> None:
    assert sent_message(role="developer", content="Be brief.") == {"role": "system", "content": "Be brief."}


def test_parts_lose_the_marks_of_caches_elsewhere() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:,"}, "prompt_cache_breakpoint": {"mode": "explicit"}}
    text = {"type": "text", "text": "What is it?", "cache_control": {"type": "ephemeral"}}

    found = sent_message(role="user", content=[image, text])

    assert found["content"] == [
        {"type": "image_url", "image_url": {"url": "data:,"}},
        {"type": "text", "text": "What is it?"},
    ]


def test_a_message_that_needs_no_change_keeps_its_text_beside_one_that_does() -> None:
    first = rb'{ "role":"user" , "content" : "\u00e9 \/" }'
    body = b'{"model":"m","messages":[ ' + first + b', {"role":"assistant","content":"x","refusal":null} ]}'

    found = chat_request.render_request(parse_request(body), "m")

    assert b'{"model":"m","messages":[' + first + b',{"role":"assistant","content":"x"}]}' == found


@pytest.mark.parametrize("members", [b'"messages":["a"]', b'"messages":"a"', b'"messages":null', b'"n":1'])
def test_messages_that_are_no_array_of_objects_are_left_for_cerebras_to_refuse(members: bytes) -> None:
    document = parse_object(b"{" + members + b"}")

    assert chat_request.render_request(ChatRequest("m", document), "m") == b"{" + members + b',"model":"m"}'
