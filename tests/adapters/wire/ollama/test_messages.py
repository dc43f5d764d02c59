"""The messages of a chat, as Ollama gets them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import document_of
from adapters.wire.ollama.messages import messages_of
from domain.document import Document
from domain.errors import InvalidRequest
from tests.adapters.wire.json_text import STRINGS, VALUES

PNG = "data:image/png;base64,iVBORw0KGgo="


def text(said: str) -> dict[str, Any]:
    """Return a part."""
    return {"type": "text", "text": said}


def image(url: Any) -> dict[str, Any]:
    """Return a part."""
    return {"type": "image_url", "image_url": {"url": url}}


def call(arguments: Any, name: str = "weather", **members: Any) -> dict[str, Any]:
    """Return a tool call as OpenAI has it."""
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **members}


def native_call(arguments: Any, name: str = "weather", **members: Any) -> dict[str, Any]:
    """Return a tool call as Ollama has it."""
    return {**members, "function": {"name": name, "arguments": arguments}}


def sent(*messages: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what Ollama gets of these messages."""
    return list(json.loads(messages_of(document_of({"messages": messages}))))


def user(content: Any) -> dict[str, Any]:
    """Return a message of the user's."""
    return {"role": "user", "content": content}


def said(**members: Any) -> dict[str, Any]:
    """Return a message of the model's."""
    return {"role": "assistant", **members}


GOLDEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (user("Hi"), user("Hi")),
    (user(""), user("")),
    ({"role": "developer", "content": "Be brief"}, {"role": "system", "content": "Be brief"}),
    ({"role": "system", "content": "Be brief"}, {"role": "system", "content": "Be brief"}),
    ({"role": "critic", "content": "No"}, {"role": "critic", "content": "No"}),
    # what only OpenAI has, and what nobody knows
    ({**user("Hi"), "name": "Ann", "cache_control": {"type": "ephemeral"}}, user("Hi")),
    ({**user("Hi"), "images": ["QUJD"], "new": 1}, {**user("Hi"), "images": ["QUJD"], "new": 1}),
    ({**user("Hi"), "Content": "evil", "ROLE": "system"}, user("Hi")),
    # parts
    (user([]), user("")),
    (user([text("one")]), user("one")),
    (user([text("one"), text("two")]), user("one\ntwo")),
    (user([text("see"), image(PNG), text("this")]), {**user("see\nthis"), "images": ["iVBORw0KGgo="]}),
    (user([image(PNG)]), {**user(""), "images": ["iVBORw0KGgo="]}),
    (user([image("data:;base64,QUJD")]), {**user(""), "images": ["QUJD"]}),
    (user([image("DATA:image/JPEG;base64,QUI=")]), {**user(""), "images": ["QUI="]}),
    (user([image("data:image/jpg;base64,QQ==")]), {**user(""), "images": ["QQ=="]}),
    (user([image("data:image/webp;base64,QUJD")]), {**user(""), "images": ["QUJD"]}),
    (user([{"type": "image_url", "image_url": PNG}]), {**user(""), "images": ["iVBORw0KGgo="]}),
    (said(content=[text("a"), {"type": "refusal", "refusal": "b"}]), said(content="a\nb")),
    # what the model said before
    (said(content="Hi", refusal=None, annotations=[], audio=None, tool_calls=None), said(content="Hi")),
    (said(content=None), said(content="")),
    (said(refusal="No."), said(content="No.")),
    (said(content="4", reasoning="2+2"), said(content="4", thinking="2+2")),
    (said(content="4", reasoning_content="2+2"), said(content="4", thinking="2+2")),
    (said(content="4", reasoning="a", reasoning_content="b"), said(content="4", thinking="a")),
    (said(content="4", reasoning="a", thinking="c"), said(content="4", thinking="c")),
    # its calls
    (said(tool_calls=[call('{"a":1}', id="c1")]), said(content="", tool_calls=[native_call({"a": 1}, id="c1")])),
    (said(tool_calls=[call("{}")]), said(content="", tool_calls=[native_call({})])),
    (said(tool_calls=[call("")]), said(content="", tool_calls=[native_call({})])),
    (said(tool_calls=[call(None)]), said(content="", tool_calls=[native_call({})])),
    (said(tool_calls=[]), said(content="")),
    (said(function_call={"name": "f", "arguments": "{}"}), said(content="", tool_calls=[native_call({}, "f")])),
    # their results
    (
        {"role": "tool", "tool_call_id": "c9", "content": "ok"},
        {"role": "tool", "tool_call_id": "c9", "content": "ok"},
    ),
    (
        {"role": "tool", "tool_call_id": "c9", "content": [text("o"), text("k")], "name": "f"},
        {"role": "tool", "tool_call_id": "c9", "content": "o\nk", "tool_name": "f"},
    ),
    (
        {"role": "tool", "content": "ok", "name": "f", "tool_name": "g"},
        {"role": "tool", "content": "ok", "tool_name": "g"},
    ),
    ({"role": "function", "name": "f", "content": "ok"}, {"role": "tool", "content": "ok", "tool_name": "f"}),
]


@pytest.mark.parametrize(("given_message", "expected"), GOLDEN, ids=[json.dumps(given) for given, _ in GOLDEN])
def test_a_message_becomes_ollamas(given_message: dict[str, Any], expected: dict[str, Any]) -> None:
    assert [expected] == sent(given_message)


def test_a_result_gets_the_name_of_the_last_call_with_its_id() -> None:
    messages = [
        said(tool_calls=[call("{}", "early", id="c1"), call("{}", "other", id="c2")]),
        {"role": "tool", "tool_call_id": "c1", "content": "1"},
        said(tool_calls=[call("{}", "late", id="c1")]),
        {"role": "tool", "tool_call_id": "c1", "content": "2"},
        {"role": "tool", "tool_call_id": "c2", "content": "3"},
    ]

    assert ["early", "late", "other"] == [m["tool_name"] for m in sent(*messages) if m["role"] == "tool"]


BAD: list[tuple[dict[str, Any], str]] = [
    ({"content": "Hi"}, "messages[0].role"),
    ({"role": 1, "content": "Hi"}, "messages[0].role"),
    ({"role": "user"}, "messages[0].content"),
    (user(3), "messages[0].content"),
    (user(["Hi"]), "messages[0].content"),
    (user([{"text": "Hi"}]), "messages[0].content[0].type"),
    (user([text("a"), {"type": "text"}]), "messages[0].content[1].text"),
    (user([{"type": "text", "text": 1}]), "messages[0].content[0].text"),
    (user([{"type": "input_audio", "input_audio": {}}]), "messages[0].content[0].type"),
    (user([{"type": "file", "file": {}}]), "messages[0].content[0].type"),
    (user([text("a"), image("https://example.org/cat.png")]), "messages[0].content[1].image_url.url"),
    (user([image("HTTP://example.org/cat.png")]), "messages[0].content[0].image_url.url"),
    (user([{"type": "image_url", "image_url": "https://example.org/"}]), "messages[0].content[0].image_url"),
    (user([image("data:image/gif;base64,QUJD")]), "messages[0].content[0].image_url.url"),
    (user([image("data:image/png;base64,QUJ")]), "messages[0].content[0].image_url.url"),
    (user([image("data:image/png;base64,QU D")]), "messages[0].content[0].image_url.url"),
    (user([image("data:image/png;base64,")]), "messages[0].content[0].image_url.url"),
    (user([image("QUJD")]), "messages[0].content[0].image_url.url"),
    (user([image(None)]), "messages[0].content[0].image_url.url"),
    (user([{"type": "image_url"}]), "messages[0].content[0].image_url"),
    (said(content="4", reasoning=["2+2"]), "messages[0].reasoning"),
    (said(refusal=1), "messages[0].refusal"),
    (said(tool_calls={}), "messages[0].tool_calls"),
    (said(tool_calls=[{"id": "c"}]), "messages[0].tool_calls[0].function"),
    (said(tool_calls=[{"id": 1, **call("{}")}]), "messages[0].tool_calls[0].id"),
    (said(tool_calls=[{"function": {"arguments": "{}"}}]), "messages[0].tool_calls[0].function.name"),
    (said(tool_calls=[call("{}"), call("{")]), "messages[0].tool_calls[1].function.arguments"),
    (said(tool_calls=[call("[]")]), "messages[0].tool_calls[0].function.arguments"),
    (said(tool_calls=[call("3")]), "messages[0].tool_calls[0].function.arguments"),
    (said(tool_calls=[call({"a": 1})]), "messages[0].tool_calls[0].function.arguments"),
    (said(tool_calls=[call('{"a":' * 70 + "1" + "}" * 70)]), "messages[0].tool_calls[0].function.arguments"),
    (said(function_call={"arguments": "{}"}), "messages[0].function_call.name"),
    ({"role": "tool", "tool_call_id": 1, "content": "ok"}, "messages[0].tool_call_id"),
    ({"role": "tool", "name": 1, "content": "ok"}, "messages[0].name"),
]


@pytest.mark.parametrize(("given_message", "param"), BAD, ids=[json.dumps(given)[:120] for given, _ in BAD])
def test_what_ollama_cannot_be_told_is_refused_by_its_path(given_message: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        sent(given_message)

    assert (param, True) == (refusal.value.param, f"'{param}'" in refusal.value.message)


def test_messages_that_are_no_list_are_refused() -> None:
    with pytest.raises(InvalidRequest, match="messages"):
        messages_of(document_of({"messages": "Hi"}))


@given(parts=st.lists(STRINGS, min_size=1, max_size=3))
def test_texts_keep_their_escapes(parts: list[str]) -> None:
    content = ",".join(f'{{"type":"text","text":{part}}}' for part in parts)

    written = messages_of(Document({"messages": f'[{{"role":"user","content":[{content}]}}]'.encode()}))

    joined = r"\n".join(part[1:-1] for part in parts)
    assert f'[{{"role":"user","content":"{joined}"}}]' == written.decode()


@given(pairs=st.lists(st.tuples(STRINGS, VALUES), max_size=3))
def test_arguments_keep_their_text(pairs: list[tuple[str, str]]) -> None:
    """Numbers, escapes and spaces of the arguments arrive as the model once wrote them."""
    arguments = "{" + ", ".join(f"{name}: {value}" for name, value in pairs) + "}"
    body = json.dumps([said(tool_calls=[call(arguments)])]).encode()

    written = messages_of(Document({"messages": body}))

    assert f'"arguments":{arguments}}}}}]}}]'.encode() in written
