"""Schemas that nobody thought of have an instance that fits, or are refused."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from adapters.custom.schema.budget import Budget
from adapters.custom.schema.document import SchemaDocument
from adapters.custom.schema.errors import SchemaRefused
from adapters.custom.schema.fits import Judge
from tests.adapters.custom.schemas import Schema, instance, judge

NUMBERS = st.integers(-20, 20) | st.sampled_from([0.5, 1.5, -2.25, 1e3])
SIZES = st.integers(0, 4)
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["a", "bc", "", 0.5])
LEAVES = st.one_of(
    st.booleans(),
    st.just({}),
    st.builds(lambda value: {"const": value}, SCALARS),
    st.builds(lambda values: {"enum": values}, st.lists(SCALARS, min_size=1, max_size=4)),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["integer", "number"])},
        optional={
            "minimum": NUMBERS, "maximum": NUMBERS, "exclusiveMinimum": NUMBERS, "exclusiveMaximum": NUMBERS,
            "multipleOf": st.sampled_from([1, 2, 3, 0.5, 0.1, 7]),
        },
    ),
    st.fixed_dictionaries(
        {"type": st.just("string")},
        optional={
            "minLength": SIZES, "maxLength": st.integers(0, 12),
            "format": st.sampled_from(["date", "email", "uuid", "other"]),
            "pattern": st.sampled_from(["^[a-z]+$", "a|b", "\\d{2,}", "^(x?y)*z$", "[^a-z]"]),
        },
    ),
    st.builds(lambda kinds: {"type": kinds}, st.lists(st.sampled_from(["null", "boolean", "string"]), min_size=1)),
    st.just({"$ref": "#/$defs/leaf"}),
)  # fmt: skip
ROOT = st.just({"$ref": "#"})
"""Stands only where a schema goes on into the value: one that leads back to itself on the spot has no meaning."""


def _composed(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    branches = st.lists(inner, min_size=1, max_size=3)
    held = inner | ROOT
    named = st.dictionaries(st.sampled_from("abcd"), held, max_size=3)
    return st.one_of(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["object", ["object", "null"]])},
            optional={
                "properties": named, "required": st.lists(st.sampled_from("abc"), unique=True, max_size=2),
                "additionalProperties": held, "minProperties": SIZES, "maxProperties": SIZES,
                "patternProperties": st.dictionaries(st.sampled_from(["^a", "b$", "x"]), held, max_size=1),
                "propertyNames": st.sampled_from([{"maxLength": 8}, {"pattern": "^[a-z]"}]),
                "dependentRequired": st.just({"a": ["b"]}),
                "dependentSchemas": st.builds(lambda one: {"a": one}, inner),
            },
        ),
        st.fixed_dictionaries(
            {"type": st.just("array")},
            optional={
                "items": held, "prefixItems": st.lists(held, min_size=1, max_size=2), "contains": held,
                "minItems": SIZES, "maxItems": SIZES, "uniqueItems": st.booleans(),
                "minContains": st.integers(0, 2), "maxContains": SIZES,
            },
        ),
        st.builds(lambda word, value: {word: value}, st.sampled_from(["anyOf", "oneOf", "allOf"]), branches),
        st.builds(lambda one: {"not": one}, inner),
        st.fixed_dictionaries({"if": inner}, optional={"then": inner, "else": inner}),
    )  # fmt: skip


SCHEMAS = st.builds(
    lambda schema, leaf: {**schema, "$defs": {"leaf": leaf}} if isinstance(schema, dict) else schema,
    st.recursive(LEAVES, _composed, max_leaves=8),
    LEAVES.filter(lambda leaf: leaf != {"$ref": "#/$defs/leaf"}),
)


@given(SCHEMAS, st.integers(0, 3))
def test_an_instance_of_any_schema_fits_it_or_is_refused(schema: Schema, seed: int) -> None:
    """What is given fits; nothing is raised but the refusal."""
    try:
        found = instance(schema, seed)
    except SchemaRefused:
        return

    Draft202012Validator(schema).validate(
        found
    )  # without formats: where a pattern contradicts one, the pattern decides


VALUES = st.recursive(
    SCALARS | st.sampled_from([1.0, 12, "ycd", "2020-01-01"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "ab", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_the_engine_judges_as_others_do(schema: Schema, value: Any) -> None:
    """What it takes for an instance is one, and what it does not take is none."""
    expected = Draft202012Validator(schema).is_valid(value)

    assert expected is Judge(SchemaDocument.read(schema), Budget()).fits(value, schema)


EASY = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "integer", "minimum": 0, "maximum": 9},
            {"type": "number", "exclusiveMinimum": 0},
            {"type": "boolean"},
            {"type": ["string", "null"]},
            {"enum": ["red", "green"]},
            {"const": 1},
            {"type": "string", "format": "date-time"},
            {"type": "string", "pattern": "^[A-Z][a-z]+$"},
            {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
        ]
    ),
    lambda inner: st.one_of(
        st.builds(
            lambda named: {
                "type": "object", "properties": named, "required": list(named), "additionalProperties": False,
            },
            st.dictionaries(st.text("abcdef", min_size=1, max_size=3), inner, min_size=1, max_size=4),
        ),
        st.builds(lambda items, least: {"type": "array", "items": items, "minItems": least}, inner, SIZES),
        st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=3)),
    ),
    max_leaves=10,
)  # fmt: skip


@given(st.dictionaries(st.text("abcdef", min_size=1, max_size=3), EASY, min_size=1, max_size=4))
def test_what_programs_write_in_schemas_is_never_refused(named: Schema) -> None:
    """Strict objects, lists, enums and recursion by way of null always have an instance."""
    schema = {"type": "object", "properties": named, "required": list(named), "additionalProperties": False}
    judge(schema).validate(instance(schema))
