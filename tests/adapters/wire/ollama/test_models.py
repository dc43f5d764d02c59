"""The models that Ollama lists, and their names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.wire.jsontext import render
from adapters.wire.ollama.models import parse_models
from adapters.wire.openai.models import model_document
from domain.errors import Malformed


def listed(*entries: Any) -> list[dict[str, Any]]:
    """Return the models as a caller gets them."""
    models = parse_models(json.dumps({"models": entries}).encode())
    return [json.loads(render(model_document(model))) for model in models]


def test_a_model_has_openais_shape_and_ollamas_facts() -> None:
    entry = {
        "name": "llama3.2:latest",
        "model": "llama3.2:latest",
        "modified_at": "2026-07-30T10:15:42.412163+02:00",
        "size": 2019393189,
        "digest": "a80c",
        "details": {"family": "llama"},
    }
    expected = {
        "id": "llama3.2:latest",
        "object": "model",
        "created": 1_785_399_342,
        "owned_by": "library",
        "modified_at": "2026-07-30T10:15:42.412163+02:00",
        "size": 2019393189,
        "digest": "a80c",
        "details": {"family": "llama"},
    }

    assert [expected] == listed(entry)


@pytest.mark.parametrize(
    ("name", "owner"),
    [("llama3.2:latest", "library"), ("ann/tiny:1b", "ann"), ("hf.co/acme/tiny:Q4_0", "acme")],
)
def test_the_owner_is_the_namespace(name: str, owner: str) -> None:
    assert owner == listed({"name": name})[0]["owned_by"]


def test_a_model_never_modified_has_no_time() -> None:
    entries = [{"name": "a", "modified_at": "0001-01-01T00:00:00Z"}, {"model": "b"}]

    assert [("a", 0), ("b", 0)] == [(found["id"], found["created"]) for found in listed(*entries)]


def test_entries_without_a_name_are_left_out() -> None:
    assert ["a"] == [found["id"] for found in listed({"name": ""}, {}, {"name": "a"})]


def test_a_server_without_models_lists_none() -> None:
    assert [] == list(parse_models(b'{"models":null}'))
    assert [] == list(parse_models(b'{"models":[]}'))


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"models":[3]}', b'{"models":[{"name":3}]}'])
def test_what_is_no_list_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_models(body)
