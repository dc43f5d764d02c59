"""An upstream's answers in OpenAI's dialect, whole and in chunks: what is acted upon is read, the rest is carried."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import render
from adapters.wire.openai.answers import Identity, render_response
from adapters.wire.openai.chat_response import ChatChunkReader, parse_chunk, parse_response
from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.errors import CredentialRefused, Malformed, ProviderFailure, StreamBroken, UpstreamError
from domain.usage import Usage
from tests.adapters.wire.json_text import SPACES, STRINGS, carried, spelled, unknown, write

CHOICE = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
NOT_OBJECTS = [b"", b" ", b"null", b"[]", b'"x"', b"{", b'{"a":NaN}', b"\xff", b'{"a":"\\ud800"}', b"[" * 100_000]


@st.composite
def choices(draw: st.DrawFn, kind: str) -> str:
    """Draw the text of one choice with members that nobody knows, in itself and in its message or delta."""
    said = {"role": '"assistant"', "content": draw(STRINGS), "reasoning": draw(STRINGS)}
    said_text = write([*spelled(said), *draw(unknown(said, 2))], draw(SPACES))
    owned = {"index": "0", kind: said_text, "logprobs": '{"content":[{"logprob":-1.0e-5}]}', "finish_reason": "null"}
    taken = {*owned, "message", "delta"}
    return write([*spelled(owned), *draw(unknown(taken, 2))], draw(SPACES))


# --- whole answers


@given(choices("message"), unknown({"choices", "error", "model", "usage"}), SPACES)
def test_a_whole_answer_leaves_as_it_came(choice: str, pairs: list[tuple[str, str]], space: str) -> None:
    """But for the model's name, which is the one that the caller sent; `parse_response(render(x)) == x`."""
    usage = r'{"prompt_tokens":3,"completion_tokens":2,"cost":0.10,"\u0078":18446744073709551616}'
    mine = {"id": r'"chatcmpl-\u0031"', "model": '"up"', "choices": f"[{choice}]", "usage": usage, "object": '"x"'}
    pairs = [(name, text) for name, text in pairs if json.loads(name) not in mine and json.loads(name) != "created"]
    response = parse_response(write([*spelled(mine), *pairs], space).encode())

    found = parse_response(render_response(response, Identity("fast", "chatcmpl-ours", 5, "chat.completion")))

    expected = {**carried(spelled(mine)), **carried(pairs), "model": b'"fast"', "created": b"5"}
    assert expected == found.document.members
    assert Usage(3, 2) == response.usage == found.usage
    assert response == parse_response(render(response.document))


def test_an_answer_gets_what_every_answer_has() -> None:
    """Where the upstream left it out, or sent null."""
    response = parse_response(json.dumps({"id": None, "choices": [CHOICE]}).encode())

    found = json.loads(render_response(response, Identity("m", "chatcmpl-1", 5, "chat.completion")))

    assert {"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m", "choices": [CHOICE]} == found


@pytest.mark.parametrize(
    "body",
    [
        *NOT_OBJECTS,
        b"{}",
        b'{"choices":null}',
        b'{"choices":[]}',
        b'{"choices":{}}',
        b'{"choices":[5]}',
        b'{"choices":"x"}',
    ],
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    """It is the provider's fault; nothing of it is shown."""
    with pytest.raises(Malformed) as caught:
        parse_response(body)

    assert str(caught.value).startswith("The upstream sent ")
    assert len(str(caught.value)) < 80


@given(st.binary(max_size=40))
def test_random_bytes_are_an_answer_or_the_providers_failure(body: bytes) -> None:
    """Nothing else can come of them."""
    for parse in (parse_response, parse_chunk):
        try:
            found: object = parse(body)
        except ProviderFailure as failure:
            found = failure

        assert isinstance(found, ChatResponse | ChatChunk | ProviderFailure)


@pytest.mark.parametrize("parse", [parse_response, parse_chunk])
@pytest.mark.parametrize(
    ("members", "status", "message"),
    [
        ({"error": {"message": "No.", "code": 400}}, 400, "No."),
        ({"error": {"message": "No.", "code": "x"}, "status_code": 429}, 429, "No."),
        ({"error": {"message": "No.", "status": 503}}, 503, "No."),
        ({"error": "No."}, 502, "No."),
        ({"error": {"message": "No.", "code": 200}}, 502, "No."),
        ({"error": {}, "message": "x"}, None, ""),
        ({"error": None}, None, ""),
        ({"error": ""}, None, ""),
        ({"error": False}, None, ""),
        ({"error": 5}, 502, "The upstream answered with status 502."),
        ({"error": {"a": 0}, "choices": None}, 502, "The upstream answered with status 502."),
    ],
    ids=str,
)
def test_an_error_in_disguise_is_one(parse: Any, members: dict[str, Any], status: int | None, message: str) -> None:
    """Some servers send their failures with status 200; others an empty `error` with every answer."""
    body = json.dumps({"choices": [CHOICE], **members}).encode()
    if status is None:
        assert parse(body)
    else:
        with pytest.raises(UpstreamError) as caught:
            parse(body)

        assert (status, message) == (caught.value.status, str(caught.value))


@pytest.mark.parametrize("status", [401, 403])
def test_of_a_refused_credential_nothing_is_told(status: int) -> None:
    """What the upstream says of it may quote the key."""
    with pytest.raises(CredentialRefused) as caught:
        parse_chunk(json.dumps({"error": {"message": "key sk-canary is bad", "code": status}}).encode())

    assert "canary" not in repr(caught.value) + str(caught.value)


# --- chunks


@given(choices("delta"), unknown({"choices", "error", "usage"}), SPACES)
def test_a_chunk_keeps_its_text(choice: str, pairs: list[tuple[str, str]], space: str) -> None:
    """Nothing of it is written anew; `parse_chunk(render(x)) == x`."""
    text = write([*spelled({"choices": f"[{choice}]"}), *pairs], space)

    chunk = parse_chunk(text.encode())

    assert carried([*spelled({"choices": f"[{choice}]"}), *pairs]) == chunk.document.members
    assert (ChoiceStep(0, role=True),) == chunk.choices
    assert chunk == parse_chunk(render(chunk.document))


@pytest.mark.parametrize(
    ("members", "steps", "usage"),
    [
        ({}, (), None),
        ({"choices": None}, (), None),
        ({"choices": []}, (), None),
        ({"choices": [{"delta": {"role": "assistant"}, "index": 0}]}, (ChoiceStep(0, role=True),), None),
        ({"choices": [{"delta": {"role": None}, "index": 0}]}, (ChoiceStep(0),), None),
        ({"choices": [{"delta": None, "index": 3}]}, (ChoiceStep(3),), None),
        ({"choices": [{"index": None}]}, (ChoiceStep(0),), None),
        ({"choices": [{"index": 0, "finish_reason": ""}]}, (ChoiceStep(0),), None),
        (
            {"choices": [{"index": 1, "finish_reason": "length"}, {"index": 0, "finish_reason": None}]},
            (ChoiceStep(1, finish_reason="length"), ChoiceStep(0)),
            None,
        ),
        ({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}, (), Usage(3, 2)),
        ({"choices": [], "usage": None}, (), None),
    ],
    ids=str,
)
def test_the_facts_of_a_chunk(members: dict[str, Any], steps: tuple[ChoiceStep, ...], usage: Usage | None) -> None:
    """What the gateway acts upon."""
    found = parse_chunk(json.dumps(members).encode())

    assert (steps, usage) == (found.choices, found.usage)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"delta": {}}, {"index": 0, "finish_reason": None, "delta": {}}),
        ({"index": 1, "delta": {}}, {"index": 1, "finish_reason": None, "delta": {}}),
        ({"index": None, "logprobs": None}, {"index": 0, "finish_reason": None, "logprobs": None}),
        ({"delta": {"x": 1}, "finish_reason": "stop"}, {"index": 0, "finish_reason": "stop", "delta": {"x": 1}}),
    ],
)
def test_what_clients_rely_on_is_filled_in(choice: dict[str, Any], expected: dict[str, Any]) -> None:
    """They read `index` and `finish_reason` without asking whether they are there; nothing else is touched."""
    whole = {"index": 2, "delta": {}, "finish_reason": None}

    found = parse_chunk(json.dumps({"choices": [choice, whole]}).encode())

    assert [expected, whole] == json.loads(found.document.members["choices"])


def test_what_is_filled_in_leaves_the_rest_as_it_came() -> None:
    """Only the choice is opened, what stands in it is not."""
    text = rb'{"choices":[{"delta":{"content":"\u00e9\/","n":1.0e-5}, "logprobs" : [ 0.10 ]}]}'

    found = parse_chunk(text).document.members["choices"]

    assert rb'[{"index":0,"finish_reason":null,"delta":{"content":"\u00e9\/","n":1.0e-5},"logprobs":[ 0.10 ]}]' == found


@pytest.mark.parametrize(
    "data",
    [
        *NOT_OBJECTS,
        b'{"choices":5}',
        b'{"choices":[5]}',
        b'{"choices":[{"index":"a"}]}',
        b'{"choices":[{"index":1.5}]}',
    ],
)
def test_what_is_no_chunk_is_malformed(data: bytes) -> None:
    """It is the provider's fault."""
    with pytest.raises(Malformed):
        parse_chunk(data)


# --- the end of a stream

STEP = b'{"choices":[{"index":%d,"delta":{"content":"x"},"finish_reason":%s}]}'


@pytest.mark.parametrize(
    ("messages", "complete"),
    [
        ([], False),
        ([STEP % (0, b"null")], False),
        ([STEP % (0, b'"stop"')], True),
        ([STEP % (0, b'""')], False),
        ([STEP % (0, b"null"), STEP % (1, b'"stop"')], False),
        ([STEP % (0, b"null"), STEP % (1, b'"stop"'), STEP % (0, b'"stop"')], True),
        ([STEP % (0, b'"stop"'), STEP % (0, b"null")], True),
        ([b'{"choices":[],"usage":{"prompt_tokens":1}}'], False),
    ],
)
def test_a_stream_without_its_mark_is_complete_when_every_choice_has_finished(
    messages: list[bytes], complete: bool
) -> None:
    """Anything else has broken off."""
    reader = ChatChunkReader()
    for message in messages:
        assert 1 == len(reader.read(message))

    assert not reader.done
    if complete:
        reader.end()
    else:
        with pytest.raises(StreamBroken):
            reader.end()


@pytest.mark.parametrize("mark", [b"[DONE]", b" [DONE]", b"[DONE]\r"])
def test_the_mark_of_the_end_is_the_end(mark: bytes) -> None:
    """It is no chunk, and what the choices said does not matter then."""
    reader = ChatChunkReader()
    reader.read(STEP % (0, b"null"))

    assert () == tuple(reader.read(mark))
    assert reader.done
