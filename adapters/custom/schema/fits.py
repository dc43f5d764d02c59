"""Whether a value fits a schema: the judge of what the engine makes."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

import attrs

from adapters.custom.schema.budget import Budget
from adapters.custom.schema.document import Schema, SchemaDocument
from adapters.custom.schema.errors import SchemaRefused
from adapters.custom.schema.keywords import other_items, tuple_items
from adapters.custom.schema.matching import found_in
from adapters.custom.schema.numbers import on_grid

MAX_LEVEL = 64


def type_of(value: object) -> str:
    """Return the JSON type of a value; `integer` for every number that is whole."""
    if isinstance(value, float) and value.is_integer():
        return "integer"
    return _TYPES[type(value)]


def key(value: object) -> Hashable:
    """Return something that is equal for equal JSON values: 1 equals 1.0 and not true."""
    if isinstance(value, dict):
        return "object", frozenset([(name, key(inner)) for name, inner in value.items()])
    if isinstance(value, list):
        return "array", tuple([key(inner) for inner in value])
    return type_of(value) == "boolean", value


@attrs.define
class Judge:
    """Checks values against schemas of one document, at the cost of a budget."""

    document: SchemaDocument
    budget: Budget
    _known: dict[int, frozenset[Hashable]] = attrs.field(factory=dict)

    def fits(self, value: Any, schema: Schema, level: int = 0) -> bool:
        """Whether a value fits a schema; raises `SchemaRefused` where finding out takes too long."""
        if isinstance(schema, bool):
            return schema
        self.budget.spend()
        if level > MAX_LEVEL:
            raise SchemaRefused("its references lead on and on")
        kind = type_of(value)
        return (
            self._any_kind(value, kind, schema)
            and (kind not in {"integer", "number"} or _number(value, schema))
            and (kind != "string" or self._text(value, schema))
            and (kind != "array" or self._array(value, schema, level + 1))
            and (kind != "object" or self._object(value, schema, level + 1))
            and self._combined(value, schema, level + 1)
        )

    def _any_kind(self, value: Any, kind: str, schema: dict[str, Any]) -> bool:
        named = schema.get("type", kind)
        types = [named] if isinstance(named, str) else named
        if kind not in types and not (kind == "integer" and "number" in types):
            return False
        if "const" in schema and key(schema["const"]) != key(value):
            return False
        return "enum" not in schema or key(value) in self._keys(schema["enum"])

    def _keys(self, values: list[Any]) -> frozenset[Hashable]:
        """Return the keys of an enumeration, made once: it may be long."""
        if id(values) not in self._known:
            self.budget.spend(len(values) // 8)
            self._known[id(values)] = frozenset(map(key, values))
        return self._known[id(values)]

    def _text(self, value: str, schema: dict[str, Any]) -> bool:
        return schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)) and (
            "pattern" not in schema or found_in(schema["pattern"], value, self.budget)
        )

    def _array(self, value: list[Any], schema: dict[str, Any], level: int) -> bool:
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            return False
        if schema.get("uniqueItems") and len(set(map(key, value))) < len(value):
            return False
        first, rest = tuple_items(schema), other_items(schema)
        for place, item in enumerate(value):
            if not self.fits(item, first[place] if place < len(first) else rest, level):
                return False
        if "contains" not in schema:
            return True
        found = sum(self.fits(item, schema["contains"], level) for item in value)
        return bool(schema.get("minContains", 1) <= found <= schema.get("maxContains", found))

    def _object(self, value: dict[str, Any], schema: dict[str, Any], level: int) -> bool:
        if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
            return False
        dependents = schema.get("dependentRequired", {})
        self.budget.spend((len(schema.get("required", ())) + len(dependents)) // 16)
        if any(name not in value for name in schema.get("required", ())):
            return False
        for name, needed in dependents.items():
            if name in value and any(other not in value for other in needed):
                return False
        for name, inner in value.items():
            if any(not self.fits(inner, one, level) for one in self.schemas_of(name, schema)):
                return False
            if "propertyNames" in schema and not self.fits(name, schema["propertyNames"], level):
                return False
        schemas = schema.get("dependentSchemas", {})
        return all(self.fits(value, schemas[name], level) for name in schemas if name in value)

    def schemas_of(self, name: str, schema: dict[str, Any]) -> list[Schema]:
        """Return the schemas that a property of this name has to fit."""
        properties = schema.get("properties", {})
        found = [properties[name]] if name in properties else []
        patterns = schema.get("patternProperties", {})
        found += [patterns[pattern] for pattern in patterns if found_in(pattern, name, self.budget)]
        return found or [schema.get("additionalProperties", True)]

    def _combined(self, value: Any, schema: dict[str, Any], level: int) -> bool:
        def one(inner: Schema) -> bool:
            return self.fits(value, inner, level)

        return (
            ("$ref" not in schema or one(self.document.target(schema["$ref"])))
            and all(map(one, schema.get("allOf", ())))
            and ("anyOf" not in schema or any(map(one, schema["anyOf"])))
            and ("oneOf" not in schema or sum(map(one, schema["oneOf"])) == 1)
            and ("not" not in schema or not one(schema["not"]))
            and ("if" not in schema or _conditional(schema, one))
        )


def _conditional(schema: dict[str, Any], one: Callable[[Schema], bool]) -> bool:
    return one(schema.get("then" if one(schema["if"]) else "else", True))


def _number(value: float, schema: dict[str, Any]) -> bool:
    low, high = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    if low is True or high is True:  # draft 4
        value_is_an_end = (low is True and value == schema.get("minimum")) or (
            high is True and value == schema.get("maximum")
        )
        if value_is_an_end:
            return False
    return (
        schema.get("minimum", value) <= value <= schema.get("maximum", value)
        and (isinstance(low, bool) or low is None or value > low)
        and (isinstance(high, bool) or high is None or value < high)
        and ("multipleOf" not in schema or on_grid(value, schema["multipleOf"]))
    )


_TYPES: dict[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}
