"""The gate through which JSON comes in: what passes is what was sent; what does not is refused, at once."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.wire.jsontext import MAX_DEPTH, MAX_DIGITS, NotJson, document_of, parse_object, render, text_of, value_of
from domain.document import Document
from tests.adapters.wire.json_text import NUMBERS, ODD_NUMBERS, SPACES, STRINGS, VALUES, carried, unknown, write


def refused(text: bytes) -> NotJson:
    """Return why a text is refused, which must not take a second."""
    begun = process_time()
    with pytest.raises(NotJson) as caught:
        parse_object(text)

    assert process_time() - begun < 1
    return caught.value


# --- what passes


@given(unknown(owned=()), SPACES)
def test_every_member_keeps_its_text(pairs: list[tuple[str, str]], space: str) -> None:
    """Numbers, escapes, spaces inside: nothing of it is read, so nothing of it is lost."""
    found = parse_object((space + write(pairs, space) + space).encode())

    assert carried(pairs) == found.members
    assert list(carried(pairs)) == list(found.members)


@given(unknown(owned=()))
def test_what_is_written_reads_the_same(pairs: list[tuple[str, str]]) -> None:
    """`parse_object(render(x)) == x`."""
    document = Document(carried(pairs))

    assert document == parse_object(render(document))


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers() | st.text('aé\n"\\') | st.none())
)
def test_plain_values_come_back(values: dict[str, Any]) -> None:
    """Through text and back they are the same."""
    document = document_of(values)

    assert values == {name: value_of(text) for name, text in parse_object(render(document)).members.items()}


@pytest.mark.parametrize("number", ODD_NUMBERS)
def test_odd_numbers_keep_their_text(number: str) -> None:
    """Alone and nested."""
    text = f'{{"a":{number},"b":[{{"c":{number}}}]}}'.encode()

    assert text == render(parse_object(text))


def test_a_name_is_written_in_its_usual_spelling() -> None:
    """Names are read, because the gateway looks for some of them; they mean the same however they are spelled."""
    assert b'{"model":1,"a/b":2}' == render(parse_object(rb'{"mod\u0065l":1,"a\/b":2}'))


# --- what does not


@given(st.binary(max_size=40))
def test_bytes_are_an_object_or_refused(text: bytes) -> None:
    """Nothing else can come of them."""
    try:
        parse_object(text)
    except NotJson:
        return
    assert isinstance(json.loads(text), dict)


@given(unknown(owned=()), st.data())
def test_it_agrees_with_another_parser(pairs: list[tuple[str, str]], data: st.DataObject) -> None:
    """A text with one byte changed, put in or left out is refused where Python's parser refuses it, and only there."""
    text = bytearray(write(pairs, data.draw(SPACES)).encode())
    place = data.draw(st.integers(0, len(text) - 1))
    text[place : place + data.draw(st.integers(0, 1))] = data.draw(
        st.sampled_from([*b'{}[]",:\\0e-+.u d\n\x00\xff', 0]).map(lambda code: bytes([code])) | st.just(b"")
    )

    expected = reference(bytes(text))
    try:
        found: set[str] | None = set(parse_object(bytes(text)).members)
    except NotJson:
        found = None

    assert expected == found


def reference(text: bytes) -> set[str] | None:
    """Return the names of an object's members as Python's parser reads them, None for what it must refuse."""

    def no_constant(word: str) -> None:
        raise ValueError(word)

    try:
        decoded = text.decode()
        pairs = json.loads(decoded, object_pairs_hook=lambda pairs: pairs, parse_constant=no_constant)
        names = [name for name, _ in pairs]
        json.dumps(json.loads(decoded), ensure_ascii=False).encode()  # lone surrogates
    except (ValueError, TypeError):
        return None
    at_top = decoded.lstrip(" \t\r\n").startswith("{")
    return set(names) if at_top and len(set(names)) == len(names) else None


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b" ",
        b"null",
        b"[]",
        b'"{}"',
        b"5",
        b"{",
        b"{}{}",
        b"{} x",
        b"{}\x00",
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        '{"a":1}'.encode("utf-32-le"),
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\xc0\x80"}',
        b'{"a":NaN}',
        b'{"a":[Infinity]}',
        b'{"a":-Infinity}',
        b'{"a":"\n"}',
        b'{"a":"\x00"}',
        b"{'a':1}",
        b"{a:1}",
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":01}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":+1}',
        b'{"a":0x1}',
        b'{"a":1/*c*/}',
        rb'{"a":"\x41"}',
        rb'{"a":"\u12"}',
        b'{"a":tru}',
        b'{"a" 1}',
        b'{"a":1 "b":2}',
    ],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    """JSON is what RFC 8259 says, in UTF-8, and the whole text is one object."""
    assert refused(text).param is None


@pytest.mark.parametrize("end", range(1, 54))
def test_a_text_that_was_cut_is_refused(end: int) -> None:
    """Wherever it was cut."""
    text = '{"a":"é\\u00e9","b":[1.5e3,{"c":null}],"d":true,"e":{}}'.encode()

    refused(text[:end])


@pytest.mark.parametrize("half", [r"\ud83d", r"\ude00", r"\ud83d\ud83d", r"\ude00\ud83d", r"\ud83dA", r"\uD83D\u0041"])
@pytest.mark.parametrize(
    "place",
    [
        '{"a":"@"}',
        '{"@":1}',
        '{"a":["b","@"]}',
        '{"a":{"@":1}}',
        '{"a":{"b":[{"c":"x@y"}]},"d":1}',
        '{"a":"@ and more"}',
    ],
)
def test_half_a_character_is_refused(half: str, place: str) -> None:
    """No upstream could read it, and no string of ours could hold it."""
    refused(place.replace("@", half).encode())


@pytest.mark.parametrize(("opening", "closing"), [(b'[{"b":', b"}]"), (b'{"b":[', b"]}"), (b'[{"[[":', b"}]")])
def test_levels_of_both_kinds_are_counted(opening: bytes, closing: bytes) -> None:
    """Objects within lists within objects are as deep as lists alone; brackets in names and texts are no levels."""
    inner = b'"\\"{[\\\\"'
    pairs = MAX_DEPTH // 2

    assert {"a"} == parse_object(b'{"a":' + opening * (pairs - 1) + inner + closing * (pairs - 1) + b"}").members.keys()
    with pytest.raises(NotJson, match="nested deeper"):
        parse_object(b'{"a":' + opening * pairs + inner + closing * pairs + b"}")


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("levels", [MAX_DEPTH, 999, 100_000])
def test_deep_nesting_is_refused(opening: bytes, levels: int) -> None:
    """The object itself is the first level; a text that never closes is refused too."""
    closing = b"]" if opening == b"[" else b"}"

    assert "nested deeper" in refused(b'{"a":' + opening * levels + b"1" + closing * levels + b"}").reason
    refused(b'{"a":' + opening * levels)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'], ids=["lists", "objects"])
def test_nesting_up_to_the_limit_passes(opening: bytes) -> None:
    """Brackets beside each other, and in strings, are no nesting."""
    levels = MAX_DEPTH - 1
    deep = opening * levels + b"1" + (b"]" if opening == b"[" else b"}") * levels
    text = b'{"a":' + deep + b',"b":"' + b"[{" * 1000 + rb'\"[",' + b'"c":[' + b"[]," * 1000 + b"[]]}"

    assert text == render(parse_object(text))


@pytest.mark.parametrize("digits", [MAX_DIGITS + 1, 5_000, 100_000])
@pytest.mark.parametrize("before", [b"", b"-", b"0.", b"1e"])
@pytest.mark.parametrize("space", [0, 1, 251, 499, 500, 777])
def test_a_number_without_end_is_refused(digits: int, before: bytes, space: int) -> None:
    """Python would take seconds for some of them, and refuse others with an error of its own."""
    assert "digits" in refused(b" " * space + b'{"a":[' + before + b"7" * digits + b"]}").reason


def test_long_numbers_and_longer_strings_of_digits_pass() -> None:
    """The limit is one of numbers."""
    text = b'{"a":' + b"7" * MAX_DIGITS + b',"b":"' + b"7" * 5000 + rb'\"7","c":[' + b"7," * 3000 + b"7]}"

    assert text == render(parse_object(text))


@pytest.mark.parametrize("text", [b"1e400", b"-1e400", b"[1e999]"])
def test_a_number_that_python_cannot_hold_is_not_read(text: bytes) -> None:
    """It can be carried, but not decided on."""
    with pytest.raises(NotJson):
        value_of(text)


# --- names that stand twice

SMALL = st.tuples(
    st.sampled_from(["", "a", "b", "model", "é"]),
    st.booleans(),
    st.sampled_from(
        ["1", "12", "1.0", '"a"', '"ab"', '"a\\""', "{}", '{"a":1}', '{"a":1,"a":1}', "[1,2]", "[1]", "null"]
    ),
)


@given(st.lists(SMALL, max_size=5), SPACES)
@example([("a", False, "1"), ("a", False, "1"), ("b", False, "2"), ("model", False, "1")], "")
@example([("a", False, "1"), ("a", True, "12")], " ")
def test_a_name_that_stands_twice_is_found_as_another_parser_finds_it(
    drawn: list[tuple[str, bool, str]], space: str
) -> None:
    """However its name is spelled, whatever its values are; names inside members are the providers' to judge."""
    pairs = [("".join(f"\\u{ord(c):04x}" for c in name) if odd else name, text) for name, odd, text in drawn]
    text = write([(f'"{name}"', value) for name, value in pairs], space).encode()
    names = [name for name, _ in json.loads(text, object_pairs_hook=lambda pairs: pairs)]
    twice = {name for name in names if names.count(name) > 1}
    try:
        parse_object(text)
        found = None
    except NotJson as error:
        found = error.param

    assert found in twice if twice else found is None


def test_the_last_of_two_counts_where_two_are_allowed() -> None:
    """An upstream's answer is read as most parsers read it."""
    assert {"a": b"2", "b": b"3"} == parse_object(b'{"a":1,"b":3,"a":2}', unique=False).members


def test_a_name_that_stands_twice_is_named_in_short() -> None:
    """The refusal repeats no more of what a caller sent than helps."""
    found = refused(f'{{"{"n" * 9999}":1,"{"n" * 9999}":1}}'.encode())

    assert "n" * 64 == found.param
    assert len(str(found)) < 100


# --- writing


@given(NUMBERS, STRINGS, VALUES)
def test_what_is_known_to_be_valid_can_be_read(number: str, string: str, value: str) -> None:
    """As another parser reads it, or not at all where a number is too large."""
    for text in (number, string, value):
        try:
            found = value_of(text.encode())
        except NotJson:
            continue
        assert json.loads(text) == found


def test_values_are_written_as_json() -> None:
    """In UTF-8, without spaces."""
    assert '{"a":[1,0.5,null,true,"é\\n"]}'.encode() == text_of({"a": [1, 0.5, None, True, "é\n"]})
