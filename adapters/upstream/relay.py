"""Which of an upstream's headers a caller may see: a closed list, never cookies, never who the operator is there."""

from __future__ import annotations

import re
from collections.abc import Mapping

_RELAYED = re.compile(
    r"retry-after|retry-after-ms|x-ratelimit-(limit|remaining|reset)-(requests|tokens)(-(minute|hour|day))?"
)
_SANE = re.compile(r"[\x20-\x7e]{1,128}")
"""Values that cannot break a header or a log line."""


def relayed(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that pass, by lower-case name."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if _RELAYED.fullmatch(name.lower()) and _SANE.fullmatch(value)
    }
