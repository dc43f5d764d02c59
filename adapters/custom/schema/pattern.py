"""
Regular expressions of JSON schemas, read into a tree.

Own work and not `re`, because a caller's pattern can make `re` run for hours, and because a tree can be walked to
write a text that matches. Characters mean what ECMA-262 says, for ASCII.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

import attrs

from adapters.custom.schema import chars
from adapters.custom.schema.chars import Chars, Ranges, complement, union
from adapters.custom.schema.errors import SchemaRefused

MAX_LENGTH = 1_000
MAX_NESTING = 32

Node: TypeAlias = "Chars | Run | Either | Repeat | Mark"
"""Each knows its `least`: the number of characters that it takes at least."""


@attrs.frozen
class Run:
    """One after the other."""

    parts: tuple[Node, ...]
    least: int = attrs.field(init=False)

    @least.default
    def _sum(self) -> int:
        return sum(part.least for part in self.parts)


@attrs.frozen
class Either:
    """One of several."""

    options: tuple[Node, ...]
    least: int = attrs.field(init=False)

    @least.default
    def _minimum(self) -> int:
        return min(option.least for option in self.options)


@attrs.frozen
class Repeat:
    """The same between `low` and `high` times; `high` None has no end."""

    part: Node
    low: int
    high: int | None
    least: int = attrs.field(init=False)

    @least.default
    def _product(self) -> int:
        return self.part.least * self.low


@attrs.frozen
class Mark:
    """A place between characters: the start, the end, at a word's edge (`b`) or not (`B`)."""

    kind: Literal["^", "$", "b", "B"]
    least: int = 0


def parse(pattern: str) -> Node:
    """Return the tree of a pattern; raises `SchemaRefused` where it is none, or uses what is not supported."""
    if len(pattern) > MAX_LENGTH:
        raise SchemaRefused(f"a pattern has more than {MAX_LENGTH} characters")
    reader = _Reader(pattern)
    node = reader.either(0)
    if reader.at < len(pattern):
        raise reader.refusal("an unmatched ')'")
    return node


_COUNT = re.compile(r"\{([0-9]{1,6})(?:(,)([0-9]{1,6})?)?\}")
_HEX = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|u\{([0-9a-fA-F]{1,6})\}")
_CLASSES: dict[str, Ranges] = {
    "d": chars.DIGITS, "D": complement(chars.DIGITS),
    "w": chars.WORD, "W": complement(chars.WORD),
    "s": chars.BLANKS, "S": complement(chars.BLANKS),
}  # fmt: skip
_CONTROLS = {"t": 9, "n": 10, "v": 11, "f": 12, "r": 13, "0": 0}
_ANY = Chars(complement(chars.LINE_ENDS))
_COUNTS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}


@attrs.define
class _Reader:
    pattern: str
    at: int = 0

    def refusal(self, what: str) -> SchemaRefused:
        return SchemaRefused(f"the pattern {self.pattern[:64]!r} has {what}, which is not supported")

    def either(self, depth: int) -> Node:
        if depth > MAX_NESTING:
            raise self.refusal(f"groups nested deeper than {MAX_NESTING}")
        options = [self._run(depth)]
        while self._takes("|"):
            options.append(self._run(depth))
        return options[0] if len(options) == 1 else Either(tuple(options))

    def _run(self, depth: int) -> Node:
        parts: list[Node] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            parts.append(self._counted(self._atom(depth)))
        return parts[0] if len(parts) == 1 else Run(tuple(parts))

    def _atom(self, depth: int) -> Node:
        char = self.pattern[self.at]
        self.at += 1
        match char:
            case "^" | "$":
                return Mark("^" if char == "^" else "$")
            case "(":
                return self._group(depth)
            case "[":
                return Chars(self._set())
            case ".":
                return _ANY
            case "\\":
                if self._takes("b"):
                    return Mark("b")
                if self._takes("B"):
                    return Mark("B")
                return Chars(self._escape())
            case "*" | "+" | "?" | "{":
                raise self.refusal(f"a {char!r} with nothing to repeat")
            case _:
                return Chars(_one(ord(char)))

    def _group(self, depth: int) -> Node:
        if self._takes("?") and not self._takes(":"):
            name = re.compile(r"P?<[A-Za-z_][A-Za-z0-9_]*>").match(self.pattern, self.at)
            if name is None:
                raise self.refusal("a group that looks around or sets flags")
            self.at = name.end()
        node = self.either(depth + 1)
        if not self._takes(")"):
            raise self.refusal("an unclosed '('")
        return node

    def _counted(self, atom: Node) -> Node:
        if self.at >= len(self.pattern):
            return atom
        char = self.pattern[self.at]
        bounds = _COUNTS.get(char)
        if bounds is not None:
            self.at += 1
        elif char == "{":
            bounds = self._bounds()
        if bounds is None:
            return atom
        self._takes("?")  # a lazy repetition matches the same texts
        if self.at < len(self.pattern) and self.pattern[self.at] in "*+?{":
            raise self.refusal("two repetitions in a row")
        if isinstance(atom, Mark):
            raise self.refusal("a repeated mark")
        return Repeat(atom, *bounds)

    def _bounds(self) -> tuple[int, int | None]:
        found = _COUNT.match(self.pattern, self.at)
        if found is None:
            raise self.refusal("a '{' that is no repetition; write '\\{' for the character")
        self.at = found.end()
        low = int(found[1])
        high = low if found[2] is None else None if found[3] is None else int(found[3])
        if high is not None and high < low:
            raise self.refusal("a repetition whose ends are the wrong way round")
        return low, high

    def _set(self) -> Ranges:
        negated = self._takes("^")
        if self.pattern.startswith("]", self.at):
            raise self.refusal("an empty set")
        found: list[tuple[int, int]] = []
        while not self._takes("]"):
            low = self._member()
            if self.pattern.startswith("-", self.at) and not self.pattern.startswith("-]", self.at):
                self.at += 1
                high = self._member()
                if not _single(low) or not _single(high) or high[0][0] < low[0][0]:
                    raise self.refusal("a range whose ends are no characters in order")
                low = ((low[0][0], high[0][0]),)
            found += low
        return complement(union(found)) if negated else union(found)

    def _member(self) -> Ranges:
        if self.at >= len(self.pattern):
            raise self.refusal("an unclosed '['")
        char = self.pattern[self.at]
        self.at += 1
        if char != "\\":
            return _one(ord(char))
        return _one(8) if self._takes("b") else self._escape()

    def _escape(self) -> Ranges:
        coded = _HEX.match(self.pattern, self.at)
        if coded is not None:
            self.at = coded.end()
            return _one(min(int(coded[1] or coded[2] or coded[3], 16), chars.LAST))
        char = self.pattern[self.at : self.at + 1]
        self.at += 1
        if char in _CLASSES and char:
            return _CLASSES[char]
        if char in _CONTROLS and char:
            return _one(_CONTROLS[char])
        if not char or (char.isascii() and char.isalnum()):
            raise self.refusal(f"an escape '\\{char}'")
        return _one(ord(char))

    def _takes(self, char: str) -> bool:
        """Go on where the next character is this one."""
        if self.pattern.startswith(char, self.at):
            self.at += 1
            return True
        return False


def _one(code: int) -> Ranges:
    return ((code, code),)


def _single(ranges: Ranges) -> bool:
    return len(ranges) == 1 and ranges[0][0] == ranges[0][1]
