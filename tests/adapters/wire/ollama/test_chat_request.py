"""What a caller sends → what Ollama gets."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import document_of, parse_object
from adapters.wire.ollama.chat_request import render_request
from adapters.wire.ollama.rules import NOT_IN_OLLAMA, OPTIONS
from adapters.wire.openai.chat_request import parse_request
from domain.chat import ChatRequest
from domain.document import Document
from domain.errors import InvalidRequest
from tests.adapters.wire.json_text import NUMBERS, VALUES

PAGE = Path(__file__).parents[4] / "docs/how-to/use-ollama.md"
HELLO = [{"role": "user", "content": "Hello"}]
SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
WEATHER = {"type": "function", "function": {"name": "weather", "parameters": SCHEMA}}
CLOCK = {"type": "function", "function": {"name": "clock"}}
BOTH = [WEATHER, CLOCK]


def named(name: str) -> dict[str, Any]:
    """Return how a request names a function."""
    return {"type": "function", "function": {"name": name}}


def allowed(*names: str) -> dict[str, Any]:
    """Return how a request names some functions."""
    return {"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [named(name) for name in names]}}


def document(**members: Any) -> Document:
    """Return the document of a chat with these members."""
    return document_of({"model": "fast", "messages": HELLO, **members})


def sent_text(found: Document, *, stream: bool = False) -> bytes:
    """Return the body that Ollama gets for a document."""
    return render_request(ChatRequest("fast", found, stream=stream), "llama3.2")


def sent(**members: Any) -> dict[str, Any]:
    """Return what Ollama gets of a chat with these members, beside what it always gets."""
    found = json.loads(sent_text(document(**members)))
    assert found.pop("model") == "llama3.2"
    assert found.pop("messages") == HELLO
    assert found.pop("stream") is False
    return dict(found)


def refused(**members: Any) -> InvalidRequest:
    """Return how a chat with these members is refused."""
    with pytest.raises(InvalidRequest) as refusal:
        sent_text(document(**members))
    return refusal.value


GOLDEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {}),
    # the maximum of tokens
    ({"max_tokens": 5}, {"options": {"num_predict": 5}}),
    ({"max_completion_tokens": 7}, {"options": {"num_predict": 7}}),
    ({"max_completion_tokens": 7, "max_tokens": 5}, {"options": {"num_predict": 7}}),
    ({"max_completion_tokens": None, "max_tokens": 5}, {"options": {"num_predict": 5}}),
    ({"num_predict": 9}, {"options": {"num_predict": 9}}),
    ({"options": {"num_predict": 9}}, {"options": {"num_predict": 9}}),
    ({"max_tokens": 5, "options": {"num_predict": 9}}, {"options": {"num_predict": 5}}),
    ({"max_tokens": 9, "options": {"num_predict": 5}}, {"options": {"num_predict": 5}}),
    ({"max_tokens": 5, "num_predict": 9}, {"options": {"num_predict": 5}}),
    ({"max_tokens": 5, "options": {"num_predict": -1}}, {"options": {"num_predict": 5}}),
    ({"max_tokens": 5, "options": {"num_predict": None}}, {"options": {"num_predict": 5}}),
    ({"max_tokens": -1, "options": {"num_predict": 5}}, {"options": {"num_predict": 5}}),
    ({"max_tokens": 5, "options": {"num_predict": "many"}}, {"options": {"num_predict": "many"}}),
    ({"max_tokens": 5, "options": {"num_predict": True}}, {"options": {"num_predict": True}}),
    # the options
    ({"temperature": 0.5, "top_p": 0.9, "seed": 7}, {"options": {"temperature": 0.5, "top_p": 0.9, "seed": 7}}),
    ({"top_k": 40, "min_p": 0.05}, {"options": {"top_k": 40, "min_p": 0.05}}),
    ({"num_ctx": 8192}, {"options": {"num_ctx": 8192}}),
    ({"presence_penalty": 1, "frequency_penalty": -1}, {"options": {"presence_penalty": 1, "frequency_penalty": -1}}),
    ({"temperature": None, "stop": None, "tools": None, "options": None}, {}),
    ({"temperature": 0.5, "options": {"temperature": 0.7}}, {"options": {"temperature": 0.7}}),
    ({"temperature": 0.5, "options": {"temperature": None}}, {"options": {"temperature": 0.5}}),
    ({"temperature": 0.5, "options": {"mirostat": 1}}, {"options": {"temperature": 0.5, "mirostat": 1}}),
    ({"options": {}}, {}),
    # stop is an array
    ({"stop": "END"}, {"options": {"stop": ["END"]}}),
    ({"stop": ["A", "B"]}, {"options": {"stop": ["A", "B"]}}),
    ({"stop": []}, {}),
    ({"options": {"stop": "END"}}, {"options": {"stop": ["END"]}}),
    # what Ollama has too
    ({"keep_alive": "5m"}, {"keep_alive": "5m"}),
    ({"keep_alive": -1, "truncate": False, "shift": True}, {"keep_alive": -1, "truncate": False, "shift": True}),
    ({"logprobs": True, "top_logprobs": 3}, {"logprobs": True, "top_logprobs": 3}),
    ({"something_new": {"a": [1]}}, {"something_new": {"a": [1]}}),
    # the format
    ({"response_format": {"type": "text"}}, {}),
    ({"response_format": {"type": "json_object"}}, {"format": "json"}),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}}}, {"format": SCHEMA}),
    ({"response_format": {"type": "json_schema", "json_schema": {"name": "s"}}}, {"format": "json"}),
    ({"response_format": {"type": "json_object"}, "format": SCHEMA}, {"format": SCHEMA}),
    # thinking
    ({"reasoning_effort": "none"}, {"think": False}),
    ({"reasoning_effort": "minimal"}, {"think": "low"}),
    ({"reasoning_effort": "low"}, {"think": "low"}),
    ({"reasoning_effort": "medium"}, {"think": "medium"}),
    ({"reasoning_effort": "high"}, {"think": "high"}),
    ({"reasoning_effort": "xhigh"}, {"think": "max"}),
    ({"reasoning_effort": "max"}, {"think": "max"}),
    ({"reasoning_effort": None}, {}),
    ({"reasoning": {"effort": "high"}}, {"think": "high"}),
    ({"reasoning": {"effort": "high"}, "reasoning_effort": "low"}, {"think": "low"}),
    ({"reasoning": {}}, {}),
    ({"think": True}, {"think": True}),
    ({"think": False, "reasoning_effort": "high"}, {"think": False}),
    # tools
    ({"tools": BOTH}, {"tools": BOTH}),
    ({"tools": []}, {}),
    ({"tools": BOTH, "tool_choice": "auto"}, {"tools": BOTH}),
    ({"tools": BOTH, "tool_choice": "required"}, {"tools": BOTH}),
    ({"tools": BOTH, "tool_choice": "none"}, {}),
    ({"tools": BOTH, "tool_choice": named("clock")}, {"tools": [CLOCK]}),
    ({"tools": BOTH, "tool_choice": allowed("weather")}, {"tools": [WEATHER]}),
    ({"tools": BOTH, "tool_choice": allowed()}, {}),
    ({"tool_choice": "auto"}, {}),
    # one choice
    ({"n": 1}, {}),
    ({"n": None}, {}),
]


@pytest.mark.parametrize(("given_members", "expected"), GOLDEN, ids=[json.dumps(given) for given, _ in GOLDEN])
def test_members_become_ollamas(given_members: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected == sent(**given_members)


def test_a_stream_is_asked_for_explicitly() -> None:
    found = json.loads(sent_text(document(stream=True, stream_options={"include_usage": True}), stream=True))

    assert {"model": "llama3.2", "messages": HELLO, "stream": True} == found


@pytest.mark.parametrize("name", sorted(NOT_IN_OLLAMA - {"n"}))
def test_what_ollama_has_no_counterpart_for_is_left_out(name: str) -> None:
    assert {} == sent(**{name: ["anything"]})


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - {"stop"}))
def test_an_option_keeps_its_name(name: str) -> None:
    assert {"options": {name: 3}} == sent(**{name: 3})


@pytest.mark.parametrize("name", ["Model", "MODEL", "Options", "\u017ftream", "\u212aeep_alive", "mess ages", ""])
def test_a_name_that_ollama_might_read_as_another_is_left_out(name: str) -> None:
    """Go compares names without regard to case, and folds the long s and the Kelvin sign."""

    assert {} == sent(**{name: "evil"})


BAD: list[tuple[dict[str, Any], str]] = [
    ({"n": 2}, "n"),
    ({"n": 0}, "n"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ({"reasoning_effort": 3}, "reasoning_effort"),
    ({"reasoning": {"effort": "extreme"}}, "reasoning.effort"),
    ({"reasoning": "high"}, "reasoning"),
    ({"options": [1]}, "options"),
    ({"response_format": "json"}, "response_format"),
    ({"response_format": {}}, "response_format.type"),
    ({"response_format": {"type": "grammar"}}, "response_format.type"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"tools": {}}, "tools"),
    ({"tools": [WEATHER, {"type": "custom", "custom": {"name": "c"}}]}, "tools[1].type"),
    ({"tools": [{"type": "function"}]}, "tools[0].function"),
    ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
    ({"tools": BOTH, "tool_choice": named("absent")}, "tool_choice"),
    ({"tool_choice": named("weather")}, "tool_choice"),
    ({"tools": BOTH, "tool_choice": "always"}, "tool_choice"),
    ({"tools": BOTH, "tool_choice": 3}, "tool_choice"),
    ({"tools": BOTH, "tool_choice": {"type": "custom", "custom": {"name": "c"}}}, "tool_choice.type"),
    ({"tools": BOTH, "tool_choice": {"type": "function"}}, "tool_choice.function"),
    ({"tools": BOTH, "tool_choice": {"type": "allowed_tools"}}, "tool_choice.allowed_tools"),
    (
        {"tools": BOTH, "tool_choice": {"type": "allowed_tools", "allowed_tools": {}}},
        "tool_choice.allowed_tools.tools",
    ),
    ({"messages": None}, "messages"),
]


@pytest.mark.parametrize(("given_members", "param"), BAD, ids=[json.dumps(given) for given, _ in BAD])
def test_what_ollama_cannot_be_told_is_refused_by_its_path(given_members: dict[str, Any], param: str) -> None:
    refusal = refused(**given_members)

    assert (param, True) == (refusal.param, f"'{param}'" in refusal.message)


def test_numbers_beyond_any_range_are_refused_not_fatal() -> None:
    found = Document({**document().members, "reasoning_effort": b"1e999"})

    with pytest.raises(InvalidRequest, match="reasoning_effort"):
        sent_text(found)


def test_a_maximum_beyond_any_range_is_left_to_ollama() -> None:
    found = Document({**document().members, "max_tokens": b"5", "num_predict": b"1e999"})

    assert b'"options":{"num_predict":1e999}' in sent_text(found)


@given(number=NUMBERS, name=st.sampled_from(sorted(set(OPTIONS) - {"stop", "num_predict"})))
def test_numbers_keep_their_text(number: str, name: str) -> None:
    body = f'{{"model":"fast","messages":[{{"role":"user","content":"Hi"}}],"{name}":{number}}}'

    written = sent_text(parse_object(body.encode()))

    assert f'"options":{{"{name}":{number}}}'.encode() in written


@given(value=VALUES.filter(lambda text: text != "null"))
def test_unknown_members_schemas_and_tools_keep_their_text(value: str) -> None:
    tool = f'{{"type":"function","function":{{"name":"f","parameters":{value}}}}}'
    wanted = f'{{"type":"json_schema","json_schema":{{"schema":{value}}}}}'
    members = f'"new":{value},"response_format":{wanted},"tools":[{tool}]'

    written = sent_text(parse_object(f'{{"messages":[],{members}}}'.encode()))
    found = parse_object(written).members

    assert [value.encode(), value.encode(), f"[{tool}]".encode()] == [found["new"], found["format"], found["tools"]]


def test_a_request_as_clients_send_it_passes_the_checks_before() -> None:
    body = json.dumps({"model": "fast", "messages": HELLO, "num_ctx": 1, "options": {}, "think": True}).encode()

    assert b'"think":true' in render_request(parse_request(body), "llama3.2")


def test_the_page_names_every_member_that_is_moved_or_left_out() -> None:
    """The tables of the how-to are the rules of the code."""
    page = PAGE.read_text(encoding="utf-8").partition("\n### Messages\n")[0]
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", page, re.MULTILINE)
    told = {name: becomes for names, becomes in rows for name in re.findall(r"`(\w+)`", names)}

    left_out = {name for name, becomes in told.items() if becomes.startswith("left out")}
    options = {
        name for name, becomes in told.items() if "in `options`" in becomes or becomes.startswith("`options.stop`")
    }

    assert NOT_IN_OLLAMA - {"n", "encoding_format"} == left_out
    assert set(OPTIONS) == options
