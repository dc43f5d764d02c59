"""Texts of a format, a pattern or a length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from adapters.custom.draws import Draws
from adapters.custom.schema.budget import Budget
from adapters.custom.schema.errors import Unfit
from adapters.custom.schema.matching import MAX_TEXT, Writer, found_in, too_long, tree
from adapters.custom.words import WORDS, phrase

_TRIES = 8
_CHARACTERS_A_STEP = 32
_COPIES = 40
"""A name in an address is made of so many copies of a word at most, to fill up a text."""

# What goes before and after a word that may be cut or repeated to get a text of the right length.
_FRAMES = {
    "email": ("", "@example.com"),
    "idn-email": ("", "@example.com"),
    "hostname": ("", ".example.com"),
    "idn-hostname": ("", ".example.com"),
    "uri": ("https://example.com/", ""),
    "iri": ("https://example.com/", ""),
    "uri-reference": ("/", ""),
    "iri-reference": ("/", ""),
    "uri-template": ("/{id}/", ""),
    "json-pointer": ("/", ""),
    "relative-json-pointer": ("0/", ""),
    "regex": ("^", "$"),
}


@attrs.frozen
class Length:
    """How many characters a text may have; `most` None has no end."""

    least: int
    most: int | None

    @classmethod
    def of(cls, clauses: Sequence[dict[str, Any]]) -> Length:
        """Return the lengths that all clauses together allow; raises where there are none, or none that is sane."""
        least = int(max((clause["minLength"] for clause in clauses if "minLength" in clause), default=0))
        most = min((int(clause["maxLength"]) for clause in clauses if "maxLength" in clause), default=None)
        if least > MAX_TEXT:
            raise too_long()
        if most is not None and most < least:
            raise Unfit
        return cls(least, most)

    def holds(self, text: str) -> bool:
        """Whether a text has one of these lengths."""
        return self.least <= len(text) and (self.most is None or len(text) <= self.most)

    def fit(self, text: str) -> str:
        """Return a text cut, or repeated, to one of these lengths."""
        if len(text) < self.least:
            text = (f"{text} " * (self.least // (len(text) + 1) + 1))[: self.least]
        return text[: self.most]


def make_text(clauses: Sequence[dict[str, Any]], draws: Draws, budget: Budget) -> str:
    """Return a text that fits the clauses' lengths and one of their patterns or formats: the caller checks the rest."""
    length = Length.of(clauses)
    patterns = [clause["pattern"] for clause in clauses if "pattern" in clause]
    formats = [clause["format"] for clause in clauses if "format" in clause]
    for kind in formats:
        if kind in _FRAMES or kind in _FIXED:
            text = _formatted(kind, length, draws)
            if all(found_in(pattern, text, budget) for pattern in patterns):
                return text
    if patterns:  # it decides, where a format is but a name for it
        return text_with(max(patterns, key=len), length, draws, budget)
    budget.spend(length.least // _CHARACTERS_A_STEP)
    return length.fit(phrase(draws, 1, 3))


def text_with(pattern: str, length: Length, draws: Draws, budget: Budget) -> str:
    """Return a text in which a pattern is found; raises `Unfit` where none of the right length turns up."""
    node = tree(pattern)
    if node.least > MAX_TEXT:
        raise too_long()
    for turn in range(_TRIES):
        wanted = max(length.least, node.least + draws.between(1, 6))
        if length.most is not None:
            wanted = min(wanted, length.most)
        text = Writer(draws, budget, max(0, wanted - node.least)).write(node)
        missing = (length.least - len(text)) * (" " if turn % 2 else draws.pick(WORDS)[0])
        for candidate in (text, text + missing, missing + text):
            if length.holds(candidate) and found_in(pattern, candidate, budget):
                return candidate
    raise Unfit


def _formatted(kind: str, length: Length, draws: Draws) -> str:
    """Return a text of a format that is neither too short nor too long."""
    if kind in _FIXED:
        candidates = [_FIXED[kind](draws)]
    else:
        before, after = _FRAMES[kind]
        word = draws.pick(WORDS)
        room = max(length.least - len(before) - len(after), 1)
        candidates = [before + middle + after for middle in (word, (word * _COPIES)[:room], word[:room])]
    for candidate in candidates:
        if length.holds(candidate):
            return candidate
    raise Unfit


def _date(draws: Draws) -> str:
    return f"20{draws.between(10, 29)}-{draws.between(1, 12):02}-{draws.between(1, 28):02}"


def _time(draws: Draws) -> str:
    return f"{draws.between(0, 23):02}:{draws.between(0, 59):02}:{draws.between(0, 59):02}Z"


def _uuid(draws: Draws) -> str:
    digits = f"{draws.word():016x}{draws.word():016x}"
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"


# Addresses are those that are kept for documentation: https://www.rfc-editor.org/rfc/rfc5737 and rfc3849.
_FIXED = {
    "date": _date,
    "time": _time,
    "date-time": lambda draws: f"{_date(draws)}T{_time(draws)}",
    "duration": lambda draws: f"P{draws.between(1, 30)}DT{draws.between(1, 23)}H",
    "ipv4": lambda draws: f"192.0.2.{draws.between(1, 254)}",
    "ipv6": lambda draws: f"2001:db8::{draws.between(1, 0xFFFF):x}",
    "uuid": _uuid,
}
