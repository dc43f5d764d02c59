"""What holds for every chat: streamed it says what it says whole, and what goes out comes back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from adapters.upstream.ndjson import NdjsonFraming
from adapters.wire.jsontext import document_of, parse_object, render
from adapters.wire.ollama import embeddings
from adapters.wire.ollama.chat_request import render_request
from adapters.wire.ollama.chat_response import ChatLineReader, parse_response
from adapters.wire.ollama.messages import messages_of
from adapters.wire.ollama.said import Naming
from domain.chat import ChatChunk, ChatRequest, ChatResponse
from domain.document import Document
from domain.embeddings import EmbeddingsRequest
from domain.errors import InvalidRequest, ProviderFailure
from tests.adapters.wire.json_text import VALUES

NAMING = Naming("0f0e0d0c-0b0a-4908-8706-050403020100", now=1_700_000_000)
END = {"prompt_eval_count": 5, "eval_count": 3, "total_duration": 7}

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(words, inner, max_size=2),
    max_leaves=4,
)
calls = st.fixed_dictionaries(
    {"function": st.fixed_dictionaries({"name": words, "arguments": st.dictionaries(words, values, max_size=2)})},
    optional={"id": words},
)
messages = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": words},
    optional={"thinking": words, "tool_calls": st.lists(calls, max_size=2)},
)
reasons = st.sampled_from(["stop", "length", "load"])


def written(value: object) -> bytes:
    """Return JSON text as Go writes it: letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def lines_of(said: Sequence[dict[str, Any]], reason: str) -> list[bytes]:
    """Return the lines of a stream that says these messages, the last one in its last line."""
    *others, last = [{"model": "m", "created_at": "2026-08-04T19:22:45Z", "message": message} for message in said]
    finished = {**last, "done": True, "done_reason": reason, **END}
    return [written({**line, "done": False}) for line in others] + [written(finished)]


def whole_of(said: Sequence[dict[str, Any]], reason: str) -> bytes:
    """Return the whole answer that says all of it, as Ollama's server adds it up."""
    message: dict[str, Any] = {"role": "assistant", "content": "".join(part["content"] for part in said)}
    thinking = "".join(part.get("thinking", "") for part in said)
    tools = [call for part in said for call in part.get("tool_calls", [])]
    message |= ({"thinking": thinking} if thinking else {}) | ({"tool_calls": tools} if tools else {})
    return lines_of([message], reason)[0]


def read(blocks: Iterable[bytes]) -> list[ChatChunk]:
    """Return the chunks of a stream that arrives in these blocks."""
    framing, reader = NdjsonFraming(), ChatLineReader(NAMING)
    found = [chunk for block in blocks for line in framing.feed(block) for chunk in reader.read(line)]
    found += [chunk for line in framing.end() for chunk in reader.read(line)]
    reader.end()
    return found


def read_at_once(blocks: Iterable[bytes]) -> tuple[list[ChatChunk], int]:
    """Return the same chunks, taken as they come in passages, and how many of them did."""
    framing, reader = NdjsonFraming(), ChatLineReader(NAMING)
    found: list[ChatChunk] = []
    at_once = 0
    for block in blocks:
        text = framing.cut(block)
        while text:
            passage, rest = reader.passage(text)
            if passage is None:
                found += [chunk for line in framing.split(text) for chunk in reader.read(line)]
                break
            found += passage
            at_once += len(passage)
            text = rest
    found += [chunk for line in framing.end() for chunk in reader.read(line)]
    return found, at_once


def added_up(chunks: Sequence[ChatChunk]) -> dict[str, Any]:
    """Return the whole answer that a client of OpenAI's makes of a stream."""
    whole: dict[str, Any] = {}
    message: dict[str, Any] = {"role": None, "content": "", "refusal": None}
    reason = None
    for chunk in chunks:
        values = json.loads(render(chunk.document))
        for choice in values.pop("choices"):
            delta = choice["delta"]
            for name in ("content", "reasoning"):
                if delta.get(name):
                    message[name] = message.get(name, "") + delta[name]
            message["role"] = delta.get("role", message["role"])
            for call in delta.get("tool_calls", []):
                index = call.pop("index")
                message.setdefault("tool_calls", []).append(call)
                assert index == len(message["tool_calls"]) - 1
            reason = choice["finish_reason"] or reason
        whole |= values
    if "tool_calls" in message and not message["content"]:
        message["content"] = None
    # The role of a stream that said nothing is the renderer's to add.
    message["role"] = message["role"] or "assistant"
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
    return {**whole, "object": "chat.completion", "choices": [choice]}


def values_of(response: ChatResponse) -> dict[str, Any]:
    """Return the values of a whole answer."""
    return dict(json.loads(render(response.document)))


@given(said=st.lists(messages, min_size=1, max_size=4), reason=reasons)
def test_a_stream_says_what_the_whole_answer_says(said: list[dict[str, Any]], reason: str) -> None:
    chunks = read([line + b"\n" for line in lines_of(said, reason)])
    response = parse_response(whole_of(said, reason), NAMING)

    assert values_of(response) == added_up(chunks)
    assert response.usage == chunks[-1].usage


@given(said=st.lists(messages, min_size=1, max_size=3), reason=reasons, end=st.sampled_from([b"\n", b"\r\n", b""]))
def test_a_stream_cut_anywhere_gives_the_same_chunks(said: list[dict[str, Any]], reason: str, end: bytes) -> None:
    *lines, last = lines_of(said, reason)
    stream = b"".join(line + b"\n" for line in lines) + last + end
    expected = read([stream])

    assert expected == read([stream[at : at + 1] for at in range(len(stream))])
    for at in range(1, len(stream), max(len(stream) // 16, 1)):
        assert expected == read([stream[:at], stream[at:]])


@given(message=messages)
def test_a_message_that_is_sent_back_is_the_one_that_came(message: dict[str, Any]) -> None:
    """The history that a client sends back is to Ollama what Ollama itself said."""
    answer = values_of(parse_response(whole_of([message], "stop"), NAMING))
    told = answer["choices"][0]["message"]

    [returned] = json.loads(messages_of(document_of({"messages": [told]})))

    ids = [call["id"] for call in told.get("tool_calls", [])]
    expected = {name: value for name, value in message.items() if value}
    if ids:
        expected["tool_calls"] = [
            {"id": name, "function": call["function"]} for name, call in zip(ids, message["tool_calls"], strict=True)
        ]
    assert expected == {name: value for name, value in returned.items() if value}


PLACES = [
    '{"messages":%s}',
    '{"messages":[%s]}',
    '{"messages":[{"role":%s,"content":"a"}]}',
    '{"messages":[{"role":"user","content":%s}]}',
    '{"messages":[{"role":"user","content":[%s]}]}',
    '{"messages":[{"role":"user","content":[{"type":"image_url","image_url":%s}]}]}',
    '{"messages":[{"role":"assistant","reasoning":%s}]}',
    '{"messages":[{"role":"assistant","tool_calls":%s}]}',
    '{"messages":[{"role":"assistant","tool_calls":[{"id":%s,"function":{"name":"f"}}]}]}',
    '{"messages":[{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":%s}}]}]}',
    '{"messages":[{"role":"tool","content":"a","tool_call_id":%s}]}',
    *(f'{{"messages":[],"{name}":%s}}' for name in ("n", "max_tokens", "stop", "options", "tools", "tool_choice")),
    *(f'{{"messages":[],"{name}":%s}}' for name in ("response_format", "reasoning", "reasoning_effort", "think")),
    '{"messages":[],"max_tokens":5,"num_predict":%s}',
    '{"messages":[],"response_format":{"type":"json_schema","json_schema":%s}}',
    '{"messages":[],"tools":[{"type":"function","function":%s}]}',
    '{"messages":[],"tool_choice":{"type":"allowed_tools","allowed_tools":%s}}',
]


@given(place=st.sampled_from(PLACES), value=VALUES)
def test_whatever_stands_in_a_request_it_is_written_or_refused(place: str, value: str) -> None:
    request = ChatRequest("m", parse_object((place % value).encode()))

    try:
        written = render_request(request, "llama3.2")
    except InvalidRequest as refusal:
        assert refusal.param is not None  # noqa: PT017 - both ways are right
    else:
        assert parse_object(written).members["model"] == b'"llama3.2"'


SAYINGS = [
    "%s",
    '{"done":true,"message":%s}',
    '{"done":%s,"message":{"content":"a"}}',
    '{"done":true,"message":{"content":%s}}',
    '{"done":true,"message":{"tool_calls":%s}}',
    '{"done":true,"message":{"tool_calls":[%s]}}',
    '{"done":true,"message":{"tool_calls":[{"id":%s,"function":{"arguments":%s}}]}}',
    '{"done":true,"message":{},"logprobs":[{"top_logprobs":%s}]}',
    '{"done":true,"message":{},"done_reason":%s,"eval_count":%s,"created_at":%s,"model":%s}',
    '{"error":%s,"status":%s}',
    '{"embeddings":%s}',
    '{"embeddings":[[%s]],"prompt_eval_count":%s}',
]


@given(saying=st.sampled_from(SAYINGS), value=VALUES, packed=st.booleans())
def test_whatever_ollama_says_it_is_an_answer_or_a_failure(saying: str, value: str, packed: bool) -> None:
    body = saying.replace("%s", value).encode()
    encoding = b'"base64"' if packed else b"null"
    wanted = EmbeddingsRequest("m", Document({"input": b'"a"', "encoding_format": encoding}))

    found: list[Document] = []
    with suppress(ProviderFailure):
        found.append(parse_response(body, NAMING).document)
    with suppress(ProviderFailure):
        found += [chunk.document for chunk in ChatLineReader(NAMING).read(body)]
    with suppress(ProviderFailure):
        found.append(embeddings.parse_response(body, wanted).document)

    assert found == [parse_object(render(document)) for document in found]


@given(said=st.lists(messages, min_size=1, max_size=6), reason=reasons, size=st.integers(1, 600), odd=st.booleans())
def test_lines_read_at_once_are_the_same_chunks(said: list[dict[str, Any]], reason: str, size: int, odd: bool) -> None:
    """Whatever else stands between the plain lines, and however they were cut."""
    lines = lines_of(said, reason)
    if odd:
        lines.insert(1, lines[0].replace(b'"done":false', b'"done":false,"vendor":[1]'))
    stream = b"".join(line + b"\n" for line in lines)
    expected = read([stream])

    for blocks in ([stream], [stream[at : at + size] for at in range(0, len(stream), size)]):
        found, _ = read_at_once(blocks)
        assert [json.loads(render(chunk.document)) for chunk in expected] == [
            json.loads(render(chunk.document)) for chunk in found
        ]
        assert [(chunk.choices, chunk.usage) for chunk in expected] == [(chunk.choices, chunk.usage) for chunk in found]


def test_nearly_all_lines_are_read_at_once() -> None:
    """All but the first, which names who speaks, and the last."""
    said = [{"role": "assistant", "content": f"wörd {number} \\n"} for number in range(100)]
    lines = lines_of(said, "stop")

    found, at_once = read_at_once([lines[0] + b"\n", b"".join(line + b"\n" for line in lines[1:])])

    assert 98 == at_once
    assert "".join(message["content"] for message in said) == added_up(found)["choices"][0]["message"]["content"]
