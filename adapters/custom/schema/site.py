"""The place in an instance where a value is to be made, and what its maker may ask for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import attrs

from adapters.custom.draws import Draws
from adapters.custom.schema.demands import Demands
from adapters.custom.schema.document import Schema
from adapters.custom.schema.fits import Judge

Goal = tuple[Schema, ...]
"""Schemas that a value has to fit all at once."""


@attrs.frozen
class Site:
    """
    Where an array or an object is made.

    `make` makes what it holds; `generous` says whether there may be more of it than there must. `thinned` asks to leave
    out some of what may be there, because with all of it the clauses were not met.
    """

    demands: Demands
    draws: Draws
    judge: Judge
    make: Callable[[Goal, Draws], Any]
    generous: Callable[[], bool]
    thinned: bool = False

    def all(self, word: str) -> Iterator[Any]:
        """Give what the clauses say by one keyword."""
        return self.demands.all(word)

    def least(self, word: str) -> int:
        """Return the greatest of the lower bounds that the clauses set by a keyword, 0 where there is none."""
        return int(max(self.all(word), default=0))

    def most(self, word: str) -> int | None:
        """Return the smallest of the upper bounds that the clauses set by a keyword, None where there is none."""
        return min(map(int, self.all(word)), default=None)
