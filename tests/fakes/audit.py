"""What a gateway process ran that is not its own code; `tests.fakes.audited` takes note of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import attrs

LATE_IMPORTS: Mapping[str, str] = {
    "importlib": "readers of a package's own files: the page of the API's description is one",
    "offapi": "Swagger UI, 9 MB, for the first who opens /docs",
}
"""What a process may import when it already listens, and why; whatever such an import does in turn belongs to it."""
FIRST_USE = ("typing", "msgspec._utils")
"""A decoder that meets a type for the first time evaluates the type's annotations, which are texts in our own code."""


@attrs.frozen
class CodeRun:
    """What was run: the kind of the event, its subject, and through which modules, the innermost first."""

    event: str
    about: str
    through: tuple[str, ...]

    @property
    def is_known(self) -> bool:
        """Whether this belongs to a gateway that does what it should."""
        if self.event == "import" and self.about.partition(".")[0] in LATE_IMPORTS:
            return True
        return "importlib._bootstrap" in self.through or self.through[:2] == FIRST_USE


@attrs.define(eq=False)
class Audit:
    """What a gateway ran since it listens."""

    path: Path
    _start: int = 0

    def begin(self) -> None:
        """Leave out what came before: a start is nothing but imports."""
        self._start = self.path.stat().st_size

    @property
    def strange(self) -> list[CodeRun]:
        """What nobody can explain."""
        lines = self.path.read_bytes()[self._start :].splitlines()
        runs = [CodeRun(**{**found, "through": tuple(found["through"])}) for found in map(json.loads, lines)]
        return [run for run in runs if not run.is_known]
