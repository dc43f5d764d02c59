"""Sets of characters, as the classes of regular expressions describe them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from functools import lru_cache

import attrs

from adapters.custom.draws import Draws
from adapters.custom.schema.errors import Unfit

Ranges = tuple[tuple[int, int], ...]
"""Code points from … to, both included, ascending and apart from each other."""

LAST = 0x10FFFF
DIGITS: Ranges = ((48, 57),)
WORD: Ranges = ((48, 57), (65, 90), (95, 95), (97, 122))
BLANKS: Ranges = (
    (9, 13), (32, 32), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029),
    (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip
LINE_ENDS: Ranges = ((10, 10), (13, 13), (0x2028, 0x2029))
_PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PRINTED = "".join(map(chr, range(32, 127)))


@attrs.frozen
class Chars:
    """One character out of a set."""

    ranges: Ranges
    least: int = 1
    """The number of characters that it takes."""

    def holds(self, code: int) -> bool:
        """Whether a code point is in the set."""
        place = bisect_right(self.ranges, (code, LAST))
        return place > 0 and code <= self.ranges[place - 1][1]

    def pick(self, draws: Draws) -> str:
        """Return a character of the set: a letter or digit where it has some, then one that prints."""
        likely = _likely(self)
        if likely:
            return draws.pick(likely)
        for low, high in self.ranges:
            code = draws.between(low, high)
            if not 0xD800 <= code <= 0xDFFF:  # noqa: PLR2004 - surrogates are no characters
                return chr(code)
        raise Unfit


def union(parts: Iterable[tuple[int, int]]) -> Ranges:
    """Return ranges put in order, those that touch made one."""
    found: list[tuple[int, int]] = []
    for low, high in sorted(parts):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(high, found[-1][1]))
        else:
            found.append((low, high))
    return tuple(found)


def complement(ranges: Ranges) -> Ranges:
    """Return all other characters."""
    found = []
    start = 0
    for low, high in ranges:
        if start < low:
            found.append((start, low - 1))
        start = high + 1
    if start <= LAST:
        found.append((start, LAST))
    return tuple(found)


@lru_cache(maxsize=256)
def _likely(chars: Chars) -> str:
    """Return the characters of a set that a text would rather have, "" where it has none of them."""
    plain = "".join([char for char in _PLAIN if chars.holds(ord(char))])
    return plain or "".join([char for char in _PRINTED if chars.holds(ord(char))])
