"""Streams as OpenAI's clients expect them, whatever the upstream's was like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import parse_object, text_of
from adapters.wire.openai.answers import DONE, PING, ChatStreamRenderer, Identity, event
from adapters.wire.openai.chat_response import parse_chunk
from domain.chat import ChatChunk
from tests.adapters.wire.json_text import SPACES, carried, spelled, unknown, write
from tests.adapters.wire.openai.test_chat_response import choices

CHAT = Identity("fast", "chatcmpl-ours", 5, "chat.completion.chunk")
TEXT = Identity("fast", "cmpl-ours", 5, "text_completion")
USAGE = {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "vendor": 1}
SAME = {"id": "up-1", "object": "chat.completion.chunk", "created": 1, "model": "fast"}
ROLE = {"role": "assistant", "content": ""}


def chunk(delta: dict[str, Any] | None = None, finish: str | None = None, index: int = 0, **more: Any) -> ChatChunk:
    """Return an upstream's chunk; with `choices` those instead of one of its own."""
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    members = {"id": "up-1", "object": "x", "created": 1, "model": "up", "choices": [choice], **more}
    return parse_chunk(json.dumps({name: value for name, value in members.items() if value != "(none)"}).encode())


def shown(steps: list[ChatChunk], *, include_usage: bool = False, identity: Identity = CHAT) -> list[Any]:
    """Return what a caller sees of a whole stream: the events' values, which must end with the mark of the end."""
    renderer = ChatStreamRenderer(identity, include_usage)
    stream = b"".join([renderer.render([step]) for step in steps]) + renderer.end()
    events = stream.removesuffix(DONE).split(b"\n\n")

    assert stream.endswith(DONE)
    assert events.pop() == b""
    assert all(each.startswith(b"data: ") and b"\n" not in each for each in events)
    return [json.loads(each.removeprefix(b"data: ")) for each in events]


def brief(found: list[Any]) -> list[Any]:
    """Return a stream in short: each choice as (index, what it said, how it ended); usage where it is told."""
    return [
        (
            [(each["index"], each["delta"], each["finish_reason"]) for each in members["choices"]],
            *([members["usage"]] if "usage" in members else []),
        )
        for members in found
    ]


A: Any = ([(0, ROLE, None)],)
B: Any = ([(0, {"content": "Hi"}, None)],)
C: Any = ([(0, {}, "stop")],)
FIRST, MIDDLE, LAST = chunk(ROLE), chunk({"content": "Hi"}), chunk({}, "stop")
TOLD = chunk(choices=[], usage=USAGE)

GOLDEN: dict[str, tuple[list[ChatChunk], list[Any], list[Any]]] = {
    "usage in a chunk of its own": ([FIRST, MIDDLE, LAST, TOLD], [A, B, C], [A, B, C, USAGE]),
    "usage on the last choice's chunk": ([FIRST, MIDDLE, chunk({}, "stop", usage=USAGE)], [A, B, C], [A, B, C, USAGE]),
    "usage on every chunk": (
        [
            chunk(ROLE, usage={"prompt_tokens": 3}),
            chunk({"content": "Hi"}, usage={"prompt_tokens": 3, "completion_tokens": 1}),
            chunk({}, "stop", usage=USAGE),
        ],
        [A, B, C],
        [A, B, C, USAGE],
    ),
    "usage on the last choice's chunk and in one of its own": (
        [FIRST, MIDDLE, chunk({}, "stop", usage={"prompt_tokens": 3}), TOLD],
        [A, B, C],
        [A, B, C, USAGE],
    ),
    "usage before the last choice's chunk": ([FIRST, TOLD, MIDDLE, LAST], [A, B, C], [A, B, C, USAGE]),
    "usage is null in every chunk": (
        [chunk(ROLE, usage=None), chunk({"content": "Hi"}, usage=None), chunk({}, "stop", usage=None), TOLD],
        [A, B, C],
        [A, B, C, USAGE],
    ),
    "no usage": ([FIRST, MIDDLE, LAST], [A, B, C], [A, B, C]),
    "no role": ([MIDDLE, LAST], [A, B, C], [A, B, C]),
    "no role before a tool call": (
        [chunk({"tool_calls": [{"index": 0}]}), chunk({}, "tool_calls")],
        [A, ([(0, {"tool_calls": [{"index": 0}]}, None)],), ([(0, {}, "tool_calls")],)],
        [A, ([(0, {"tool_calls": [{"index": 0}]}, None)],), ([(0, {}, "tool_calls")],)],
    ),
    "the role in every chunk": (
        [FIRST, chunk({"role": "assistant", "content": "Hi"}), LAST],
        [A, ([(0, {"role": "assistant", "content": "Hi"}, None)],), C],
        [A, ([(0, {"role": "assistant", "content": "Hi"}, None)],), C],
    ),
    "one chunk with everything": (
        [chunk({"content": "Hi"}, "stop", usage=USAGE)],
        [A, ([(0, {"content": "Hi"}, "stop")],)],
        [A, ([(0, {"content": "Hi"}, "stop")],), USAGE],
    ),
    "a first chunk without choices": ([chunk(choices=[]), FIRST, MIDDLE, LAST], [A, B, C], [([],), A, B, C]),
    "a chunk that leaves the choices out": (
        [FIRST, MIDDLE, chunk(choices="(none)", usage=USAGE), LAST],
        [A, B, C],
        [A, B, C, USAGE],
    ),
}  # fmt: skip


def with_usage(expected: list[Any]) -> list[Any]:
    """Return what a caller sees who asked for usage: null with every chunk, and the last chunk with nothing else."""
    return [([], entry) if entry is USAGE else (*entry, None) for entry in expected]


@pytest.mark.parametrize("how", GOLDEN)
def test_the_golden_table(how: str) -> None:
    """
    Usage comes in one last chunk without choices, and only to those who asked; without, no chunk lacks choices.

    The role comes first, and what the upstream said of it stands as it came.
    """
    steps, without, with_it = GOLDEN[how]

    assert without == brief(shown(steps))
    assert with_usage(with_it) == brief(shown(steps, include_usage=True))


@pytest.mark.parametrize("include_usage", [False, True])
@pytest.mark.parametrize("how", GOLDEN)
def test_all_chunks_share_what_they_must(how: str, include_usage: bool) -> None:
    """`id`, `object`, `created` and `model` are there and the same in every chunk, the last and the made ones too."""
    for members in shown(GOLDEN[how][0], include_usage=include_usage):
        assert {name: members.get(name) for name in SAME} == SAME


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ({"id": "(none)", "created": "(none)"}, {"id": "chatcmpl-ours", "created": 5}),
        ({"id": None, "created": None}, {"id": "chatcmpl-ours", "created": 5}),
        ({"id": "", "created": 0, "choices": []}, {"id": "chatcmpl-ours", "created": 5}),
        ({"id": "up-0", "created": 9}, {"id": "up-0", "created": 9}),
        ({"id": "up-0", "created": "(none)"}, {"id": "up-0", "created": 5}),
    ],
)
def test_the_first_chunk_settles_what_all_share(first: dict[str, Any], expected: dict[str, Any]) -> None:
    """Where it says nothing, the gateway's own stand; whatever later ones say."""
    found = shown(
        [chunk(ROLE, **first), chunk({"content": "Hi"}, id="up-2", created=7, model="b"), LAST, TOLD],
        include_usage=True,
    )

    assert [expected] * len(found) == [{name: members[name] for name in expected} for members in found]
    assert {"fast"} == {members["model"] for members in found}


def test_each_choice_says_who_speaks() -> None:
    """Several choices come in any order, also in one chunk."""
    both = parse_chunk(b'{"choices":[{"index":1,"delta":{"content":"b"}},{"index":0,"delta":{"role":"assistant"}}]}')

    found = brief(shown([both, chunk({"content": "c"}, index=2), chunk({}, "stop", index=1)]))

    assert found == [
        ([(1, ROLE, None)],),
        ([(1, {"content": "b"}, None), (0, {"role": "assistant"}, None)],),
        ([(2, ROLE, None)],),
        ([(2, {"content": "c"}, None)],),
        ([(1, {}, "stop")],),
    ]


@pytest.mark.parametrize(("include_usage", "more"), [(False, []), (True, [([], USAGE)])])
def test_a_text_completion_has_no_role(include_usage: bool, more: list[Any]) -> None:
    """Its pieces are `text_completion` objects, like the whole of it."""
    step = parse_chunk(b'{"object":"x","choices":[{"index":0,"text":"Hi","finish_reason":null}]}')

    found = shown([step, TOLD], include_usage=include_usage, identity=TEXT)

    told = [{"usage": None}] if include_usage else [{}]
    expected = {"object": "text_completion", "id": "cmpl-ours", "created": 5, "model": "fast"}
    choice = {"index": 0, "text": "Hi", "finish_reason": None}
    assert [{**expected, "choices": [choice], **told[0]}] == found[:1]
    assert more == [(members["choices"], members["usage"]) for members in found[1:]]


@given(
    choices("delta"), unknown({"choices", "error", "usage", "id", "created", "object", "model"}), SPACES, st.booleans()
)
def test_what_the_gateway_does_not_own_leaves_as_it_came(
    choice: str, pairs: list[tuple[str, str]], space: str, include_usage: bool
) -> None:
    """Members and choices keep their text; only a line end between them, which no event could hold, becomes a space."""
    mine = {"choices": f"[{choice}]", "model": '"up"'}
    data = write([*spelled(mine), *pairs], space).encode()

    found = ChatStreamRenderer(CHAT, include_usage).render([parse_chunk(data)])

    (line,) = found.removesuffix(b"\n\n").split(b"\n\n")
    identity = {name: text_of(value) for name, value in {**SAME, "id": CHAT.id, "created": CHAT.created}.items()}
    expected = {**carried([*spelled(mine), *pairs]), **identity, **({"usage": b"null"} if include_usage else {})}
    flat = {name: text.replace(b"\n", b" ").replace(b"\r", b" ") for name, text in expected.items()}
    assert flat == parse_object(line.removeprefix(b"data: ")).members


def test_usage_keeps_its_text() -> None:
    """As its provider told it, last."""
    usage = rb'{"prompt_tokens":3,"cost":1.0e-5,"\u0078":18446744073709551616}'
    renderer = ChatStreamRenderer(CHAT, include_usage=True)
    renderer.render([parse_chunk(b'{"choices":[],"usage":' + usage + b"}")])

    assert renderer.end().endswith(b'"choices":[],"usage":' + usage + b"}\n\n" + DONE)


def test_chunks_that_come_together_leave_together() -> None:
    """In their order; nothing to say is nothing sent."""
    one, two = ChatStreamRenderer(CHAT, include_usage=False), ChatStreamRenderer(CHAT, include_usage=False)

    assert one.render([FIRST, MIDDLE, LAST]) == b"".join([two.render([step]) for step in (FIRST, MIDDLE, LAST)])
    assert b"" == one.render([TOLD])
    assert DONE == one.end()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_json_that_came_on_several_lines_leaves_on_one(end: str) -> None:
    """A line end would cut the event in two."""
    found = event(f'{{{end}"a":{end}1}}'.encode())

    assert 1 == found.count(b"data:")
    assert {"a": 1} == json.loads(found.removeprefix(b"data: "))
    assert 2 == found.count(b"\n")
    assert b"\r" not in found


def test_marks_are_events_and_comments() -> None:
    """As OpenAI's clients know them."""
    assert (b"data: [DONE]\n\n", b": ping\n\n") == (DONE, PING)
