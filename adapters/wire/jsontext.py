"""
JSON text ⇄ documents: the one gate through which JSON comes in.

`parse_object` splits an object into its members' text without decoding them, `value_of` decodes what the gateway
decides on, `text_of` and `render` write. Limits hold for every source alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs
import msgspec
from typing_extensions import override

from domain.document import Document

MAX_DEPTH = 64
MAX_MEMBERS = 1_000
"""Top-level members; no request and no answer of this API has a tenth of it, and each one is handled by itself."""
MAX_DIGITS = 1_000
"""A number with more digits is no quantity of this API; Python's own limit is 4,300."""

MAX_NAMES = 512
"""Names of members whose text is remembered; the APIs that pass here have about 200."""

_NAMES: dict[str, bytes] = {}
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode
_decode_name = msgspec.json.Decoder(str).decode
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"')
_NAME = re.compile(rb'[ \t\r\n]*("[^"\\]*(?:\\.[^"\\]*)*")[ \t\r\n]*:[ \t\r\n]*')
_NEXT = re.compile(rb"[ \t\r\n]*([,}])")
_LONG_NUMBER = re.compile(rb"[0-9]{%d}" % (MAX_DIGITS + 1))
_TWO_DIGITS = re.compile(rb"[0-9]{2}")
_ESCAPE = re.compile(rb"\\.", re.DOTALL)
_SIMPLE_STRING = re.compile(rb'"[^"]*"')
_INNERMOST = re.compile(rb"\{\}|\[\]")
_NOT_STRUCTURE = bytes(code for code in range(256) if code not in b'{}[]"')


@attrs.frozen
class NotJson(Exception):
    """
    A text is not the JSON object that it should be.

    `reason` completes "The body …"; `param` names the member at fault, None where the whole text is.
    """

    reason: str
    param: str | None = None

    @override
    def __str__(self) -> str:
        """Give the reason."""
        return self.reason


def parse_object(text: bytes, *, unique: bool = True) -> Document:
    """
    Split the text of a JSON object into its members.

    Raises `NotJson` for anything but one valid UTF-8 JSON object of at most `MAX_DEPTH` levels, and, with
    `unique`, for one in which a top-level name stands twice: which of the two counts would be a guess.
    """
    try:
        if not text.isascii():
            text.decode()
        found = _members.decode(text)
    except UnicodeDecodeError as error:
        raise NotJson(f"is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise NotJson(f"is nested deeper than {MAX_DEPTH} levels") from None
    except msgspec.ValidationError:
        raise NotJson("must be a JSON object") from None
    except msgspec.DecodeError as error:
        raise NotJson(f"is not valid JSON: {str(error).removeprefix('JSON is malformed: ')}") from None
    if len(found) > MAX_MEMBERS:
        raise NotJson(f"has more than {MAX_MEMBERS} members")
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH:
        _check_depth(text)
    if len(text) > MAX_DIGITS and _TWO_DIGITS.search(text[MAX_DIGITS // 2 - 1 :: MAX_DIGITS // 2]):
        _check_numbers(text)
    members = {name: bytes(raw) for name, raw in found.items()}
    if unique and not _is_written_plainly(text, members):
        _check_unique(text, members)
    return Document(members)


def render(document: Document) -> bytes:
    """Write a document as JSON text; the members' text stands in it as it came."""
    return b"{" + b",".join([_name(name) + text for name, text in document.members.items()]) + b"}"


def text_of(value: object) -> bytes:
    """Write a value as JSON text."""
    return _encode(value)


def value_of(text: bytes) -> Any:
    """Decode JSON text that is known to be valid; numbers beyond a float's range raise `NotJson`."""
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as error:
        raise NotJson(f"cannot be read: {error}") from None


def document_of(values: Mapping[str, object]) -> Document:
    """Return the document of plain values."""
    return Document({name: _encode(value) for name, value in values.items()})


def _name(name: str) -> bytes:
    """Return a member's name as it is written, with its colon; those met first are remembered."""
    text = _NAMES.get(name)
    if text is None:
        text = _encode(name) + b":"
        if len(_NAMES) < MAX_NAMES:
            _NAMES[name] = text
    return text


def _is_written_plainly(text: bytes, members: Mapping[str, bytes]) -> bool:
    """
    Whether a text is what most programs would write of these members: without spaces, or with one where they belong.

    Then no name stands twice in it, and nobody has to look for one.
    """
    names = [_name(name) for name in members]
    if len(text) == sum(map(len, names)) + sum(map(len, members.values())) + max(len(members), 1) + 1:
        return (
            text == b"{" + b",".join([name + value for name, value in zip(names, members.values(), strict=True)]) + b"}"
        )
    spaced = [name + b" " + value for name, value in zip(names, members.values(), strict=True)]
    return text == b"{" + b", ".join(spaced) + b"}"


def _check_depth(text: bytes) -> None:
    """Refuse nesting beyond the limit; only called where there are enough brackets for it."""
    if b"\\" in text:
        text = _ESCAPE.sub(b"", text)
    left = _SIMPLE_STRING.sub(b"", text.translate(None, _NOT_STRUCTURE))
    for _ in range(MAX_DEPTH):
        if not left:
            return
        left = _INNERMOST.sub(b"", left)
    if left:
        raise NotJson(f"is nested deeper than {MAX_DEPTH} levels")


def _check_numbers(text: bytes) -> None:
    """Refuse numbers without end; only called where samples of the text show a long run of digits."""
    if _LONG_NUMBER.search(_STRING.sub(b"", text)):
        raise NotJson(f"has a number of more than {MAX_DIGITS} digits")


def _check_unique(text: bytes, members: Mapping[str, bytes]) -> None:
    """
    Walk along the top level and refuse a name that stands twice.

    The decoder kept the last value of each name. Where the text at a name's place is not the value kept for
    it, the name stands again further on. Each step compares bytes, it decodes no value.
    """
    position = text.index(b"{") + 1
    seen: set[str] = set()
    while (name := _NAME.match(text, position)) is not None:
        key: str = _decode_name(name[1])
        kept = members[key]
        follows = _NEXT.match(text, name.end() + len(kept))
        if key in seen or follows is None or not text.startswith(kept, name.end()):
            raise NotJson(f"has the member {key[:64]!r} twice", param=key[:64])
        seen.add(key)
        position = follows.end()
