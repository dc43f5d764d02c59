"""
The engine's own tokens: a rule that anybody can count by hand.

A token is up to eight letters, digits or underscores, or one other visible character, either with the one space
before it; or a run of up to eight blanks. The tokens of a text, put together, are the text.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from itertools import islice

_TOKEN = re.compile(r" ?(?:\w{1,8}|[^\w\s])|\s{1,8}")
_AT_ONCE = 16_384
"""Tokens counted before others get their turn: about a millisecond."""
_AT_ONCE_FOUND = re.compile(rf"(?:{_TOKEN.pattern}){{{_AT_ONCE}}}+")


def tokens(text: str, most: int | None = None) -> list[str]:
    """Return the tokens of a text, in order; `most` of them where that is given, and the rest is not even looked at."""
    if most is None:
        return _TOKEN.findall(text)
    return [found[0] for found in islice(_TOKEN.finditer(text), most)]


def count(text: str) -> int:
    """Return how many tokens a text has."""
    return len(_TOKEN.findall(text))


async def count_gently(texts: Iterable[str], pause: Callable[[], Awaitable[None]]) -> int:
    """Return how many tokens texts have together, with a pause now and then: a prompt may have millions of tokens."""
    total = waiting = 0
    for text in texts:
        place = 0
        while (found := _AT_ONCE_FOUND.match(text, place)) is not None:
            total, place = total + _AT_ONCE, found.end()
            await pause()
        rest = len(_TOKEN.findall(text, place))
        total, waiting = total + rest, waiting + rest
        if waiting >= _AT_ONCE:
            await pause()
            waiting = 0
    return total
