"""Arrays that fit a schema."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import suppress
from typing import Any

from adapters.custom.schema.demands import Demands, demands_of
from adapters.custom.schema.document import SchemaDocument
from adapters.custom.schema.errors import Unfit
from adapters.custom.schema.fits import key
from adapters.custom.schema.keywords import other_items, tuple_items
from adapters.custom.schema.numbers import Bounds, plain
from adapters.custom.schema.site import Goal, Site

MAX_ITEMS = 1_000
_TRIES = 12
_LEVELS = 3
"""Of choices within choices, when the values of a small set are listed."""
_LISTED = 2_000
_SHORT_TEXTS = ["", *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", *map(str, range(MAX_ITEMS))]


def make_array(site: Site) -> list[Any]:
    """Return an array of as many items as there must be and, where there is room, one to three; raises `Unfit`."""
    least, most = site.least("minItems"), _most(site)
    owed = [clause["contains"] for clause in site.demands.clauses for _ in range(_contained(clause))]
    if max(least, len(owed)) > MAX_ITEMS:
        raise Unfit(f"it asks for an array of more than {MAX_ITEMS} items")
    usual = max([site.draws.between(1, 3), *(len(tuple_items(clause)) for clause in site.demands.clauses)])
    unique = any(site.all("uniqueItems"))
    longest = max(usual, least) + len(owed)  # further down the items are all alike: none of them would be what is owed
    items: list[Any] = []
    seen: set[Hashable] = set()
    while owed or len(items) < (max(usual, least) if site.generous() else least):
        if len(items) in {most, longest}:
            break
        try:
            item = _next(site, len(items), owed, seen)
        except Unfit:
            if owed or len(items) < least:
                raise
            break
        items.append(item)
        if unique:
            seen.add(key(item))
    if owed or len(items) < least:
        raise Unfit
    return items


def _most(site: Site) -> int | None:
    """Return how many items there may be: a schema of `false` for further items ends the array too."""
    bounds = [len(tuple_items(clause)) for clause in site.demands.clauses if other_items(clause) is False]
    if False in site.all("unevaluatedItems") and not any(site.all("items")):
        bounds.append(max(map(len, site.all("prefixItems")), default=0))
    most = site.most("maxItems")
    return min([*bounds, *([] if most is None else [most])], default=None)


def _contained(clause: dict[str, Any]) -> int:
    """Return how many items a clause wants to have among others, at most one more than there may be."""
    return min(int(clause.get("minContains", 1)), MAX_ITEMS + 1) if "contains" in clause else 0


def _next(site: Site, place: int, owed: list[Any], seen: set[Hashable]) -> Any:
    """Return the next item; one that `contains` asks for is taken off what is owed."""
    goal = tuple([one for one in (_schema(clause, place) for clause in site.demands.clauses) if one is not True])
    if owed:
        try:
            item = _item(site, (*goal, owed[0]), place, seen)
        except Unfit:
            return _item(site, goal, place, seen)
        owed.pop(0)
        return item
    limited = [clause["contains"] for clause in site.demands.clauses if {"contains", "maxContains"} <= clause.keys()]
    return _item(site, (*goal, *({"not": schema} for schema in limited)), place, seen)


def _schema(clause: dict[str, Any], place: int) -> Any:
    first = tuple_items(clause)
    return first[place] if place < len(first) else other_items(clause)


def _item(site: Site, goal: Goal, place: int, seen: set[Hashable]) -> Any:
    """Return an item that is not yet seen."""
    for turn in range(_TRIES):
        item = site.make(goal, site.draws.fork(place, turn))
        if not seen or key(item) not in seen:
            return item
    for item in _listed(demands_of(goal, site.judge.document), site.judge.document):
        if key(item) not in seen and all(site.judge.fits(item, schema) for schema in goal):
            return item
    raise Unfit


def _listed(demands: Demands, document: SchemaDocument, level: int = 0) -> Iterator[Any]:
    """Give values that may fit, one after the other: drawing alone would miss the last of few."""
    for values in demands.all("enum"):
        yield from values
    yield from demands.all("const")
    for group in demands.groups if level < _LEVELS else ():
        for branch in group.branches:
            with suppress(Unfit):
                yield from _listed(demands_of((branch,), document), document, level + 1)
    yield from (None, True, False)
    window = Bounds.of(demands.clauses, integer=False).window(_LISTED)
    if window is not None:
        step = Bounds.of(demands.clauses, integer=False).step
        yield from (plain(step * turn) for turn in range(window[0], min(window[1], window[0] + _LISTED) + 1))
    yield from _SHORT_TEXTS
