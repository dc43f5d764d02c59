"""`POST /v1/chat/completions`, the request: what the gateway decides on is read, the rest is carried."""

from __future__ import annotations

import json
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import parse_object, render
from adapters.wire.openai.chat_request import parse_request, render_request
from domain.chat import ChatRequest
from tests.adapters.wire.json_text import SPACES, STRINGS, carried, spelled, unknown, write

HELLO = '[{"role":"user","content":"Hello"}]'
READ = {
    *("model", "messages", "stream", "stream_options", "max_tokens", "max_completion_tokens", "temperature", "top_p"),
    *("n", "stop", "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "seed", "user"),
    *("response_format", "tools", "tool_choice", "parallel_tool_calls", "reasoning_effort", "verbosity"),
    *("modalities", "store", "metadata", "service_tier"),
}
"""What is checked, so that only some values of it pass."""

KNOWN = {
    "temperature": "1.0e-1",
    "top_p": "0.10",
    "seed": "9007199254740993",
    "n": "-0",
    "stop": r'["\u00e9", "\/"]',
    "logit_bias": '{ "50256" : -1E2 }',
    "metadata": r'{"\u0061":"\ud83d\ude00"}',
    "tools": r'[{"type":"function","function":{"name":"f","parameters":{"x":1.0},"vendor":18446744073709551616}}]',
    "tool_choice": '{"type":"allowed_tools","allowed_tools":{"mode":"auto"}}',
    "response_format": '{"type":"json_schema","json_schema":{"name":"n","schema":{"minimum":0.10}}}',
    "user": "null",
}


def sent(request: ChatRequest, model: str = "up") -> dict[str, bytes]:
    """Return what an upstream gets: names and the text of the values."""
    return dict(parse_object(render_request(request, model)).members)


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Draw the text of messages with members that nobody knows, in messages, parts and tool calls."""

    def holding(owned: dict[str, str]) -> str:
        taken = {
            *owned,
            *("content", "name", "refusal", "tool_call_id", "tool_calls", "text", "id", "type", "function"),
        }
        return write([*spelled(owned), *draw(unknown(taken, 2))], draw(SPACES))

    text = draw(STRINGS)
    part = holding({"type": '"text"', "text": text})
    function = holding({"name": '"f"', "arguments": text})
    call = holding({"id": '"c"', "type": '"function"', "function": function})
    return "[" + ",".join([
        holding({"role": '"user"', "content": f"[{part}]"}),
        holding({"role": '"assistant"', "content": "null", "tool_calls": f"[{call}]"}),
        holding({"role": '"tool"', "content": text, "tool_call_id": '"c"'}),
    ]) + "]"  # fmt: skip


# --- what is carried


@given(unknown(READ), messages(), SPACES)
def test_what_the_gateway_does_not_own_leaves_as_it_came(
    pairs: list[tuple[str, str]], messages: str, space: str
) -> None:
    """Members that nobody knows, at the top and in messages, parts and tool calls; in the order in which they came."""
    mine = {"model": r'"\u0066ast"', "messages": messages}
    body = write([*spelled(mine), *pairs], space).encode()

    request = parse_request(body)

    expected = {**carried(spelled(mine)), **carried(pairs), "model": b'"up"'}
    assert expected == sent(request)
    assert list(expected) == list(sent(request))
    assert "fast" == request.model


@pytest.mark.parametrize("stream", [False, True])
def test_members_that_are_checked_leave_as_they_came_too(stream: bool) -> None:
    """Checking reads them; nothing is written anew."""
    mine = {"model": '"m"', "messages": HELLO, "stream": json.dumps(stream), **KNOWN}

    found = sent(parse_request(write(spelled(mine)).encode()))

    assert {name: text.encode() for name, text in KNOWN.items()}.items() <= found.items()
    assert found.keys() - mine.keys() == ({"stream_options"} if stream else set())


@given(unknown(READ), st.booleans())
def test_what_is_written_reads_the_same(pairs: list[tuple[str, str]], stream: bool) -> None:
    """`parse_request(render_request(x)) == x`; but that a stream's usage is asked for."""
    mine = {"model": '"m"', "messages": HELLO, "stream": json.dumps(stream)}
    if stream:
        mine["stream_options"] = '{"include_usage":true}'
    request = parse_request(write([*spelled(mine), *pairs]).encode(), "lab")

    assert request == parse_request(render_request(request, "m"), "lab")


def test_the_upstreams_name_may_need_escapes() -> None:
    """It is written as JSON."""
    found = render_request(parse_request(b'{"model":"m","messages":' + HELLO.encode() + b"}"), 'a"\\\n\u2028')

    assert 'a"\\\n\u2028' == json.loads(found)["model"]


# --- what is decided on


@pytest.mark.parametrize(
    ("given_members", "expected"),
    [
        ({}, {"stream": False, "include_usage": False}),
        ({"stream": False}, {"stream": False, "include_usage": False}),
        ({"stream": None, "stream_options": None}, {"stream": False, "include_usage": False}),
        ({"stream": True}, {"stream": True, "include_usage": False}),
        ({"stream": True, "stream_options": None}, {"stream": True, "include_usage": False}),
        ({"stream": True, "stream_options": {}}, {"stream": True, "include_usage": False}),
        ({"stream": True, "stream_options": {"include_usage": None}}, {"stream": True, "include_usage": False}),
        ({"stream": True, "stream_options": {"include_usage": False}}, {"stream": True, "include_usage": False}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True, "include_usage": True}),
    ],
)
def test_how_the_answer_is_wanted(given_members: dict[str, Any], expected: dict[str, bool]) -> None:
    """`null` means absent; the upstream of a stream is asked for usage whether the caller is or not."""
    body = json.dumps({"model": "m", "messages": json.loads(HELLO), **given_members}).encode()

    request = parse_request(body, "lab")

    assert expected == {"stream": request.stream, "include_usage": request.include_usage}
    assert ("m", "lab") == (request.model, request.provider)
    if request.stream:
        assert b'{"include_usage":true}' == sent(request)["stream_options"]
    else:
        assert parse_object(body).members.get("stream_options") == sent(request).get("stream_options")


def test_other_wishes_for_the_stream_are_carried() -> None:
    """Only the one is set."""
    options = r'{"include_obfuscation":false,"include_usage":false,"\u0076":0.10}'
    body = f'{{"model":"m","messages":{HELLO},"stream":true,"stream_options":{options}}}'

    found = sent(parse_request(body.encode()))

    assert b'{"include_obfuscation":false,"include_usage":true,"v":0.10}' == found["stream_options"]


def test_a_whole_history_as_clients_echo_it_passes() -> None:
    """The SDKs send back whole messages, nulls and all."""
    history = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief."}]},
        {"role": "system", "content": "Be kind.", "name": None},
        {"role": "user", "content": [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
            {"type": "image_url", "image_url": "https://example.com/a.png"},
            {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}},
            {"type": "file", "file": {"file_id": "file-1"}},
            {"type": "video_url", "video_url": {"url": "x"}},
        ]},
        {"role": "assistant", "content": None, "refusal": None, "annotations": [], "audio": None,
         "function_call": None, "reasoning_content": "Hm.",
         "tool_calls": [{"id": "c", "type": "function", "index": 0, "function": {"name": "f", "arguments": "{}"}},
                        {"id": "d", "type": "custom", "custom": {"name": "g", "input": "x"}}]},
        {"role": "tool", "content": [{"type": "text", "text": "5"}], "tool_call_id": "c"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "tool_calls": None},
        {"role": "function", "name": "f", "content": "x"},
    ]  # fmt: skip
    body = json.dumps({"model": "m", "messages": history}).encode()

    assert history == json.loads(sent(parse_request(body))["messages"])


def test_a_request_made_in_process_renders_too() -> None:
    """Tests and workers need no HTTP body."""
    request = parse_request(b'{"model":"m","messages":' + HELLO.encode() + b"}")
    again = attrs.evolve(request, document=request.document.having({"temperature": b"1"}))

    assert b"1" == sent(again)["temperature"]
    assert render(again.document) == render_request(again, "m")
