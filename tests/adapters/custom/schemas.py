"""Schemas with an instance, schemas without one, and what is no schema, each by a name."""

from __future__ import annotations

import json
from typing import Any

from jsonschema import Draft202012Validator

from adapters.custom.draws import Draws
from adapters.custom.schema.budget import Budget
from adapters.custom.schema.document import SchemaDocument
from adapters.custom.schema.instance import make_instance

Schema = Any


def instance(schema: Schema, seed: int = 0, *, as_object: bool = False) -> Any:
    """Return an instance as a caller gets it: by way of JSON text."""
    made = make_instance(SchemaDocument.read(schema), Draws.of(seed), Budget(), as_object=as_object)
    return json.loads(json.dumps(made))


def judge(schema: Schema) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


NODE = {"type": "object", "properties": {"value": {"type": "integer"}}, "required": ["value"]}
TREE = {**NODE, "properties": {**NODE["properties"], "next": {"$ref": "#"}, "all": {"items": {"$ref": "#"}}}}  # type: ignore[dict-item]
SATISFIABLE: dict[str, Schema] = {
    "anything": {},
    "true": True,
    "null": {"type": "null"},
    "a list of types": {"type": ["string", "null"], "maxLength": 3},
    "enum": {"enum": [{"a": 1}, [2], None, "x"]},
    "enum beside a type": {"type": "string", "enum": [1, "a", None]},
    "const": {"const": {"deep": [1, 2.5]}},
    "integer": {"type": "integer", "minimum": 17, "maximum": 17},
    "large integer": {"type": "integer", "minimum": 10**30},
    "negative": {"type": "integer", "maximum": -10**6},
    "exclusive ends": {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 3},
    "bounds in several places": {"allOf": [{"type": "number"}, {"minimum": 0.1}, {"maximum": 0.2}]},
    "a narrow gap": {"type": "number", "exclusiveMinimum": 0.25, "exclusiveMaximum": 0.2500001},
    "multiples": {"type": "integer", "multipleOf": 7, "minimum": 100, "maximum": 106},
    "multiples of two": {"allOf": [{"multipleOf": 6}, {"multipleOf": 4}, {"minimum": 1}, {"type": "integer"}]},
    "decimal multiples": {"type": "number", "multipleOf": 0.01, "minimum": 0.5, "maximum": 1},
    "no number but between": {"type": "number", "minimum": 0.1, "maximum": 0.1},
    "lengths": {"type": "string", "minLength": 9, "maxLength": 9},
    "empty text": {"type": "string", "maxLength": 0},
    "long text": {"type": "string", "minLength": 10_000},
    "pattern": {"type": "string", "pattern": "^[A-Z]{3}-\\d{4}$"},
    "pattern and length": {"type": "string", "pattern": "^[a-f0-9]+$", "minLength": 32, "maxLength": 32},
    "pattern anywhere": {"type": "string", "pattern": "needle", "minLength": 40},
    "array": {"type": "array", "items": {"type": "boolean"}, "minItems": 5, "maxItems": 6},
    "all booleans": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 2},
    "all of an enum": {"items": {"enum": [1, 2, 3, 4]}, "uniqueItems": True, "minItems": 4, "type": "array"},
    "all of a range": {
        "type": "array", "uniqueItems": True, "minItems": 50, "items": {"type": "integer", "minimum": 1, "maximum": 50},
    },
    "all of a union": {
        "type": "array", "uniqueItems": True, "minItems": 3, "items": {"anyOf": [{"const": 1}, {"enum": ["a", "b"]}]},
    },
    "many different texts": {"type": "array", "uniqueItems": True, "minItems": 300, "items": {"type": "string"}},
    "tuple": {"prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False, "minItems": 2, "type": "array"},
    "contains": {"type": "array", "contains": {"const": 7}, "minContains": 2, "maxContains": 3, "minItems": 6},
    "contains within bounds": {"type": "array", "contains": {"type": "null"}, "maxItems": 1},
    "no unevaluated items": {"type": "array", "prefixItems": [{"const": 1}], "unevaluatedItems": False},
    "object": {
        "type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False,
    },
    "required without properties": {"type": "object", "required": ["x", "y"]},
    "required of additional ones": {"required": ["x"], "additionalProperties": {"type": "integer"}, "type": "object"},
    "members without names": {"type": "object", "minProperties": 4, "additionalProperties": {"type": "boolean"}},
    "names by pattern": {
        "type": "object", "patternProperties": {"^x_[a-z]{2}$": {"type": "integer"}}, "additionalProperties": False,
        "minProperties": 2,
    },
    "names by rule": {"type": "object", "propertyNames": {"maxLength": 3}, "minProperties": 3},
    "few members": {"type": "object", "properties": {"a": {}, "b": {}, "c": {}}, "maxProperties": 1},
    "an impossible option": {"type": "object", "properties": {"a": False, "b": {"type": "string"}}},
    "dependent required": {
        "type": "object", "required": ["a"], "dependentRequired": {"a": ["b"], "b": ["c"]},
        "properties": {"a": {"const": 1}, "d": {"const": 2}},
    },
    "dependent schemas": {
        "type": "object", "properties": {"a": {"type": "string"}},
        "dependentSchemas": {"a": {"required": ["b"], "properties": {"b": {"const": 3}}}},
    },
    "no unevaluated members": {
        "allOf": [{"properties": {"a": {"type": "string"}}, "required": ["a"]}], "unevaluatedProperties": False,
        "type": "object",
    },
    "any of": {"anyOf": [{"type": "string", "minLength": 5, "maxLength": 3}, {"type": "integer"}]},
    "optional": {"anyOf": [{"type": "null"}, {"type": "string"}]},
    "one of": {"oneOf": [{"type": "integer", "multipleOf": 3}, {"type": "integer", "multipleOf": 5}]},
    "one of, told apart": {
        "oneOf": [
            {"type": "object", "properties": {"is": {"const": kind}, kind: {"type": "null"}}, "required": ["is", kind]}
            for kind in ("cat", "dog")
        ]
    },
    "all of": {"allOf": [{"type": "object", "required": ["a"]}, {"properties": {"a": {"type": "integer"}}}]},
    "choices within choices": {
        "allOf": [
            {"anyOf": [{"minimum": 5}, {"maximum": -5}]}, {"oneOf": [{"maximum": 3}, {"minimum": 100}]},
            {"type": "integer"},
        ]
    },
    "choices that must agree": {
        "allOf": [{"anyOf": [{"type": "integer", "minimum": n}, {"type": "string"}]} for n in range(60)],
    },
    "many conditions": {
        "type": "object",
        "allOf": [{"if": {"required": [f"a{n}"]}, "then": {"required": ["b"]}} for n in range(60)],
    },
    "not a type": {"not": {"type": "string"}},
    "not a value": {"type": "boolean", "not": {"const": True}},
    "not required": {"type": "object", "properties": {"a": {}, "b": {}}, "not": {"required": ["a", "b"]}},
    "if and then": {
        "type": "object", "properties": {"a": {"enum": [1, 2]}}, "required": ["a"],
        "if": {"properties": {"a": {"const": 1}}}, "then": {"required": ["b"]}, "else": {"required": ["c"]},
    },
    "a definition": {"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"type": "integer"}}},
    "a definition with siblings": {"$ref": "#/$defs/a", "maximum": 5, "$defs": {"a": {"minimum": 5, "maximum": 9}}},
    "an escaped pointer": {"$ref": "#/$defs/a~1b%20c", "$defs": {"a/b c": {"const": 1}}},
    "an anchor": {"$ref": "#here", "$defs": {"a": {"$anchor": "here", "const": 1}}},
    "an id": {"$id": "https://example.com/s", "$ref": "https://example.com/s#/$defs/a", "$defs": {"a": {"const": 1}}},
    "a tree": TREE,
    "a list that ends with null": {
        **NODE, "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}, "required": ["next"],
    },
    "a list of types that ends": {
        "type": ["object", "null"], "properties": {"next": {"$ref": "#"}}, "required": ["next"],
    },
    "an expression": {
        "$ref": "#/$defs/e",
        "$defs": {
            "e": {"oneOf": [{"$ref": "#/$defs/sum"}, {"type": "number"}]},
            "sum": {"type": "array", "prefixItems": [{"$ref": "#/$defs/e"}] * 2, "minItems": 2, "maxItems": 2},
        },
    },
    "two that need each other": {
        "$ref": "#/$defs/a",
        "$defs": {
            "a": {"type": "object", "properties": {"b": {"$ref": "#/$defs/b"}}, "required": ["b"]},
            "b": {"type": "array", "items": {"$ref": "#/$defs/a"}},
        },
    },
    "examples that fit": {"type": "string", "examples": [7, "Paris"]},
    "wide": {"type": "object", "properties": {f"p{n}": {"type": "integer"} for n in range(500)}},
}  # fmt: skip

HOPELESS: dict[str, Schema] = {
    "false": False,
    "no value": {"enum": []},
    "no common type": {"allOf": [{"type": "string"}, {"type": "integer"}]},
    "crossed ends": {"type": "integer", "minimum": 5, "maximum": 3},
    "nothing between": {"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2},
    "crossed lengths": {"type": "string", "minLength": 5, "maxLength": 3},
    "too few booleans": {"type": "array", "items": {"type": "boolean"}, "uniqueItems": True, "minItems": 3},
    "a required impossibility": {"type": "object", "properties": {"a": False}, "required": ["a"]},
    "no end": {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]},
    "no end, twice": {
        "type": "object", "required": ["a", "b"],
        "properties": {"a": {"$ref": "#"}, "b": {"anyOf": [{"$ref": "#"}] * 2}},
    },
    "only itself": {"$ref": "#"},
    "one of itself": {"anyOf": [{"$ref": "#"}, {"$ref": "#"}]},
    "not anything": {"not": {}},
    "both and neither": {"type": "boolean", "oneOf": [{"type": "boolean"}, {"type": "boolean"}]},
    "a billion items": {"type": "array", "minItems": 10**9},
    "a million items in items": {"type": "array", "minItems": 1000, "items": {"type": "array", "minItems": 1000}},
    "a billion characters": {"type": "string", "minLength": 10**9},
    "a billion members": {"type": "object", "minProperties": 10**9},
    "a billion contained": {"type": "array", "contains": {}, "minContains": 10**9},
    "a pattern without end": {"type": "string", "pattern": "^((a{1000}){1000}){1000}$"},
    "an exponential pattern": {"type": "string", "pattern": "^(((a?){99}){99}){99}$", "minLength": 9_999},
    "an exponential schema": {
        "$ref": "#/$defs/d0",
        "$defs": {
            **{f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}, {"$ref": f"#/$defs/d{n + 1}"}]} for n in range(40)},
            "d40": {"type": "integer", "minimum": 5, "maximum": 3},
        },
    },
    "an exponential instance": {
        "$ref": "#/$defs/d0",
        "$defs": {
            **{f"d{n}": {"type": "array", "items": {"$ref": f"#/$defs/d{n + 1}"}, "minItems": 9} for n in range(9)},
            "d9": {"type": "null"},
        },
    },
    "too many parts": {"properties": {f"p{n}": {} for n in range(6_000)}},
}  # fmt: skip

MALFORMED: dict[str, Schema] = {
    "an unknown type": {"type": "text"},
    "no types": {"type": []},
    "a type that is a number": {"type": 7},
    "properties that are a list": {"properties": []},
    "a property that is text": {"properties": {"a": "string"}},
    "required that is text": {"required": "a"},
    "a negative length": {"minLength": -1},
    "half an item": {"minItems": 1.5},
    "a bound that is text": {"minimum": "1"},
    "a bound that is a boolean": {"minimum": True},
    "multiples of nothing": {"multipleOf": 0},
    "no branches": {"anyOf": []},
    "branches that are an object": {"oneOf": {}},
    "a reference to nowhere": {"$ref": "#/$defs/a"},
    "a reference into text": {"$ref": "#/type/0", "type": "string"},
    "a reference far away": {"$ref": "https://example.com/other"},
    "a reference that is a number": {"$ref": 7},
    "a dynamic reference": {"$dynamicRef": "#a"},
    "a pattern that is none": {"pattern": "["},
    "a pattern that looks around": {"pattern": "^(?=a)b"},
    "a property's pattern that is none": {"patternProperties": {"(": {}}},
}
