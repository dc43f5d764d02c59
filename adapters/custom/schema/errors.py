"""
Why a JSON schema gets no instance.

SchemaRefused        it is malformed, unsupported or too large
└── Unfit            nothing fits it, or this part of it; another branch may still do
"""

from __future__ import annotations

import attrs
from typing_extensions import override


@attrs.frozen
class SchemaRefused(Exception):
    """No instance can be given; `reason` is a clause fit for a caller."""

    reason: str

    @override
    def __str__(self) -> str:
        """Give the reason."""
        return self.reason


@attrs.frozen
class Unfit(SchemaRefused):
    """No value fits what is asked at one place."""

    reason: str = "no value fits it"
