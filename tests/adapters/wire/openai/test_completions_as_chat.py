"""A legacy text completion, asked as chats, and their answers as its own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import document_of, render
from adapters.wire.openai.completions_as_chat import MAX_PROMPTS, Chats, as_chats
from adapters.wire.openai.completions_request import parse_request
from domain.chat import ChatRequest
from domain.completions import CompletionRequest
from domain.errors import InvalidRequest


def chats(**members: Any) -> Chats:
    """Return the chats for a completion with these members; the prompt is "Say" unless given."""
    return as_chats(CompletionRequest("m", document_of({"model": "m", "prompt": "Say", **members})))


def members(request: ChatRequest) -> dict[str, Any]:
    """Return a chat's members as values."""
    return dict(json.loads(render(request.document)))


def refusal(**members: Any) -> InvalidRequest:
    """Return how a completion with these members is refused."""
    with pytest.raises(InvalidRequest) as caught:
        chats(**members)
    return caught.value


def test_a_prompt_becomes_one_user_message() -> None:
    """Nothing else is said to the model; what stays unsaid are 16 tokens."""
    found = chats()

    assert [members(request) for request in found.requests] == [
        {"model": "m", "max_tokens": 16, "messages": [{"role": "user", "content": "Say"}]}
    ]
    assert (("",), 1, 0) == (tuple(found.echoed), found.choices, found.top_logprobs)


def test_what_the_gateway_decides_on_goes_along() -> None:
    """The names, the way of answering and the fixed provider stay the request's."""
    document = document_of({"model": "m", "prompt": "Say"})
    request = CompletionRequest("m", document, stream=True, include_usage=True, provider="custom")

    (found,) = as_chats(request).requests

    assert ("m", True, True, "custom") == (found.model, found.stream, found.include_usage, found.provider)


def test_prompt_and_unknown_members_keep_their_text() -> None:
    """They are carried as they came: escapes, number text, big integers, nesting."""
    carried = rb'"temperature":1.0e-1,"seed":9007199254740993,"top_k":{"a":[0.10]},"stop":null'
    body = rb'{"model":"m","prompt":"\u00e9\/",' + carried + b"}"

    (found,) = as_chats(parse_request(body)).requests

    assert found.document.members == {
        "model": b'"m"',
        "temperature": b"1.0e-1",
        "seed": b"9007199254740993",
        "top_k": b'{"a":[0.10]}',
        "stop": b"null",
        "max_tokens": b"16",
        "messages": rb'[{"role":"user","content":"\u00e9\/"}]',
    }


def test_each_of_several_prompts_is_a_chat() -> None:
    """They keep their order."""
    found = chats(prompt=["a", "b"], max_tokens=3)

    assert [members(request)["messages"] for request in found.requests] == [
        [{"role": "user", "content": "a"}],
        [{"role": "user", "content": "b"}],
    ]
    assert {members(request)["max_tokens"] for request in found.requests} == {3}


def test_logprobs_become_those_of_a_chat() -> None:
    """A number there is a flag and a number here; 0 still means the chosen tokens' own."""
    (found,) = chats(logprobs=0).requests

    assert (True, 0) == (members(found)["logprobs"], members(found)["top_logprobs"])


def test_members_of_text_completions_alone_and_of_chats_alone_are_left_out() -> None:
    """No tool is passed, so no tool is called; `top_logprobs` without `logprobs` would be refused."""
    (found,) = chats(
        echo=True, best_of=2, n=2, suffix="", logprobs=None, tools=[1], tool_choice="auto", top_logprobs=3, messages=[]
    ).requests

    assert {"model", "n", "max_tokens", "messages"} == found.document.members.keys()
    assert [{"role": "user", "content": "Say"}] == members(found)["messages"]


@pytest.mark.parametrize(
    ("given_members", "param", "code"),
    [
        ({"prompt": None}, "prompt", "missing_required_parameter"),
        ({"prompt": []}, "prompt", "empty_array"),
        ({"prompt": [1, 2]}, "prompt", "invalid_type"),
        ({"prompt": [[1, 2], [3]]}, "prompt", "invalid_type"),
        ({"prompt": ["a", 1]}, "prompt", "invalid_type"),
        ({"prompt": {"a": 1}}, "prompt", "invalid_type"),
        ({"prompt": 5}, "prompt", "invalid_type"),
        ({"prompt": ["a"] * (MAX_PROMPTS + 1)}, "prompt", "array_above_max_length"),
        ({"suffix": "."}, "suffix", "unsupported_parameter"),
        ({"best_of": 2}, "best_of", "unsupported_parameter"),
        ({"best_of": 3, "n": 2}, "best_of", "unsupported_parameter"),
        ({"best_of": 1, "n": 2}, "best_of", "invalid_value"),
        ({"logprobs": 6}, "logprobs", "invalid_value"),
        ({"logprobs": -1}, "logprobs", "invalid_value"),
        ({"logprobs": True}, "logprobs", "invalid_type"),
        ({"n": "2"}, "n", "invalid_type"),
        ({"echo": 1}, "echo", "invalid_type"),
    ],
)
def test_what_no_chat_can_do_is_refused(given_members: dict[str, Any], param: str, code: str) -> None:
    """The refusal names the member at fault."""
    found = refusal(**given_members)

    assert (param, code) == (found.param, found.code)


def test_tokens_are_refused_in_words() -> None:
    """The caller learns what to send instead."""
    assert "takes text" in str(refusal(prompt=[1]))


def test_as_many_prompts_as_are_allowed_are_asked() -> None:
    """The bound is the last number that works."""
    assert MAX_PROMPTS == len(chats(prompt=["a"] * MAX_PROMPTS).requests)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_prompt_comes_through(prompt: str) -> None:
    """It is never cut or changed, alone or in a list."""
    alone, first = chats(prompt=prompt).requests[0], chats(prompt=[prompt, "b"]).requests[0]

    assert [prompt, prompt] == [members(found)["messages"][0]["content"] for found in (alone, first)]
