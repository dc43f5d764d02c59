"""Objects that fit a schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from adapters.custom.draws import Draws
from adapters.custom.schema.errors import Unfit
from adapters.custom.schema.site import Goal, Site
from adapters.custom.schema.texts import Length, text_with
from adapters.custom.words import WORDS

MAX_MEMBERS = 1_000


def make_object(site: Site) -> dict[str, Any]:
    """Return an object with every required member and, where there is room, the optional ones; raises `Unfit`."""
    least, most = site.least("minProperties"), site.most("maxProperties")
    if least > MAX_MEMBERS:
        raise Unfit(f"it asks for an object of more than {MAX_MEMBERS} members")
    known = {name: None for properties in site.all("properties") for name in properties}
    value: dict[str, Any] = {}
    for name in _required(site):
        value[name] = site.make(_goal(site, name), site.draws.fork(name))
    for name in known:
        if not site.generous() and len(value) >= least:
            break
        left_out = site.thinned and len(value) >= least and site.draws.below(2)
        if not left_out and name not in value and len(value) != most and _independent(site, name, value):
            _try(site, name, value)
    for name in _new_names(site, least):
        if len(value) >= least:
            break
        if name not in value and _evaluated(site, name, known):
            _try(site, name, value)
    if len(value) < least or (most is not None and len(value) > most):
        raise Unfit
    return {name: value[name] for name in {**known, **value} if name in value}


def _required(site: Site) -> list[str]:
    """Return the names that must be there, and those that they bring with them."""
    names = {name: None for required in site.all("required") for name in required}
    brought = list(site.all("dependentRequired"))
    pending = list(names)
    while pending:
        name = pending.pop()
        found = [other for brings in brought for other in brings.get(name, ()) if other not in names]
        names.update(dict.fromkeys(found))
        pending += found
    return list(names)


def _independent(site: Site, name: str, value: dict[str, Any]) -> bool:
    """Whether an optional member may be there without bringing others with it."""
    return all(other in value for brings in site.all("dependentRequired") for other in brings.get(name, ()))


def _try(site: Site, name: str, value: dict[str, Any]) -> None:
    """Add a member if there is a value for it."""
    try:
        value[name] = site.make(_goal(site, name), site.draws.fork(name))
    except Unfit:
        return


def _goal(site: Site, name: str) -> Goal:
    """Return the schemas that a member's value has to fit."""
    found = [one for clause in site.demands.clauses for one in site.judge.schemas_of(name, clause)]
    return tuple([one for one in found if one is not True])


def _new_names(site: Site, number: int) -> Iterator[str]:
    """Give names that the schema does not name, enough of them to choose from."""
    rules = tuple(site.all("propertyNames"))
    patterns = [pattern for named in site.all("patternProperties") for pattern in named]
    for turn in range(2 * number + 8 if number else 0):
        draws = site.draws.fork("name", turn)
        try:
            yield _new_name(site, draws, patterns, rules)
        except Unfit:
            continue


def _new_name(site: Site, draws: Draws, patterns: list[str], rules: Goal) -> str:
    pattern = draws.pick([*patterns, None])
    if pattern is not None:
        return text_with(pattern, Length(1, None), draws, site.judge.budget)
    if rules:
        return str(site.make(({"type": "string"}, *rules), draws))
    return f"{draws.pick(WORDS)}_{draws.below(MAX_MEMBERS)}"


def _evaluated(site: Site, name: str, known: dict[str, None]) -> bool:
    """Whether a new name is one that `unevaluatedProperties` lets pass."""
    return name in known or False not in site.all("unevaluatedProperties")
