"""The engine finds an instance of a schema, or says that it does not; judged by the `jsonschema` package."""

from __future__ import annotations

import time

import pytest

from adapters.custom.schema.errors import SchemaRefused
from tests.adapters.custom.schemas import HOPELESS, MALFORMED, SATISFIABLE, Schema, instance, judge


@pytest.mark.parametrize("schema", SATISFIABLE.values(), ids=SATISFIABLE)
@pytest.mark.parametrize("seed", range(3))
def test_an_instance_fits_its_schema(schema: Schema, seed: int) -> None:
    """Whatever the seed."""
    judge(schema).validate(instance(schema, seed))


@pytest.mark.parametrize("schema", [*HOPELESS.values(), *MALFORMED.values()], ids=[*HOPELESS, *MALFORMED])
def test_a_schema_without_an_instance_is_refused_in_time(schema: Schema) -> None:
    """Within a second, by the one exception that says so, and with a reason."""
    begun = time.process_time()
    with pytest.raises(SchemaRefused) as refusal:
        instance(schema)

    assert time.process_time() - begun < 1
    assert str(refusal.value)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    "kind",
    [
        "date",
        "time",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "uuid",
        "uri",
        "json-pointer",
        "regex",
    ],
)
def test_formats_are_kept(kind: str, seed: int) -> None:
    """A date looks like a date."""
    judge({"format": kind}).validate(instance({"type": "string", "format": kind}, seed))


def test_formats_and_lengths_are_kept_together() -> None:
    """An address is made longer, or shorter."""
    assert len(instance({"type": "string", "format": "email", "minLength": 30, "maxLength": 31})) in {30, 31}
    assert len(instance({"type": "string", "format": "email", "maxLength": 13})) == 13


def test_optional_members_are_filled_in() -> None:
    """A reader sees what the schema offers, in its order; what may be null is not."""
    schema = {
        "type": "object",
        "properties": {"b": {"type": ["null", "integer"]}, "a": {"anyOf": [{"type": "null"}, {"type": "string"}]}},
    }
    found = instance(schema)

    assert list(found) == ["b", "a"]
    assert None not in found.values()


def test_older_drafts_are_understood() -> None:
    """Exclusive ends as booleans, as draft 4 has them, and tuples as a list of `items`."""
    ends = {"minimum": 1, "exclusiveMinimum": True, "maximum": 3, "exclusiveMaximum": True}
    items = {"type": "array", "items": [{"const": 1}, {"const": 2}], "additionalItems": False, "minItems": 2}

    assert instance({"type": "integer", **ends}) == 2
    assert instance(items) == [1, 2]


def test_examples_are_preferred() -> None:
    """Where they fit."""
    assert instance({"type": "string", "examples": [7, "Paris"]}) == "Paris"


def test_an_object_can_be_asked_for() -> None:
    """As the arguments of a tool are."""
    assert instance({}, as_object=True) == {}
    with pytest.raises(SchemaRefused):
        instance({"type": "string"}, as_object=True)


def test_the_same_seed_gives_the_same_instance() -> None:
    """And another seed may give another."""
    schema = {"type": "array", "items": {"type": "string"}, "minItems": 3}

    assert instance(schema, 1) == instance(schema, 1) != instance(schema, 2)
