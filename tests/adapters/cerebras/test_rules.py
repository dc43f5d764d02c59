"""The rules: they touch nothing else, nothing else is needed, and the page for users tells them as they are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cerebras.cloud.sdk.types import completion_create_params as cerebras_text
from cerebras.cloud.sdk.types.chat import completion_create_params as cerebras
from hypothesis import given
from hypothesis import strategies as st
from openai.types import chat as openai
from openai.types import completion_create_params as openai_text
from openai.types.chat import completion_create_params as openai_chat

from adapters.wire.cerebras import chat_request
from adapters.wire.cerebras.rules import MESSAGE, PART, REQUEST, STREAM_OPTIONS, Rules
from adapters.wire.jsontext import parse_object
from domain.chat import ChatRequest

PAGE = Path(__file__).parents[3] / "docs/how-to/use-cerebras.md"
PLACES = {"request": REQUEST, "`stream_options`": STREAM_OPTIONS, "message": MESSAGE, "content part": PART}

NUMBERS = [b"0.10", b"-0", b"1e400", b"9007199254740993"]
STRINGS = [rb'"\u00e9\/"', '"é\u2028"'.encode(), rb'"\ud83d\ude00"', b'"developer"', b'"max"']
NESTED = [b"null", b"[ ]", b'[{"type":"text","cache_control":{}}]', b'{ "a" : [1.0, {"b":1}],"a":2 }']

names = st.text(max_size=8) | st.sampled_from(["role", "content", "seed", "tools", "user", "type", "text"])
texts = st.sampled_from(NUMBERS + STRINGS + NESTED) | st.text(max_size=8).map(lambda text: json.dumps(text).encode())


def of(rules: Rules) -> set[str]:
    """Return the members that rules may touch."""
    return {*rules.dropped, *rules.moved, *rules.moved.values(), *rules.values}


@st.composite
def objects(draw: st.DrawFn, untouched: set[str], touched: list[str]) -> tuple[bytes, dict[str, bytes]]:
    """Draw the text of an object, and of it the members that no rule names."""
    free = draw(st.dictionaries(names.filter(lambda name: name not in untouched), texts, max_size=4))
    owned = draw(st.dictionaries(st.sampled_from(touched), texts, max_size=3))
    pairs = draw(st.permutations([*free.items(), *owned.items()]))
    return b"{" + b" , ".join(json.dumps(name).encode() + b": " + text for name, text in pairs) + b"}", free


request_objects = objects({*of(REQUEST), "model", "stream_options", "messages"}, sorted(REQUEST.dropped))
message_objects = objects({*of(MESSAGE), "content"}, sorted(MESSAGE.dropped | MESSAGE.moved.keys()))


@given(request_objects, st.lists(message_objects, max_size=3))
def test_members_that_no_rule_names_arrive_byte_for_byte(
    request_object: tuple[bytes, dict[str, bytes]], messages: list[tuple[bytes, dict[str, bytes]]]
) -> None:
    text, free = request_object
    array = b"[" + b",".join(message for message, _ in messages) + b"]"
    document = parse_object(text).having({"messages": array})

    found = parse_object(chat_request.render_request(ChatRequest("m", document), "m")).members
    arrived = [parse_object(message).members for message in _items(found["messages"])]

    assert free == {name: found[name] for name in free}
    assert not REQUEST.dropped & found.keys()
    assert [members for _, members in messages] == [
        {name: members[name] for name in expected} for members, (_, expected) in zip(arrived, messages, strict=True)
    ]


def _items(array: bytes) -> list[bytes]:
    """Split the text of an array, as a parser of another make does it."""
    decoder, text, found = json.JSONDecoder(), array.decode()[1:-1].lstrip(), []
    while text:
        end = decoder.raw_decode(text)[1]
        found.append(text[:end].encode())
        text = text[end:].lstrip(" ,")
    return found


def members_of(typed: type) -> set[str]:
    return set(typed.__annotations__)


def test_each_parameter_of_openai_is_known_to_cerebras_or_named_by_a_rule() -> None:
    of_openai = members_of(openai_chat.CompletionCreateParamsBase) | {"stream"}
    unknown = of_openai - members_of(cerebras.CompletionCreateParams)

    assert set() == unknown - REQUEST.dropped - REQUEST.moved.keys()
    assert set() == members_of(openai.ChatCompletionStreamOptionsParam) - {"include_usage"} - STREAM_OPTIONS.dropped

    of_text = members_of(openai_text.CompletionCreateParamsBase)
    assert set() == of_text - members_of(cerebras_text.CompletionCreateParams)


@pytest.mark.parametrize("role", ["System", "Developer", "User", "Assistant", "Tool"])
def test_each_member_of_a_message_of_openai_is_known_to_cerebras_or_named_by_a_rule(role: str) -> None:
    of_openai = members_of(getattr(openai, f"ChatCompletion{role}MessageParam"))
    unknown = of_openai - members_of(getattr(cerebras, f"Message{role}MessageRequest"))

    assert set() == unknown - MESSAGE.dropped - MESSAGE.moved.keys()


def test_no_rule_takes_away_what_cerebras_knows() -> None:
    kept = {"max_tokens"}  # deprecated there too, in favour of the name that it moves to

    assert kept == members_of(cerebras.CompletionCreateParams) & (REQUEST.dropped | REQUEST.moved.keys())
    assert set(REQUEST.moved.values()) <= members_of(cerebras.CompletionCreateParams)


def rows(place: str, rules: Rules) -> Iterator[tuple[str, str, str]]:
    """Return the rows of the page's table that tell these rules, in the order of their names."""
    told = {f"`{name}`": "left out" for name in rules.dropped}
    told |= {f"`{old}`": f"`{new}`, unless that is given" for old, new in rules.moved.items()}
    told |= {f'`{name}: "{old}"`': f'`"{new}"`' for name, words in rules.values.items() for old, new in words.items()}
    yield from ((place, member, becomes) for member, becomes in sorted(told.items()))


def test_the_page_for_users_tells_the_rules_as_they_are() -> None:
    table = re.findall(r"^\| (.+?) \| (.+?) \| (.+?) \|$", PAGE.read_text(), re.MULTILINE)

    expected = [("In", "Member", "Becomes"), *(row for place, rules in PLACES.items() for row in rows(place, rules))]
    assert expected == table
