"""Embeddings: what Ollama gets, and what a caller gets of its answer."""

from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import document_of, render
from adapters.wire.ollama.embeddings import parse_response, render_request
from domain.embeddings import EmbeddingsRequest
from domain.errors import InvalidRequest, Malformed, UpstreamError
from domain.usage import Usage

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)


def request(**members: Any) -> EmbeddingsRequest:
    """Return a request with these members."""
    return EmbeddingsRequest("small", document_of({"model": "small", **members}))


def sent(**members: Any) -> dict[str, Any]:
    """Return what Ollama gets."""
    return dict(json.loads(render_request(request(**members), "nomic")))


def answer(*vectors: Any, **members: Any) -> bytes:
    """Return what Ollama answers."""
    return json.dumps({"model": "nomic:latest", "embeddings": vectors, "prompt_eval_count": 8, **members}).encode()


def got(body: bytes, **members: Any) -> dict[str, Any]:
    """Return what the caller gets."""
    return dict(json.loads(render(parse_response(body, request(**members)).document)))


@pytest.mark.parametrize(
    ("given_members", "expected"),
    [
        ({"input": "Hi"}, {"input": "Hi"}),
        ({"input": ["a", ""]}, {"input": ["a", ""]}),
        ({"input": "Hi", "encoding_format": "base64", "user": "ann"}, {"input": "Hi"}),
        ({"input": "Hi", "encoding_format": None, "dimensions": None}, {"input": "Hi"}),
        ({"input": "Hi", "dimensions": 64, "truncate": False}, {"input": "Hi", "dimensions": 64, "truncate": False}),
        ({"input": "Hi", "keep_alive": "5m", "new": 1}, {"input": "Hi", "keep_alive": "5m", "new": 1}),
        ({"input": "Hi", "num_ctx": 512}, {"input": "Hi", "options": {"num_ctx": 512}}),
        ({"input": "Hi", "options": {"num_gpu": 0}}, {"input": "Hi", "options": {"num_gpu": 0}}),
        ({"input": "Hi", "Input": "evil"}, {"input": "Hi"}),
    ],
)
def test_members_become_ollamas(given_members: dict[str, Any], expected: dict[str, Any]) -> None:
    assert {"model": "nomic", **expected} == sent(**given_members)


@pytest.mark.parametrize(
    ("given_members", "param"),
    [
        ({}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": [1, 2]}, "input"),
        ({"input": [[1, 2]]}, "input"),
        ({"input": {"text": "Hi"}}, "input"),
        ({"input": "Hi", "encoding_format": "int8"}, "encoding_format"),
        ({"input": "Hi", "encoding_format": 8}, "encoding_format"),
        ({"input": "Hi", "options": 3}, "options"),
    ],
)
def test_what_ollama_cannot_embed_is_refused(given_members: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        sent(**given_members)

    assert param == refusal.value.param


def test_an_answer_has_openais_shape() -> None:
    expected = {
        "object": "list",
        "data": [
            {"object": "embedding", "index": 0, "embedding": [0.5, -1]},
            {"object": "embedding", "index": 1, "embedding": [0, 2]},
        ],
        "model": "nomic:latest",
        "usage": {"prompt_tokens": 8, "total_tokens": 8},
        "total_duration": 7,
    }

    assert expected == got(answer([0.5, -1], [0, 2], total_duration=7), input=["a", "b"])


def test_numbers_keep_their_text() -> None:
    body = b'{"embeddings":[[0.010071029,-0.0017594862, 1e-05,1.0]]}'

    response = parse_response(body, request(input="Hi", encoding_format="float"))

    assert b'"embedding":[0.010071029,-0.0017594862, 1e-05,1.0]' in response.document.members["data"]


def test_usage_is_what_ollama_counted() -> None:
    assert Usage(8, 0) == parse_response(answer([1]), request(input="Hi")).usage
    assert parse_response(b'{"embeddings":[[1]]}', request(input="Hi")).usage is None
    assert {"prompt_tokens": 0, "total_tokens": 0} == got(b'{"embeddings":[[1]]}', input="Hi")["usage"]


@given(vectors=st.lists(st.lists(floats, min_size=1, max_size=4), min_size=1, max_size=3))
def test_base64_holds_little_endian_floats(vectors: list[list[float]]) -> None:
    found = got(answer(*vectors), input=["x"] * len(vectors), encoding_format="base64")

    read = [base64.b64decode(item["embedding"], validate=True) for item in found["data"]]
    assert [[struct.unpack("<f", text[at : at + 4])[0] for at in range(0, len(text), 4)] for text in read] == vectors


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{}", answer("Hi"), answer(["Hi"]), answer([1], [2]), answer(), b'{"embeddings":[[1e999]]}'],
)
def test_what_holds_no_vector_for_each_input_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_response(body, request(input="Hi"))


def test_a_number_beyond_a_float_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_response(answer([1e300]), request(input="Hi", encoding_format="base64"))


def test_an_error_in_the_place_of_vectors_is_raised() -> None:
    with pytest.raises(UpstreamError, match="not found"):
        parse_response(b'{"error":"model \'x\' not found"}', request(input="Hi"))
