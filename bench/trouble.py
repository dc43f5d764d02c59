"""What keeps the benchmark from running."""

from __future__ import annotations

import attrs
from typing_extensions import override


@attrs.frozen
class Missing(Exception):
    """Something that has to be installed is not there: `what` it is, and what to `run` to have it."""

    what: str
    run: str

    @override
    def __str__(self) -> str:
        return f"{self.what} is missing. Install it: {self.run}"


@attrs.frozen
class Unusable(Exception):
    """A target cannot be measured, for a reason that the report names."""

    target: str
    reason: str

    @override
    def __str__(self) -> str:
        return f"{self.target}: {self.reason}"
