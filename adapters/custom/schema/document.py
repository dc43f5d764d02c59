"""A JSON schema that has been looked over: well-formed, not too large, and every reference leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote

import attrs

from adapters.custom.schema.errors import SchemaRefused
from adapters.custom.schema.heights import ENDLESS, Heights, measure
from adapters.custom.schema.keywords import check, children

MAX_SUBSCHEMAS = 5_000

Schema = Any
"""`true`, `false`, or an object of keywords."""


@attrs.frozen(eq=False)
class SchemaDocument:
    """A schema, where its references lead, and how deep the flattest instance of each of its parts is."""

    root: Schema
    _names: Mapping[str, Schema]
    _heights: Heights

    @classmethod
    def read(cls, root: Schema) -> SchemaDocument:
        """Look a schema over; raises `SchemaRefused` where it is none."""
        survey = _Survey(root)
        survey.run()
        return cls(root, survey.names, measure(survey.found, lambda ref: survey.names[ref]))

    @property
    def size(self) -> int:
        """How many subschemas it has."""
        return len(self._heights)

    def target(self, ref: str) -> Schema:
        """Return the schema that a reference leads to."""
        return self._names[ref]

    def height(self, schema: Schema) -> int:
        """Return how deep the flattest instance of a schema is, `ENDLESS` where there seems to be none."""
        if isinstance(schema, bool):
            return 0 if schema else ENDLESS
        return self._heights.get(id(schema), 0)


@attrs.define
class _Survey:
    """Walks a schema; `names` are the references met in it with their targets."""

    root: Schema
    found: list[dict[str, Any]] = attrs.field(factory=list)
    names: dict[str, Schema] = attrs.field(factory=dict)
    _anchors: dict[str, Schema] = attrs.field(factory=dict)
    _seen: set[int] = attrs.field(factory=set)

    def run(self) -> None:
        """Walk; what only a reference leads to is walked too."""
        self._walk(self.root)
        done = 0
        while done < len(self.found):
            for node in self.found[done:]:
                done += 1
                for ref in _references(node):
                    if ref not in self.names:
                        self.names[ref] = self._resolve(ref)
                        self._walk(self.names[ref])

    def _walk(self, schema: Schema) -> None:
        pending = [schema]
        while pending:
            node = pending.pop()
            if isinstance(node, bool) or id(node) in self._seen:
                continue
            if not isinstance(node, dict):
                raise SchemaRefused("a schema must be an object or a boolean")
            self._seen.add(id(node))
            self.found.append(node)
            if len(self.found) > MAX_SUBSCHEMAS:
                raise SchemaRefused(f"it has more than {MAX_SUBSCHEMAS} subschemas")
            check(node)
            for word in ("$id", "$anchor"):
                if word in node:
                    self._anchors[("#" if word == "$anchor" else "") + node[word]] = node
            pending += reversed(list(children(node)))

    def _resolve(self, ref: str) -> Schema:
        base, _, fragment = ref.partition("#")
        node = self._anchors.get(ref) or (self._anchors.get(base) if base else self.root)
        if node is None or (fragment and not fragment.startswith("/") and ref not in self._anchors):
            raise SchemaRefused(f"the reference {ref[:64]!r} leads nowhere")
        for step in fragment.split("/")[1:]:
            node = _inside(node, unquote(step).replace("~1", "/").replace("~0", "~"), ref)
        return node


def _references(node: dict[str, Any]) -> Iterator[str]:
    if "$dynamicRef" in node or "$recursiveRef" in node:
        raise SchemaRefused("dynamic references are not supported")
    if "$ref" in node:
        yield node["$ref"]


def _inside(node: Any, step: str, ref: str) -> Any:
    if isinstance(node, dict) and step in node:
        return node[step]
    if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
        return node[int(step)]
    raise SchemaRefused(f"the reference {ref[:64]!r} leads nowhere")
