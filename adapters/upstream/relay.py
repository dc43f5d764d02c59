"""Which of an upstream's headers a caller may see: a closed list, never cookies, never who the operator is there."""

from __future__ import annotations

import re
from collections.abc import Iterable

from adapters.wire.openai.errors import sane_wait

_RELAYED = re.compile(r"retry-after-ms|x-ratelimit-(limit|remaining|reset)-(requests|tokens)(-(minute|hour|day))?")
_SANE = re.compile(r"[\x20-\x7e]{1,128}")
"""Values that cannot break a header or a log line."""
_BEGINNINGS = (b"retry-after", b"x-ratelimit-")


def relayed(pairs: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers that pass, by lower-case name; where one stands twice, the first counts."""
    found: dict[str, str] = {}
    for name, value in pairs:
        if name.startswith(_BEGINNINGS):
            word, text = name.decode("latin-1"), value.decode("latin-1")
            if _passes(word, text):
                found.setdefault(word, text)
    return found


def _passes(name: str, value: str) -> bool:
    if name == "retry-after":
        return sane_wait(value) is not None
    return bool(_RELAYED.fullmatch(name) and _SANE.fullmatch(value))
