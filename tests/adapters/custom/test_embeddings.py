"""Vectors of the built-in engine."""

from __future__ import annotations

import struct
from base64 import b64decode
from math import fsum, sqrt
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.custom.tokens import count
from domain.errors import InvalidRequest
from domain.usage import Usage
from tests.adapters.custom.fakes import CALL, Json, embeddings, engine, shortly, values


async def answer(**members: Any) -> Json:
    return values((await engine().embed(embeddings(**members), CALL)).document)


async def vectors(inputs: Any, **members: Any) -> list[list[float]]:
    return [entry["embedding"] for entry in (await answer(input=inputs, **members))["data"]]


def dot(one: list[float], other: list[float]) -> float:
    return fsum(a * b for a, b in zip(one, other, strict=True))


async def test_the_answer_has_the_shape_that_openai_gives() -> None:
    """One entry for each input, in their order, and the tokens used."""
    found = await answer(input=["one two", "three"])
    for entry in found["data"]:
        assert len(entry.pop("embedding")) == 384

    assert found == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0}, {"object": "embedding", "index": 1}],
        "model": "custom",
        "usage": {"prompt_tokens": 3, "total_tokens": 3},
    }


async def test_the_vectors_never_change() -> None:
    """They are the same on every machine and Python, to the last bit."""
    assert await vectors("Hello there", dimensions=3) == [[0.9734755158424377, 0.18630118668079376, 0.1328054815530777]]


INPUTS = st.text(min_size=1, max_size=40) | st.lists(st.integers(0, 1000), min_size=1, max_size=8)


@given(INPUTS, st.integers(1, 600))
async def test_a_vector_has_length_one_and_is_the_same_each_time(one: Any, dimensions: int) -> None:
    """Of as many dimensions as asked for."""
    (vector,) = await vectors([one] if isinstance(one, list) else one, dimensions=dimensions)

    assert len(vector) == dimensions
    assert abs(sqrt(dot(vector, vector)) - 1) < 1e-6
    assert [vector] == await vectors([one], dimensions=dimensions)


@given(INPUTS)
async def test_base64_holds_the_same_numbers(one: Any) -> None:
    """Little-endian float32, to the last bit."""
    (floats,) = await vectors([one], dimensions=16, encoding_format="float")
    (packed,) = await vectors([one], dimensions=16, encoding_format="base64")

    assert list(struct.unpack("<16f", b64decode(str(packed)))) == floats


@given(st.lists(st.text(min_size=1, max_size=20), min_size=2, max_size=5, unique=True))
async def test_different_texts_have_different_vectors(texts: list[str]) -> None:
    """Also where they have the same words, or differ in case alone."""
    found = await vectors(texts)

    assert len({tuple(vector) for vector in found}) == len(texts)


async def test_texts_that_share_words_lie_closer() -> None:
    """Enough for a search to find what it should."""
    question, near, far = await vectors(
        [
            "How do I reset my password?",
            "To reset your password, open the settings.",
            "Our office in Lisbon is closed on Sundays.",
        ]
    )

    assert dot(question, near) > dot(question, far) + 0.1


@pytest.mark.parametrize("single", ["one two three", [1, 2, 3]], ids=str)
async def test_one_input_needs_no_list(single: Any) -> None:
    """A text, or the tokens of one."""
    assert await vectors(single) == await vectors([single])
    assert (await answer(input=single))["usage"]["prompt_tokens"] == 3


async def test_the_usage_counts_every_input() -> None:
    """By the rule that counts a chat."""
    texts = ["one two", "three!", "four, five"]
    response = await engine().embed(embeddings(input=texts), CALL)

    assert response.usage == Usage(sum(map(count, texts)))


async def test_as_many_inputs_as_openai_takes() -> None:
    """In the default dimensions."""
    assert len(await vectors(["x"] * 2_048)) == 2_048


@pytest.mark.parametrize(
    ("members", "param", "code"),
    [
        ({}, "input", "missing_required_parameter"),
        ({"input": ""}, "input", "invalid_value"),
        ({"input": []}, "input", "empty_array"),
        ({"input": ["a", ""]}, "input[1]", "invalid_value"),
        ({"input": ["a", 1]}, "input[1]", "invalid_type"),
        ({"input": [1, "a"]}, "input[1]", "invalid_type"),
        ({"input": [[1], []]}, "input[1]", "empty_array"),
        ({"input": [[1], [True]]}, "input[1][0]", "invalid_type"),
        ({"input": [-1]}, "input[0]", "integer_below_min_value"),
        ({"input": {"a": 1}}, "input", "invalid_type"),
        ({"input": ["x"] * 2_049}, "input", "array_above_max_length"),
        ({"input": ["x"] * 2_048, "dimensions": 4_096}, "input", "array_above_max_length"),
        ({"input": "x " * 8_193}, "input", "string_above_max_length"),
        ({"input": "x" * 1_000_000}, "input", "string_above_max_length"),
        ({"input": [[1] * 8_193]}, "input[0]", "array_above_max_length"),
        ({"input": ["x " * 8_000] * 40}, "input", "array_above_max_length"),
        ({"input": "a", "dimensions": 0}, "dimensions", "integer_below_min_value"),
        ({"input": "a", "dimensions": 4_097}, "dimensions", "integer_above_max_value"),
        ({"input": "a", "dimensions": 1.5}, "dimensions", "invalid_type"),
        ({"input": "a", "encoding_format": "hex"}, "encoding_format", "invalid_value"),
    ],
    ids=shortly,
)
async def test_what_openai_does_not_embed_is_refused(members: Json, param: str, code: str) -> None:
    """With the path of the member at fault."""
    with pytest.raises(InvalidRequest) as refusal:
        await answer(**members)

    assert (param, code) == (refusal.value.param, refusal.value.code)


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
        max_leaves=5,
    ),
    st.sampled_from(["input", "dimensions", "encoding_format"]),
)
async def test_garbage_is_refused_or_embedded(garbage: Any, name: str) -> None:
    """Nothing else comes of it."""
    try:
        found = await answer(**{"input": "x", name: garbage})
    except InvalidRequest as refusal:
        assert refusal.param  # noqa: PT017 - either way is right, and this one has to name a member
    else:
        assert found["data"]
