"""
How deep the flattest instance of each part of a schema is.

A recursive schema ends only where it takes a branch that leads out; these numbers say which branch does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from adapters.custom.schema.keywords import other_items, tuple_items

ENDLESS = 1_000
_MAX_LOOKS = 50_000

Heights = Mapping[int, int]
"""By the identity of the schema object."""


def measure(nodes: Sequence[dict[str, Any]], target: Callable[[str], Any]) -> Heights:
    """
    Return the height of every node: 0 for a value that holds none, `ENDLESS` where no end was found.

    Begins with `ENDLESS` everywhere and goes over the nodes, inner ones first, until nothing changes. Chains of
    references the wrong way round can make that long; it stops then, and some heights are too large, which only
    costs a better order.
    """
    heights = {id(node): ENDLESS for node in nodes}

    def height(schema: Any) -> int:
        if isinstance(schema, bool):
            return 0 if schema else ENDLESS
        return heights[id(schema)]

    looks = 0
    changed = True
    while changed and looks < _MAX_LOOKS:
        changed = False
        for node in reversed(nodes):
            found = min(max(_demands(node, height, target)), ENDLESS)
            changed = changed or found < heights[id(node)]
            heights[id(node)] = found
        looks += len(nodes)
    return heights


def _demands(node: dict[str, Any], height: Callable[[Any], int], target: Callable[[str], Any]) -> Iterator[int]:
    """Give the heights that an instance has to have for each keyword that asks for one."""
    yield 0 if "enum" in node or "const" in node else _own(node, height)
    if "$ref" in node:
        yield height(target(node["$ref"]))
    yield from map(height, node.get("allOf", ()))
    for word in ("anyOf", "oneOf"):
        if word in node:
            yield min(map(height, node[word]))


def _own(node: dict[str, Any], height: Callable[[Any], int]) -> int:
    """Return the height by the type; one that is not named is taken from the keywords that need it."""
    named = node.get("type", "object" if "required" in node else "array" if "minItems" in node else "null")
    types = {named} if isinstance(named, str) else set(named)
    if types - {"object", "array"}:
        return 0
    return min(_object(node, height) if kind == "object" else _array(node, height) for kind in types)


def _object(node: dict[str, Any], height: Callable[[Any], int]) -> int:
    properties = node.get("properties", {})
    others = node.get("additionalProperties", True)
    return max((1 + height(properties.get(name, others)) for name in node.get("required", ())), default=0)


def _array(node: dict[str, Any], height: Callable[[Any], int]) -> int:
    least = int(node.get("minItems", 0))
    first = tuple_items(node)
    inner = [*first[:least], *([other_items(node)] if least > len(first) else [])]
    if node.get("minContains", 1) and "contains" in node:
        inner.append(node["contains"])
    return max((1 + height(one) for one in inner), default=0)
