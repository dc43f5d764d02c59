"""Events read at once are what they are when each is read by itself."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.upstream.sse import SseFraming
from adapters.wire.openai.answers import ChatStreamRenderer, Identity
from adapters.wire.openai.chat_response import ChatChunkReader
from adapters.wire.openai.passage import Passage
from domain.chat import ChatChunk
from domain.errors import ProviderFailure

IDENTITY = Identity('the/caller\'s "name"', "chatcmpl-ours", 7, "chat.completion.chunk")
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "system_fingerprint": "fp"}


def choice(delta: dict[str, Any], finish: str | None = None, **more: object) -> list[dict[str, Any]]:
    return [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish, **more}]


def compact(chunk: object) -> bytes:
    return json.dumps(chunk, separators=(",", ":"), ensure_ascii=False).encode()


def vllm(choices: object, **more: object) -> bytes:
    """All that is common stands before."""
    return compact({**HEAD, "choices": choices, **more})


def cerebras(choices: object, **more: object) -> bytes:
    """What is common stands on both sides."""
    behind = {name: HEAD[name] for name in ("created", "model", "system_fingerprint", "object")}
    return compact({"id": HEAD["id"], "choices": choices, **behind, **more})


def openai(choices: object, **more: object) -> bytes:
    """The end differs in each event."""
    return compact({**HEAD, "choices": choices, "usage": None, "obfuscation": str(len(str(choices))), **more})


def spaced(choices: object, **more: object) -> bytes:
    """Python's own writing."""
    return json.dumps({**HEAD, "choices": choices, **more}).encode()


STYLES = [vllm, cerebras, openai, spaced]
TEXTS = [
    "",
    "a",
    "\n\n",
    'data: {"model":"x"}',
    "\\",
    '"usage":null',
    "\u2028é😀",
    '],"model":"m"',
    '"finish_reason":"stop"',
]
DELTAS: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.sampled_from(TEXTS).map(lambda text: {"content": text}),
    st.sampled_from(TEXTS).map(lambda text: {"tool_calls": [{"index": 0, "function": {"arguments": text}}]}),
    st.just({"role": "assistant", "content": ""}),
    st.just({"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}}], "model": "z"}),
)
ODD = [
    b"data: nonsense",
    b'data: {"error":{"message":"overloaded"}}',
    b": ping",
    b"event: message\ndata: {}",
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[]}',
    b"data: " + vllm([{"index": 1, "delta": {"content": "two"}, "finish_reason": None}]),
    b"data: " + vllm(choice({"content": "a"}), model="other"),
    b"data: " + vllm(choice({"content": "a"}, "stop")),
    b"data: " + vllm([], usage={"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}),
    b"data: " + vllm(choice({"content": "a"})).replace(b'"a"', b'"\xff"'),
    b"data: " + vllm(choice({"content": "a"})).replace(b"null", b"nul", 1),
]
EVENTS = st.lists(
    st.one_of(DELTAS.map(lambda delta: (delta, None)), st.sampled_from(ODD).map(lambda odd: (None, odd))), max_size=12
)


def written(stream: Sequence[tuple[dict[str, Any] | None, bytes | None]], style: Any) -> list[bytes]:
    first = b"data: " + style(choice({"role": "assistant", "content": ""}))
    return [first, *(odd or b"data: " + style(choice(delta or {})) for delta, odd in stream), b"data: [DONE]"]


def told(blocks: Sequence[bytes], *, at_once: bool, include_usage: bool) -> tuple[list[dict[str, Any]], str, int]:
    """Return the events that a caller gets, how the stream ended, and how many came by passages."""
    framing, reader = SseFraming(), ChatChunkReader()
    renderer = ChatStreamRenderer(IDENTITY, include_usage)
    sent, passages = b"", 0
    ending = ""
    try:
        for block in blocks:
            text = framing.cut(block)
            while text and not reader.done:
                passage, rest = reader.passage(text) if at_once else (None, text)
                if passage is not None:
                    passages += len(passage)
                    sent += renderer.render(passage)
                    text = rest
                    continue
                text = b""
                for message in framing.split(rest):
                    if not reader.done:
                        sent += renderer.render(reader.read(message))
        sent += renderer.end()
    except ProviderFailure as failure:
        ending = str(failure)
    return (
        [json.loads(event.removeprefix(b"data: ").replace(b"[DONE]", b"0")) for event in sent.split(b"\n\n")[:-1]],
        ending,
        passages,
    )


@given(EVENTS, st.sampled_from(STYLES), st.booleans(), st.integers(1, 400))
def test_reading_at_once_tells_the_same(
    stream: list[tuple[dict[str, Any] | None, bytes | None]], style: Any, include_usage: bool, size: int
) -> None:
    """Whatever comes, in whatever style and however it was cut, a caller gets the same events and the same end."""
    whole = b"\n\n".join([*written(stream, style), b""])
    blocks = [whole[at : at + size] for at in range(0, len(whole), size)]

    single = told([whole], at_once=False, include_usage=include_usage)
    assert single[:2] == told([whole], at_once=True, include_usage=include_usage)[:2]
    assert single[:2] == told(blocks, at_once=True, include_usage=include_usage)[:2]


@pytest.mark.parametrize("style", [vllm, cerebras, openai])
def test_most_events_are_read_at_once(style: Any) -> None:
    """What hundreds of events share is looked at once, in the writing of the usual servers."""
    stream: list[tuple[dict[str, Any] | None, bytes | None]]
    stream = [({"content": f"word {number}"}, None) for number in range(100)]
    stream.append((None, b"data: " + style(choice({}, "stop"))))
    blocks = [b"\n\n".join([*written(stream, style), b""])]

    events, _, passages = told([blocks[0][:300], blocks[0][300:]], at_once=True, include_usage=False)

    assert passages >= 98
    assert {IDENTITY.model} == {event["model"] for event in events[:-1]}
    assert [f"word {number}" for number in range(100)] == [
        event["choices"][0]["delta"]["content"] for event in events[1:-2]
    ]


def test_a_passage_is_the_sequence_of_its_chunks() -> None:
    """Whoever does not write events can still look at each."""
    reader = ChatChunkReader()
    texts = [vllm(choice({"content": text})) for text in ("one", "two", "three")]
    reader.read(texts[0])

    passage, rest = reader.passage(b"".join(b"data: " + text + b"\n\n" for text in texts[1:]))

    assert isinstance(passage, Passage)
    assert (2, b"") == (len(passage), rest)
    assert [chunk for text in texts[1:] for chunk in ChatChunkReader().read(text)] == list(passage)
    assert isinstance(passage[0], ChatChunk)
    assert [passage[1]] == passage[1:]
