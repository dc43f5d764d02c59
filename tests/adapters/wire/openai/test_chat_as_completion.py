"""Answers and chunks of chats, as those of a legacy text completion."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import document_of, render
from adapters.wire.openai.chat_as_completion import CompletionStream, as_completion
from adapters.wire.openai.chat_response import parse_chunk, parse_response
from adapters.wire.openai.completions_as_chat import Chats, as_chats
from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.completions import CompletionRequest
from domain.document import Document
from domain.errors import Malformed
from domain.usage import Usage


def chats(**members: Any) -> Chats:
    """Return the chats for a completion with these members; the prompt is "Say" unless given."""
    return as_chats(CompletionRequest("m", document_of({"model": "m", "prompt": "Say", **members})))


def answer(*texts: str | None, usage: Usage | None = None, **more: Any) -> ChatResponse:
    """Return a chat's answer with these texts as its choices."""
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "logprobs": None, "finish_reason": "stop"}
        for index, text in enumerate(texts)
    ]
    members = {"id": "chatcmpl-7", "object": "chat.completion", "created": 5, "model": "up", "choices": choices}
    if usage is not None:
        members["usage"] = {"prompt_tokens": usage.prompt_tokens, "completion_tokens": usage.completion_tokens}
    return parse_response(json.dumps({**members, **more}).encode())


def chunk(text: str | None = None, index: int = 0, finish: str | None = None, **more: Any) -> ChatChunk:
    """Return a chat's chunk with one choice."""
    delta = {} if text is None else {"content": text}
    choice = {"index": index, "delta": delta, "finish_reason": finish, **more.pop("choice", {})}
    return parse_chunk(json.dumps({"id": "chatcmpl-7", "choices": [choice], **more}).encode())


def shown(found: ChatChunk | ChatResponse) -> dict[str, Any]:
    """Return an answer's or a chunk's members as values."""
    return dict(json.loads(render(found.document)))


LOGPROBS = {
    "content": [
        {"token": "Ja", "logprob": -0.25, "bytes": None, "top_logprobs": [{"token": "Ja", "logprob": -0.25}]},
        {"token": "é", "logprob": -2.5, "bytes": None, "top_logprobs": [{"token": "e", "logprob": -0.5}]},
    ]
}


# --- the whole answer


def test_an_answer_becomes_a_text_completion() -> None:
    """The id keeps its letters, members that nobody knows keep their text."""
    response = answer("Ja", usage=Usage(3, 2), time_info={"total_time": 0.10})

    found = as_completion(chats(), [response])

    assert shown(found) == {
        "id": "cmpl-7",
        "object": "text_completion",
        "created": 5,
        "model": "up",
        "choices": [{"text": "Ja", "index": 0, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2},
        "time_info": {"total_time": 0.1},
    }
    assert Usage(3, 2) == found.usage
    assert response.document.members["usage"] == found.document.members["usage"]


def test_the_texts_own_spelling_is_kept() -> None:
    """A text that is not echoed is never decoded."""
    response = parse_response(rb'{"id":"x","choices":[{"index":0,"message":{"content":"\u00e9\/"}}]}')

    found = as_completion(chats(), [response])

    assert rb'[{"text":"\u00e9\/","index":0,"logprobs":null,"finish_reason":null}]' == found.document.members["choices"]


def test_choices_of_several_prompts_are_numbered_through_and_usage_is_summed() -> None:
    """Choice j of prompt i is choice i·n + j."""
    both = [answer("a", "b", usage=Usage(3, 2)), answer("c", "d", usage=Usage(5, 4), id="chatcmpl-8")]

    found = as_completion(chats(prompt=["x", "y"], n=2), both)

    texts = [(choice["index"], choice["text"]) for choice in shown(found)["choices"]]

    assert [(0, "a"), (1, "b"), (2, "c"), (3, "d")] == texts
    assert Usage(8, 6) == found.usage
    assert {"prompt_tokens": 8, "completion_tokens": 6, "total_tokens": 14}.items() <= shown(found)["usage"].items()
    assert "cmpl-7" == shown(found)["id"]


def test_usage_that_no_chat_tells_is_not_told() -> None:
    """Nothing is made up; what some tell is the sum."""
    none = as_completion(chats(prompt=["x", "y"]), [answer("a"), answer("b")])
    some = as_completion(chats(prompt=["x", "y"]), [answer("a"), answer("b", usage=Usage(1, 1))])

    assert (None, Usage(1, 1)) == (none.usage, some.usage)
    assert "usage" not in shown(none)


def test_an_echoed_prompt_stands_before_the_text() -> None:
    """Before each choice's own."""
    found = as_completion(chats(prompt=["1 ", "2 "], echo=True, n=2), [answer("a", None), answer("c", "d")])

    assert ["1 a", "1 ", "2 c", "2 d"] == [choice["text"] for choice in shown(found)["choices"]]


@pytest.mark.parametrize(("echo", "offsets"), [(False, [0, 2]), (True, [3, 5])])
def test_logprobs_become_the_legacy_columns(echo: bool, offsets: list[int]) -> None:
    """Offsets count characters of the returned text; the chosen token stands among the likeliest."""
    response = answer("Jaé")
    choice = {**json.loads(response.document.members["choices"])[0], "logprobs": LOGPROBS}
    response = ChatResponse(response.document.having({"choices": json.dumps([choice]).encode()}))

    (found,) = shown(as_completion(chats(logprobs=1, echo=echo), [response]))["choices"]

    assert found["logprobs"] == {
        "tokens": ["Ja", "é"],
        "token_logprobs": [-0.25, -2.5],
        "top_logprobs": [{"Ja": -0.25}, {"e": -0.5, "é": -2.5}],
        "text_offset": offsets,
    }


def test_logprobs_0_have_no_alternatives() -> None:
    """Only the chosen tokens' own were asked for."""
    stream = CompletionStream(chats(logprobs=0))
    stream.begin(0)

    (found,) = shown(stream.read(chunk("Jaé", choice={"logprobs": LOGPROBS})))["choices"]

    assert found["logprobs"]["top_logprobs"] is None


@pytest.mark.parametrize("id_text", [b"null", b"7"])
def test_an_answer_without_an_id_gets_none_here(id_text: bytes) -> None:
    """Whoever renders it has one at hand."""
    response = ChatResponse(answer("a").document.having({"id": id_text}))

    assert "id" not in as_completion(chats(), [response]).document.members


@pytest.mark.parametrize("choices", [b"5", b"[5]", b'[{"index":"a"}]', b'[{"message":5}]'])
def test_an_answer_that_makes_no_sense_is_the_providers_fault(choices: bytes) -> None:
    """It is a failure of the provider, not one of the gateway."""
    with pytest.raises(Malformed):
        as_completion(chats(), [ChatResponse(Document({"choices": choices}))])


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_comes_through(prompt: str, text: str) -> None:
    """Prompt and text are never cut or changed, echoed or not."""
    plain = as_completion(chats(prompt=prompt), [answer(text)])
    echoed = as_completion(chats(prompt=prompt, echo=True), [answer(text)])

    assert (text, prompt + text) == (shown(plain)["choices"][0]["text"], shown(echoed)["choices"][0]["text"])


# --- the stream


def test_chunks_become_text_chunks() -> None:
    """The facts that the gateway acts upon say the same as the document."""
    stream = CompletionStream(chats())
    stream.begin(0)
    first = parse_chunk(b'{"id":"chatcmpl-7","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}')

    found = [stream.read(each) for each in (first, chunk("Ja"), chunk(finish="length"))]

    assert [each.choices for each in found] == [
        (ChoiceStep(0),),
        (ChoiceStep(0),),
        (ChoiceStep(0, finish_reason="length"),),
    ]
    assert [shown(each) for each in found] == [
        {
            "id": "cmpl-7",
            "choices": [{"text": text, "index": 0, "logprobs": None, "finish_reason": finish}],
            "object": "text_completion",
        }
        for text, finish in [("", None), ("Ja", None), ("", "length")]
    ]


def test_a_chunk_without_choices_passes_with_its_usage() -> None:
    """It is the usage chunk."""
    stream = CompletionStream(chats())
    stream.begin(0)

    found = stream.read(parse_chunk(b'{"id":"chatcmpl-7","choices":[],"usage":{"prompt_tokens":3,"vendor":0.10}}'))

    assert ((), Usage(3)) == (found.choices, found.usage)
    assert (b"[]", b'{"prompt_tokens":3,"vendor":0.10}') == (
        found.document.members["choices"],
        found.document.members["usage"],
    )


def test_the_next_prompts_chunks_go_on_where_the_last_one_ended() -> None:
    """One id, choices numbered through, usage counting on; each choice begins with its own prompt."""
    stream = CompletionStream(chats(prompt=["1 ", "2 "], n=2, echo=True))
    found = []
    for number in (0, 1):
        stream.begin(number)
        usage = {"prompt_tokens": 3, "completion_tokens": 1 + number}
        found += [
            stream.read(each)
            for each in (
                chunk("a", id=f"chatcmpl-{number}", usage={**usage, "completion_tokens": 1}),
                chunk("b", index=1),
                chunk("c", index=1, finish="stop", usage=usage),
            )
        ]

    texts = [(choice["index"], choice["text"]) for each in found for choice in shown(each)["choices"]]

    assert [(0, "1 a"), (1, "1 b"), (1, "c"), (2, "2 a"), (3, "2 b"), (3, "c")] == texts
    assert [0, 1, 1, 2, 3, 3] == [each.choices[0].index for each in found]
    assert {"cmpl-0"} == {shown(each)["id"] for each in found}
    assert [Usage(3, 1), None, Usage(3, 1), Usage(6, 2), None, Usage(6, 3)] == [each.usage for each in found]
    assert 9 == shown(found[-1])["usage"]["total_tokens"]


def test_offsets_count_on_from_chunk_to_chunk() -> None:
    """They are places in the whole text, for each choice its own."""
    stream = CompletionStream(chats(prompt="12", echo=True, logprobs=1))
    stream.begin(0)

    found = [stream.read(chunk("Jaé", index, choice={"logprobs": LOGPROBS})) for index in (0, 1, 0)]

    offsets = [shown(each)["choices"][0]["logprobs"]["text_offset"] for each in found]

    assert [[2, 4], [2, 4], [5, 7]] == offsets
