"""What Ollama answers → what a caller gets."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.wire.jsontext import render
from adapters.wire.ollama.chat_response import ChatLineReader, parse_response
from adapters.wire.ollama.said import Naming
from domain.chat import ChatChunk, ChoiceStep
from domain.errors import CredentialRefused, Malformed, StreamBroken, UpstreamError
from domain.usage import Usage

UUID = "0f0e0d0c-0b0a-4908-8706-050403020100"
NAMING = Naming(UUID, now=1_700_000_000)
TIMES = {"total_duration": 1883583458, "load_duration": 1334875, "prompt_eval_duration": 1, "eval_duration": 2}
COUNTS = {"prompt_eval_count": 26, "eval_count": 10}
SHARED = {
    "id": f"chatcmpl-{UUID}",
    "created": 1_785_871_365,
    "model": "llama3.2:latest",
    "system_fingerprint": "fp_ollama",
}


def native(message: Any, **members: Any) -> dict[str, Any]:
    """Return one object of Ollama's."""
    created = "2026-08-04T19:22:45.499127123Z"
    return {"model": "llama3.2:latest", "created_at": created, "message": message, "done": False, **members}


def done(message: Any, **members: Any) -> dict[str, Any]:
    """Return the last object, or the only one."""
    return native(message, **{"done": True, "done_reason": "stop", **COUNTS, **members})


def said(content: str = "", **members: Any) -> dict[str, Any]:
    """Return a message."""
    return {"role": "assistant", "content": content, **members}


def called(name: str = "weather", arguments: Any = None, **members: Any) -> dict[str, Any]:
    """Return a tool call."""
    return {**members, "function": {"index": 0, "name": name, "arguments": {} if arguments is None else arguments}}


def whole(answer: Any) -> dict[str, Any]:
    """Return a whole answer, as the caller gets it."""
    return dict(json.loads(render(parse_response(json.dumps(answer).encode(), NAMING).document)))


def choice(answer: Any) -> dict[str, Any]:
    """Return the choice of a whole answer."""
    return dict(whole(answer)["choices"][0])


def chunks(*lines: Any) -> list[ChatChunk]:
    """Return the chunks of a complete stream."""
    reader = ChatLineReader(NAMING)
    found = [chunk for line in lines for chunk in reader.read(json.dumps(line).encode())]
    assert reader.done
    reader.end()
    return found


def pieces(*lines: Any) -> list[dict[str, Any]]:
    """Return what the chunks of a stream have beside what they share, having checked that they share it."""
    found = [json.loads(render(chunk.document)) for chunk in chunks(*lines)]
    shared = {**SHARED, "object": "chat.completion.chunk"}
    for piece in found:
        assert shared.items() <= piece.items()
    return [{name: value for name, value in piece.items() if name not in shared} for piece in found]


def piece(delta: dict[str, Any], reason: str | None = None, logprobs: Any = None) -> dict[str, Any]:
    """Return a chunk of one choice."""
    return {"choices": [{"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason}]}


LAST = [
    piece({}, "stop"),
    {"choices": [], "usage": {"prompt_tokens": 26, "completion_tokens": 10, "total_tokens": 36}},
]


# --- whole


def test_a_whole_answer_has_openais_shape() -> None:
    expected = {
        **SHARED,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Paris.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 26, "completion_tokens": 10, "total_tokens": 36},
        **TIMES,
    }

    assert expected == whole(done(said("Paris."), **TIMES))


MESSAGES: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (said("Hi"), {"content": "Hi"}),
    (said(""), {"content": ""}),
    ({"role": "assistant"}, {"content": ""}),
    (said("4", thinking="2+2"), {"content": "4", "reasoning": "2+2"}),
    (said("4", thinking=""), {"content": "4"}),
    (said("4", new={"a": 1}), {"content": "4", "new": {"a": 1}}),
    (
        said(tool_calls=[called(arguments={"city": "Zürich"}, id="call_1")]),
        {
            "content": None,
            "tool_calls": [
                {
                    "id": "call_1",
                    "type": "function",
                    "function": {"name": "weather", "arguments": '{"city": "Z\\u00fcrich"}'},
                }
            ],
        },
    ),
    (
        said("Let me see.", tool_calls=[called(id="", new=1)]),
        {
            "content": "Let me see.",
            "tool_calls": [
                {
                    "id": "call_0f0e0d0c0b0a490887060504_0",
                    "type": "function",
                    "function": {"name": "weather", "arguments": "{}"},
                    "new": 1,
                }
            ],
        },
    ),
    (said("Hi", tool_calls=[]), {"content": "Hi"}),
    (said("Hi", tool_calls=None), {"content": "Hi"}),
]


@pytest.mark.parametrize(("message", "expected"), MESSAGES, ids=[json.dumps(message) for message, _ in MESSAGES])
def test_a_message_becomes_openais(message: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {"role": "assistant", "refusal": None, **expected} == choice(done(message))["message"]


@pytest.mark.parametrize(
    ("reason", "calls", "expected"),
    [
        ("stop", [], "stop"),
        ("length", [], "length"),
        ("load", [], "stop"),
        ("unload", [], "stop"),
        (None, [], "stop"),
        ("stop", [called()], "tool_calls"),
        ("length", [called()], "tool_calls"),
    ],
)
def test_the_reason_of_the_end_is_openais(reason: str | None, calls: list[Any], expected: str) -> None:
    message = said("", tool_calls=calls)

    assert expected == choice(done(message, done_reason=reason))["finish_reason"]
    assert expected == pieces(native(message), done(said(), done_reason=reason))[1]["choices"][0]["finish_reason"]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"prompt_eval_count": 26, "eval_count": 10}, Usage(26, 10)),
        ({"eval_count": 10}, Usage(0, 10)),
        ({"prompt_eval_count": 26}, Usage(26, 0)),
        ({}, None),
        ({"prompt_eval_count": -7, "eval_count": -7}, None),
        ({"prompt_eval_count": 26, "eval_count": 10**30}, None),
        ({"prompt_eval_count": "many", "eval_count": 10}, None),
        ({"prompt_eval_count": 1.5, "eval_count": 10}, None),
    ],
)
def test_usage_is_what_ollama_counted(counts: dict[str, Any], expected: Usage | None) -> None:
    answer = native(said("Hi"), done=True, **counts)
    response = parse_response(json.dumps(answer).encode(), NAMING)

    assert expected == response.usage
    assert (expected is None) is ("usage" not in response.document.members)
    assert expected == chunks(answer)[-1].usage


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ("2026-08-04T19:22:45Z", 1_785_871_365),
        ("2026-08-04T21:22:45.1234567+02:00", 1_785_871_365),
        ("2026-08-04T19:22:45", 1_785_871_365),
        ("0001-01-01T00:00:00Z", NAMING.now),
        ("0001-01-01T00:00:00+23:59", NAMING.now),
        ("9999-12-31T23:59:59-23:59", 253_402_387_139),
        ("yesterday", NAMING.now),
        (7, NAMING.now),
        (None, NAMING.now),
    ],
)
def test_the_time_is_ollamas_or_now(created: Any, expected: int) -> None:
    assert expected == whole(done(said("Hi"), created_at=created))["created"]


def test_logprobs_get_what_clients_rely_on() -> None:
    told = [
        {"token": "Pa", "logprob": -0.1, "bytes": [80, 97], "top_logprobs": [{"token": "Pa", "logprob": -0.1}]},
        {"token": "ris", "logprob": -0.2},
    ]
    expected = {
        "content": [
            {
                "token": "Pa",
                "logprob": -0.1,
                "bytes": [80, 97],
                "top_logprobs": [{"token": "Pa", "logprob": -0.1, "bytes": None}],
            },
            {"token": "ris", "logprob": -0.2, "bytes": None, "top_logprobs": []},
        ],
        "refusal": None,
    }

    assert expected == choice(done(said("Paris"), logprobs=told))["logprobs"]
    assert [expected, None] == [
        found["choices"][0]["logprobs"] for found in pieces(done(said("Paris"), logprobs=told))[:2]
    ]
    assert choice(done(said("Paris"), logprobs=[]))["logprobs"] is None


def test_the_text_of_arguments_and_numbers_stays() -> None:
    body = (
        b'{"message":{"role":"assistant","content":"\\u00e9\\/","tool_calls":[{"function":{"name":"f",'
        b'"arguments":{"a": 0.10,"n":9007199254740993,"e":"\\u00e9"}}}]},"done":true,"new":1.50}'
    )

    document = parse_response(body, NAMING).document

    assert rb'"content":"\u00e9\/"' in document.members["choices"]
    assert rb'"arguments":"{\"a\": 0.10,\"n\":9007199254740993,\"e\":\"\\u00e9\"}"' in document.members["choices"]
    assert document.members["new"] == b"1.50"


def test_arguments_that_are_a_string_already_stay_one() -> None:
    [call] = choice(done(said(tool_calls=[called(arguments='{"a":1}')])))["message"]["tool_calls"]

    assert '{"a":1}' == call["function"]["arguments"]


def test_members_of_openais_names_are_the_gateways() -> None:
    found = whole(done(said("Hi"), id="x", object="y", choices=3, usage={}))

    assert (f"chatcmpl-{UUID}", "chat.completion", 26) == (
        found["id"],
        found["object"],
        found["usage"]["prompt_tokens"],
    )


# --- streamed


def test_a_stream_begins_with_the_role_and_ends_with_the_reason_and_the_usage() -> None:
    found = pieces(native(said("Par")), native(said("is.")), done(said(""), **TIMES))

    first = piece({"role": "assistant", "content": "Par"})
    assert [first, piece({"content": "is."}), {**LAST[0], **TIMES}, LAST[1]] == found


def test_the_chunks_tell_what_the_gateway_acts_upon() -> None:
    found = chunks(native(said("Par")), native(said("is.")), done(said("")))

    assert [(ChoiceStep(role=True),), (ChoiceStep(),), (ChoiceStep(finish_reason="stop"),), ()] == [
        chunk.choices for chunk in found
    ]
    assert [None, None, None, Usage(26, 10)] == [chunk.usage for chunk in found]


def test_thinking_streams_as_reasoning() -> None:
    found = pieces(native(said("", thinking="2")), native(said("", thinking="+2")), native(said("4")), done(said("")))

    expected = [
        piece({"role": "assistant", "content": "", "reasoning": "2"}),
        piece({"reasoning": "+2"}),
        piece({"content": "4"}),
    ]
    assert [*expected, *LAST] == found


def test_calls_are_numbered_along_the_stream() -> None:
    """Ollama's own numbers begin anew with each line of some of its versions."""
    found = pieces(
        native(said(tool_calls=[called("a", id="call_a"), called("b")])),
        native(said(tool_calls=[called("c")])),
        done(said("")),
    )

    calls = [call for piece in found[:2] for call in piece["choices"][0]["delta"]["tool_calls"]]
    ids = ["call_a", "call_0f0e0d0c0b0a490887060504_1", "call_0f0e0d0c0b0a490887060504_2"]
    assert list(zip([0, 1, 2], ids, "abc", strict=True)) == [
        (call["index"], call["id"], call["function"]["name"]) for call in calls
    ]
    assert "tool_calls" == found[2]["choices"][0]["finish_reason"]


def test_words_in_the_last_line_are_said_before_the_end() -> None:
    assert [piece({"role": "assistant", "content": "Hi"}), *LAST] == pieces(done(said("Hi")))


def test_an_answer_without_words_is_complete() -> None:
    assert LAST == pieces(done(said("")))
    assert LAST == pieces(native(None, done=True, **COUNTS))


def test_a_line_that_says_nothing_is_a_chunk_that_says_nothing() -> None:
    found = pieces(native(said("Hi")), native(said("")), done(said("")))

    assert [piece({"role": "assistant", "content": "Hi"}), piece({"content": ""}), *LAST] == found


def test_what_ollama_adds_to_a_line_stays_with_it() -> None:
    found = pieces(native(said("Hi"), remote_model="big"), done(said(""), remote_model="big"))

    assert ["big", "big", None] == [chunk.get("remote_model") for chunk in found]


def test_all_chunks_have_the_time_of_the_first() -> None:
    assert 4 == len(pieces(native(said("a")), native(said("b"), created_at="2030-01-01T00:00:00Z"), done(said(""))))


# --- what is no answer


NONSENSE: list[Any] = [
    [],
    "Hi",
    {},
    native("Hi"),
    native(None),
    native(said(3)),  # type: ignore[arg-type]  # what no server should send
    native(said("", thinking=["no", "text"])),
    native(said("", tool_calls={})),
    native(said("", tool_calls=[{}])),
    native(said("", tool_calls=[{"function": "f"}])),
    native(said(""), logprobs="none"),
    native(said(""), logprobs=[{"token": "a", "top_logprobs": "none"}]),
]


@pytest.mark.parametrize("answer", NONSENSE, ids=[json.dumps(answer) for answer in NONSENSE])
def test_nonsense_is_malformed(answer: Any) -> None:
    body = json.dumps(answer).encode()
    finished = json.dumps({**answer, "done": True}).encode() if answer and isinstance(answer, dict) else body

    with pytest.raises(Malformed):
        ChatLineReader(NAMING).read(body)
    if answer != native(None):
        with pytest.raises(Malformed):
            parse_response(finished, NAMING)


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"<html>", b'{"done":true}{"done":true}'])
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_response(body, NAMING)
    with pytest.raises(Malformed):
        ChatLineReader(NAMING).read(body)


def test_an_answer_that_is_not_done_is_malformed() -> None:
    with pytest.raises(Malformed, match="not done"):
        parse_response(json.dumps(native(said("Hi"))).encode(), NAMING)


def test_a_stream_that_ends_before_it_is_done_is_broken() -> None:
    reader = ChatLineReader(NAMING)
    reader.read(json.dumps(native(said("Hi"))).encode())

    with pytest.raises(StreamBroken):
        reader.end()


ERRORS = [
    ({"error": "an error was encountered"}, (502, None)),
    ({"error": 'model "x" not found, try pulling it first'}, (404, "model_not_found")),
    ({"error": "prompt too long; exceeded max context length by 17 tokens"}, (400, "context_length_exceeded")),
    ({"error": "slow down", "status": 429}, (429, None)),
    ({"error": {"message": "slow down", "code": "queue"}, "status_code": 503}, (503, "queue")),
    ({"error": "odd", "status": 10**400}, (502, None)),
]


@pytest.mark.parametrize(("said_instead", "expected"), ERRORS)
def test_an_error_in_the_place_of_an_answer_is_raised(
    said_instead: dict[str, Any], expected: tuple[int, str | None]
) -> None:
    body = json.dumps(said_instead).encode()
    reader = ChatLineReader(NAMING)
    reader.read(json.dumps(native(said("Hi"))).encode())

    with pytest.raises(UpstreamError) as in_stream:
        reader.read(body)
    with pytest.raises(UpstreamError) as instead:
        parse_response(body, NAMING)

    assert [expected, expected] == [(failure.value.status, failure.value.code) for failure in (in_stream, instead)]


def test_an_error_about_the_credential_says_nothing() -> None:
    with pytest.raises(CredentialRefused):
        parse_response(b'{"error":"bad key sk-1","status":401}', NAMING)
    with pytest.raises(CredentialRefused):
        parse_response(b'{"error":1e999,"status":403}', NAMING)


def test_an_empty_error_is_none() -> None:
    assert "Hi" == choice(done(said("Hi"), error=""))["message"]["content"]
