"""Takes out of foreign texts what no log may hold."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

MASK = "***"
SHORTEST = 6
"""Shorter secrets are not looked for: they would be found in ordinary words."""

_QUERY = re.compile(r"(/[^\s?\"'<>]*)\?[^\s\"'<>]*")
_SHAPES = (
    (re.compile(r"(?i)\b(bearer|basic)[\s:]+[^\s\"',;]+"), rf"\1 {MASK}"),
    (
        re.compile(r"(?i)\b((?:x-)?api[_-]?key|token|secret|password)([\"']?\s*[=:]\s*)[\"']?[^\s\"',;&]+"),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b[a-z]{2,4}-[A-Za-z0-9_-]{16,}"), MASK),
    (re.compile(r"://[^/@\s]+@"), "://"),
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """
    Return a text without query strings, without what looks like a credential, and without the given secrets.

    For words of libraries and servers that the gateway does not choose itself; its own events hold no secrets.
    """
    for secret in secrets:
        if len(secret) >= SHORTEST:
            text = text.replace(secret, MASK)
    text = _QUERY.sub(r"\1", text)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    return text


def _longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(secrets, key=len, reverse=True))


@attrs.frozen
class Redactor:
    """Redacts with the secrets of this process, the longest first, since one may hold another."""

    _secrets: tuple[str, ...] = attrs.field(default=(), repr=False, converter=_longest_first)

    def __call__(self, text: str) -> str:
        """Return the text without them."""
        return redact(text, self._secrets)
