"""JSON text as some program may write it: odd numbers, escapes, spaces. What is drawn is text, not values."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from hypothesis import strategies as st

ODD_NUMBERS = [
    "0",
    "-0",
    "-0.0",
    "0.10",
    "1.0",
    "1.0e-5",
    "1E400",
    "-1e-400",
    "1e+05",
    "9007199254740993",
    "18446744073709551616",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "0." + "3" * 40,
]
PIECES = [
    r"\u00e9",
    r"\/",
    r"\"",
    r"\\",
    r"\n\r\t\b\f",
    r"\ud83d\ude00",
    r"\u0000",
    r"\u2028",
    "é",
    "😀",
    "\u2028",
    "\x7f",
    "{",
    "}]",
    ",",
    ":",
    "data: ",
    "</script>",
    "null",
]
SPACES = st.sampled_from(["", "", "", " ", "\n", "\r\n\t"])
PLAIN = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"\\'), max_size=5)

WHOLE = st.integers(-(10**25), 10**25).map(str)
NUMBERS = st.one_of(
    st.sampled_from(ODD_NUMBERS),
    WHOLE,
    st.tuples(WHOLE, st.sampled_from([".0", ".10", "e5", "E-07", ".5e+300"])).map("".join),
)
STRINGS = st.lists(st.one_of(st.sampled_from(PIECES), PLAIN), max_size=4).map(lambda parts: f'"{"".join(parts)}"')
LEAVES = st.one_of(st.sampled_from(["null", "true", "false"]), NUMBERS, STRINGS)


@st.composite
def lists(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """Draw the text of an array, with spaces where they may be."""
    items = draw(st.lists(inner, max_size=3))
    return "[" + ",".join(draw(SPACES) + item + draw(SPACES) for item in items) + draw(SPACES) + "]"


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """Draw the text of an object; inside a member, names may stand twice."""
    pairs = draw(st.lists(st.tuples(STRINGS, inner), max_size=3))
    return write(pairs, draw(SPACES))


FLAT = st.one_of(LEAVES, lists(LEAVES), objects(LEAVES))
VALUES = st.one_of(LEAVES, lists(FLAT), objects(FLAT))
NAMES = st.one_of(
    st.sampled_from(["x", "top_k", "cache_control", r"\u0078y", "", "é", r"\"\/\\", "a b", r"\ud83d\ude00"]), PLAIN
).map(lambda name: f'"{name}"')


def write(pairs: Sequence[tuple[str, str]], space: str = "") -> str:
    """Return the text of an object with these members, given as the text of their names and values."""
    return "{" + ",".join(f"{space}{name}{space}:{space}{text}{space}" for name, text in pairs) + space + "}"


def spelled(members: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return members with the usual text of their names."""
    return [(json.dumps(name), text) for name, text in members.items()]


def unknown(owned: Collection[str], max_size: int = 4) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Draw members that the gateway does not own: the text of their names, distinct when read, and of their values."""
    pairs = st.lists(st.tuples(NAMES, VALUES), max_size=max_size)
    return pairs.map(
        lambda drawn: [
            *{read: (name, text) for name, text in drawn if (read := json.loads(name)) not in owned}.values()
        ]
    )


def carried(pairs: Sequence[tuple[str, str]]) -> dict[str, bytes]:
    """Return what a document holds of members: the names as they read, the text of the values."""
    return {str(json.loads(name)): text.encode() for name, text in pairs}
