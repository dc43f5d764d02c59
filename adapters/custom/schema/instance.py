"""
An instance of a JSON schema: a value that fits it.

Values are made as the schema asks and then judged, so what is given always fits. Optional members and items are filled
in near the top, and left out further down: that is how recursive schemas end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from adapters.custom.draws import Draws
from adapters.custom.schema.arrays import make_array
from adapters.custom.schema.budget import Budget
from adapters.custom.schema.demands import Demands, Group, demands_of
from adapters.custom.schema.document import Schema, SchemaDocument
from adapters.custom.schema.errors import SchemaRefused, Unfit
from adapters.custom.schema.fits import Judge
from adapters.custom.schema.keywords import TYPES
from adapters.custom.schema.numbers import make_number
from adapters.custom.schema.objects import make_object
from adapters.custom.schema.site import Goal, Site
from adapters.custom.schema.texts import make_text

MAX_LEVEL = 128
INTO = 4
"""Levels that going into an array or object counts; taking a branch counts one."""
GENEROUS_LEVEL = 6 * INTO + 2
GENEROUS_VALUES = 256
_TRIES = 3
_COST = 4
"""Steps that a value takes, beside those of its checks."""

_WORDS_OF = {
    "object": {"properties", "required", "additionalProperties", "patternProperties", "minProperties",
               "maxProperties", "propertyNames", "dependentRequired"},
    "array": {"items", "prefixItems", "minItems", "maxItems", "uniqueItems", "contains"},
    "number": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"},
    "string": {"minLength", "maxLength", "pattern", "format"},
}  # fmt: skip
_JUDGED = {"not", "contains", "propertyNames", "patternProperties", "dependentRequired"}
"""The words that an array or object, built of parts that were judged already, may still miss."""
_HOLDERS = {"array": make_array, "object": make_object}
_TRIES_OF = {"null": 1, "boolean": 8, "integer": 16, "number": 16, "string": 8, "array": 3, "object": 6}


def make_instance(document: SchemaDocument, draws: Draws, budget: Budget, *, as_object: bool = False) -> Any:
    """
    Return a value that fits a schema, the same for the same draws; an object where `as_object` says so.

    Raises `SchemaRefused` where none is found within the budget.
    """
    goal = (document.root, {"type": "object"}) if as_object else (document.root,)
    maker = _Maker(Judge(document, budget))
    try:
        for turn in range(_TRIES):
            value = maker.make(goal, draws.fork(turn), 0)
            if all(maker.judge.fits(value, schema) for schema in goal):
                return value
    except RecursionError:
        raise SchemaRefused("it is nested too deep") from None
    raise Unfit


@attrs.define
class _Maker:
    """Makes one instance; `made` counts its values."""

    judge: Judge
    made: int = 0

    def make(self, goal: Goal, draws: Draws, level: int) -> Any:
        """Return a value that fits all schemas of a goal; raises `Unfit` where none is found."""
        self.made += 1
        return self._chosen(demands_of(goal, self.judge.document), draws, level)

    def _chosen(self, demands: Demands, draws: Draws, level: int) -> Any:
        """Settle the choices, one after the other, and make the value."""
        self.judge.budget.spend(_COST + len(demands.clauses) // 4)
        if not demands.types():
            raise Unfit
        if level > MAX_LEVEL:
            raise Unfit("its instances are nested too deep, or have no end")
        if not demands.groups:
            return self._plain(demands, draws, level)
        group = demands.groups[0]
        others = attrs.evolve(demands, groups=demands.groups[1:])
        failure = Unfit()
        for branch in self._ordered(group, draws, level):
            for turn in range(_TRIES if group.exclusive else 1):
                try:
                    chosen = demands_of((branch,), self.judge.document, others)
                    value = self._chosen(chosen, draws.fork("turn", turn) if turn else draws, level + 1)
                except Unfit as error:
                    failure = error
                    break
                if not group.exclusive or self._alone(value, group):
                    return value
        raise failure

    def _ordered(self, group: Group, draws: Draws, level: int) -> Sequence[Schema]:
        """Return the branches in the order to try: near the top `null` last, further down the flattest first."""
        branches = draws.fork("branch").shuffled(group.branches)
        if not self._generous(level):
            return sorted(branches, key=self.judge.document.height)
        return sorted(branches, key=lambda one: isinstance(one, dict) and one.get("type") == "null")

    def _alone(self, value: Any, group: Group) -> bool:
        return sum(self.judge.fits(value, branch) for branch in group.branches) == 1

    def _generous(self, level: int) -> bool:
        return level <= GENEROUS_LEVEL and self.made < GENEROUS_VALUES

    def _plain(self, demands: Demands, draws: Draws, level: int) -> Any:
        """Make a value that clauses alone describe."""
        fixed = [*demands.all("enum"), *([value] for value in demands.all("const"))]
        given = min(fixed, key=len) if fixed else [value for values in demands.all("examples") for value in values]
        start = draws.fork("given").below(len(given)) if given else 0
        for place in range(len(given)):
            value = given[(start + place) % len(given)]
            if self._fits(value, demands):
                return value
        if fixed:
            raise Unfit
        failure = Unfit()
        for kind in self._types(demands, draws, level):
            try:
                return self._of(kind, demands, draws, level)
            except Unfit as error:
                failure = error
        raise failure

    def _fits(self, value: Any, demands: Demands) -> bool:
        return all(self.judge.fits(value, clause) for clause in demands.clauses)

    def _types(self, demands: Demands, draws: Draws, level: int) -> Sequence[str]:
        """Return the types that a value may have, the one to try first in front."""
        if len(demands.clauses) == 1 and isinstance(demands.clauses[0].get("type"), str):
            return (demands.clauses[0]["type"],)
        allowed = demands.types()
        flattest = [kind for kind in TYPES if kind in allowed]
        if not self._generous(level):
            return flattest
        if any(demands.all("type")):
            return sorted(draws.fork("type").shuffled(flattest), key=lambda kind: kind == "null")
        words = {word for clause in demands.clauses for word in clause}
        likely = [kind for kind, own in _WORDS_OF.items() if own & words]
        return list(dict.fromkeys([kind for kind in [*likely, "string", *flattest] if kind in allowed]))

    def _of(self, kind: str, demands: Demands, draws: Draws, level: int) -> Any:
        """Make a value of one type, and again with other draws where it misses the clauses."""
        holder = _HOLDERS.get(kind)
        doubtful = holder is None or any(not _JUDGED.isdisjoint(clause) for clause in demands.clauses)
        for turn in range(_TRIES_OF[kind]):
            own = draws.fork(kind, turn)
            if holder is None:
                value = self._scalar(kind, demands, own)
            else:
                value = holder(self._site(demands, own, level + INTO, thinned=turn > 0))
            if not doubtful or self._fits(value, demands):
                return value
        raise Unfit

    def _site(self, demands: Demands, draws: Draws, level: int, *, thinned: bool) -> Site:
        def make(goal: Goal, own: Draws) -> Any:
            return self.make(goal, own, level)

        return Site(demands, draws, self.judge, make, lambda: self._generous(level), thinned)

    def _scalar(self, kind: str, demands: Demands, draws: Draws) -> Any:
        match kind:
            case "null":
                return None
            case "boolean":
                return draws.pick((False, True))
            case "string":
                return make_text(demands.clauses, draws, self.judge.budget)
            case _:
                return make_number(demands.clauses, draws, integer=kind == "integer")
