"""What is asked of one value, taken apart: what must hold at once, and of what one must."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import attrs

from adapters.custom.schema.document import Schema, SchemaDocument
from adapters.custom.schema.errors import Unfit
from adapters.custom.schema.keywords import TYPES

_COMBINING = ("$ref", "allOf", "anyOf", "oneOf", "if", "then", "else", "dependentSchemas")


@attrs.frozen
class Group:
    """Branches of which one must hold, or, where `exclusive`, exactly one."""

    branches: tuple[Schema, ...]
    exclusive: bool = False


@attrs.frozen
class Demands:
    """
    What is asked of one value.

    `clauses` are schemas without the words that combine schemas: all of them must hold. `groups` are the choices, and
    `known` the identities of the schemas that are part of it already: a reference back to one of them asks nothing new.
    """

    clauses: tuple[dict[str, Any], ...] = ()
    groups: tuple[Group, ...] = ()
    known: frozenset[int] = frozenset()

    def all(self, word: str) -> Iterator[Any]:
        """Give what the clauses say by one keyword."""
        return (clause[word] for clause in self.clauses if word in clause)

    def types(self) -> set[str]:
        """Return the types that a value may have; `number` stands for integers too."""
        allowed = set(TYPES)
        for named in self.all("type"):
            names = {named} if isinstance(named, str) else set(named)
            allowed &= names | {"integer"} if "number" in names else names
        return allowed - {"integer"} if "number" in allowed else allowed


def demands_of(schemas: Iterable[Schema], document: SchemaDocument, base: Demands | None = None) -> Demands:
    """Take apart schemas that a value has to fit, all of them beside a base; raises `Unfit` where one is `false`."""
    base = base or Demands()
    clauses = list(base.clauses)
    groups = list(base.groups)
    seen = set(base.known)
    pending = list(schemas)
    while pending:
        schema = pending.pop(0)
        if schema is False:
            raise Unfit
        if schema is True or id(schema) in seen:
            continue
        seen.add(id(schema))
        if "$ref" in schema:
            pending.append(document.target(schema["$ref"]))
        pending += schema.get("allOf", ())
        groups += _groups(schema)
        clauses.append({word: value for word, value in schema.items() if word not in _COMBINING})
    return Demands(tuple(clauses), tuple(groups), frozenset(seen))


def _groups(schema: dict[str, Any]) -> Iterator[Group]:
    if "anyOf" in schema:
        yield Group(tuple(schema["anyOf"]))
    if "oneOf" in schema:
        yield Group(tuple(schema["oneOf"]), exclusive=True)
    if "if" in schema:
        met = {"allOf": [schema["if"], schema.get("then", True)]}
        unmet = {"not": schema["if"], "allOf": [schema.get("else", True)]}
        yield Group((met, unmet))
    for name, needed in schema.get("dependentSchemas", {}).items():
        yield Group(({"required": [name], "allOf": [needed]}, {"properties": {name: False}}))
