"""The keywords of JSON Schema (2020-12, and what older drafts wrote otherwise) and what may stand in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from adapters.custom.schema.errors import SchemaRefused
from adapters.custom.schema.matching import tree

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
"""Those of flat values first."""
ONE = ("not", "if", "then", "else", "contains", "propertyNames", "additionalProperties", "additionalItems",
       "unevaluatedProperties", "unevaluatedItems", "items")  # fmt: skip
MANY = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED = ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions")


def check(node: dict[str, Any]) -> None:
    """Raise `SchemaRefused` where a keyword holds what it cannot."""
    for word, value in node.items():
        fits = _CHECKS.get(word)
        if fits is not None and not fits(value):
            raise SchemaRefused(f"'{word}' has a value that it cannot have")
    if "pattern" in node:
        tree(node["pattern"])
    for pattern in node.get("patternProperties", ()):
        tree(pattern)


def children(node: dict[str, Any]) -> Iterator[Any]:
    """Give the schemas that stand directly in one."""
    for word in ONE:
        if word in node:
            value = node[word]
            yield from value if isinstance(value, list) else [value]
    for word in MANY:
        yield from node.get(word, ())
    for word in NAMED:
        yield from node.get(word, {}).values()


def tuple_items(node: dict[str, Any]) -> list[Any]:
    """Return the schemas of an array's first items: `prefixItems`, or what older drafts wrote as a list of `items`."""
    items = node.get("items")
    found: list[Any] = items if isinstance(items, list) else node.get("prefixItems", [])
    return found


def other_items(node: dict[str, Any]) -> Any:
    """Return the schema of an array's items after its first ones."""
    items = node.get("items", True)
    return node.get("additionalItems", True) if isinstance(items, list) else items


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0 and value == int(value)


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _type(value: object) -> bool:
    names = [value] if isinstance(value, str) else value
    return isinstance(names, list) and bool(names) and all(name in TYPES for name in names)


def _one(value: object) -> bool:
    return isinstance(value, dict | bool)


def _is(kind: type) -> Callable[[object], bool]:
    return lambda value: isinstance(value, kind)


_SIZES = ("Length", "Items", "Properties", "Contains")
_CHECKS: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(ONE, _one),
    "items": lambda value: isinstance(value, list | dict | bool),
    **dict.fromkeys(("anyOf", "oneOf", "allOf"), lambda value: isinstance(value, list) and bool(value)),
    "prefixItems": _is(list),
    **dict.fromkeys(NAMED, _is(dict)),
    **dict.fromkeys(("minimum", "maximum"), _number),
    **dict.fromkeys(("exclusiveMinimum", "exclusiveMaximum"), _is(int | float)),  # type: ignore[arg-type]
    "multipleOf": lambda value: _number(value) and value > 0,
    **dict.fromkeys([end + size for end in ("min", "max") for size in _SIZES], _size),
    **dict.fromkeys(("pattern", "format", "$ref", "$id", "$anchor"), _is(str)),
    "uniqueItems": _is(bool),
    "required": _strings,
    "enum": _is(list),
    "examples": _is(list),
    "type": _type,
    "dependentRequired": lambda value: isinstance(value, dict) and all(map(_strings, value.values())),
}
