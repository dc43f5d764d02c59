"""Numbers between bounds and on a grid."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import reduce
from math import ceil, floor, lcm
from typing import Any

import attrs

from adapters.custom.draws import Draws
from adapters.custom.schema.errors import Unfit

SPAN = 100
"""Where a schema leaves an end open, numbers are drawn from so many steps."""
_LOOSE_STEP = Fraction(1, 4)
"""Quarters look like decimals and are exact in binary."""


@attrs.frozen
class Bounds:
    """
    What clauses ask of a number.

    `low` and `high` are None where there is no bound. `step` is the grid to draw from; `fixed` says that the clauses
    ask for it, and that no number beside it will do.
    """

    low: Fraction | None
    low_open: bool
    high: Fraction | None
    high_open: bool
    step: Fraction
    fixed: bool

    @classmethod
    def of(cls, clauses: Sequence[dict[str, Any]], *, integer: bool) -> Bounds:
        """Return the bounds that all clauses together set."""
        lows = list(_ends(clauses, "minimum", "exclusiveMinimum"))
        highs = list(_ends(clauses, "maximum", "exclusiveMaximum"))
        low, low_open = max(lows, default=(None, False), key=lambda end: (end[0], end[1]))
        high, high_open = min(highs, default=(None, False), key=lambda end: (end[0], not end[1]))
        steps = [Fraction(str(clause["multipleOf"])) for clause in clauses if "multipleOf" in clause]
        fixed = integer or bool(steps)
        step = reduce(_common, [*steps, Fraction(1)] if integer else steps or [_LOOSE_STEP])
        return cls(low, low_open, high, high_open, step, fixed)

    def window(self, span: int = SPAN) -> tuple[int, int] | None:
        """Return the first and the last multiple of the step to draw from, None where there is none."""
        first = None if self.low is None else ceil(self.low / self.step)
        last = None if self.high is None else floor(self.high / self.step)
        if first is not None and self.low_open and first * self.step == self.low:
            first += 1
        if last is not None and self.high_open and last * self.step == self.high:
            last -= 1
        if first is None:
            first = 0 if last is None or last >= 0 else last - span
        if last is None:
            last = max(first, 0) + span
        return (first, last) if first <= last else None


def make_number(clauses: Sequence[dict[str, Any]], draws: Draws, *, integer: bool) -> int | float:
    """Return a number that lies within the clauses' bounds, or near them: the caller checks. Raises `Unfit`."""
    bounds = Bounds.of(clauses, integer=integer)
    window = bounds.window()
    try:
        if window is not None:
            return plain(bounds.step * draws.between(*window))
        if bounds.fixed or bounds.low is None or bounds.high is None:
            raise Unfit
        return plain(bounds.low + (bounds.high - bounds.low) * Fraction(draws.between(0, SPAN), SPAN))
    except OverflowError:
        raise Unfit from None


def plain(exact: Fraction) -> int | float:
    """Return an integer where there is one, a float otherwise."""
    return exact.numerator if exact.denominator == 1 else float(exact)


def on_grid(value: float, step: float) -> bool:
    """Whether a number is a multiple of a step, for those who divide floats and for those who do not."""
    exact: Fraction = Fraction(str(value)) / Fraction(str(step))
    if exact.denominator != 1:
        return False
    if isinstance(step, int) and isinstance(value, int):
        return True
    try:
        return (value / step).is_integer()
    except OverflowError:
        return False


def _ends(clauses: Iterable[dict[str, Any]], closed: str, opened: str) -> Iterable[tuple[Fraction, bool]]:
    """Give the ends on one side, and whether each is left out itself; draft 4 says so with a boolean."""
    for clause in clauses:
        left_out = clause.get(opened)
        if closed in clause:
            yield Fraction(clause[closed]), left_out is True
        if left_out is not None and not isinstance(left_out, bool):
            yield Fraction(left_out), True


def _common(one: Fraction, other: Fraction) -> Fraction:
    """Return the least common multiple of two fractions."""
    top = lcm(one.numerator * other.denominator, other.numerator * one.denominator)
    return Fraction(top, one.denominator * other.denominator)
