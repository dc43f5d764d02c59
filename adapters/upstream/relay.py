"""Which of an upstream's headers a caller may see: a closed list, never cookies, never who the operator is there."""

from __future__ import annotations

import re
from collections.abc import Mapping

from adapters.wire.openai.errors import sane_wait

_RELAYED = re.compile(r"retry-after-ms|x-ratelimit-(limit|remaining|reset)-(requests|tokens)(-(minute|hour|day))?")
_SANE = re.compile(r"[\x20-\x7e]{1,128}")
"""Values that cannot break a header or a log line."""


def relayed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that pass, by lower-case name."""
    return {name.lower(): value for name, value in headers.items() if _passes(name.lower(), value)}


def _passes(name: str, value: str) -> bool:
    if name == "retry-after":
        return sane_wait(value) is not None
    return bool(_RELAYED.fullmatch(name) and _SANE.fullmatch(value))
