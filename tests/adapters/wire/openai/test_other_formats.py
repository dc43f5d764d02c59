"""Embeddings, models, text completions and usage in OpenAI's dialect, both ways."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.jsontext import parse_object, render, text_of
from adapters.wire.openai import completions_request, embeddings
from adapters.wire.openai.models import model_document, parse_models
from adapters.wire.openai.usage import parse_usage, usage_values
from domain.catalog import Model
from domain.completions import CompletionRequest
from domain.document import Document
from domain.errors import Malformed
from domain.usage import Usage
from tests.adapters.wire.json_text import SPACES, carried, spelled, unknown, write
from tests.adapters.wire.openai.test_chat_response import NOT_OBJECTS

COUNTS = st.integers(0, 1 << 40)

# --- embeddings


@given(unknown({"model", "input", "encoding_format", "dimensions", "user"}), SPACES)
def test_a_request_for_embeddings_leaves_as_it_came(pairs: list[tuple[str, str]], space: str) -> None:
    """But for the model's name; `parse_request(render_request(x)) == x`."""
    mine = {"model": '"m"', "input": r'[ "\u00e9\/" ]', "dimensions": "-0", "encoding_format": "null"}
    request = embeddings.parse_request(write([*spelled(mine), *pairs], space).encode(), "lab")

    found = parse_object(embeddings.render_request(request, "up")).members

    assert {**carried(spelled(mine)), **carried(pairs), "model": b'"up"'} == found
    assert ("m", "lab") == (request.model, request.provider)
    assert request == embeddings.parse_request(embeddings.render_request(request, "m"), "lab")


@pytest.mark.parametrize("given_input", ["x", ["x", "y"], [1, 2], [[1, 2], [3]], [], ""])
def test_the_input_may_be_texts_or_tokens(given_input: Any) -> None:
    """How many and how long they may be is the provider's to say."""
    body = json.dumps({"model": "m", "input": given_input}).encode()

    assert given_input == json.loads(embeddings.parse_request(body).document.members["input"])


@given(unknown({"data", "model", "usage", "object"}), SPACES)
def test_vectors_leave_as_they_came(pairs: list[tuple[str, str]], space: str) -> None:
    """Number by number, under the caller's name of the model; `parse_response(render(x)) == x`."""
    data = '[{"embedding":[1.0e-5, -0.0,0.10],"index":0}, {"embedding":"AACAPw=="}]'
    mine = {"object": '"list"', "data": data, "model": '"up"', "usage": '{"prompt_tokens":7,"total_tokens":7}'}
    response = embeddings.parse_response(write([*spelled(mine), *pairs], space).encode())

    found = parse_object(embeddings.render_response(response, "fast")).members

    assert {**carried(spelled(mine)), **carried(pairs), "model": b'"fast"'} == found
    assert Usage(7) == response.usage
    assert response == embeddings.parse_response(render(response.document))


@pytest.mark.parametrize("body", [*NOT_OBJECTS, b"{}", b'{"data":null}', b'{"data":{}}', b'{"data":[5]}'])
def test_what_holds_no_vectors_is_malformed(body: bytes) -> None:
    """It is the provider's fault."""
    with pytest.raises(Malformed):
        embeddings.parse_response(body)


# --- text completions


@given(
    unknown(
        {
            *("model", "prompt", "stream", "stream_options", "max_tokens", "temperature", "top_p", "n", "best_of"),
            *(
                "echo",
                "suffix",
                "logprobs",
                "stop",
                "presence_penalty",
                "frequency_penalty",
                "logit_bias",
                "seed",
                "user",
            ),
        }
    ),
    SPACES,
    st.booleans(),
)
def test_a_request_for_a_text_completion_leaves_as_it_came(
    pairs: list[tuple[str, str]], space: str, stream: bool
) -> None:
    """But for the model's name, and that a stream's usage is asked for."""
    mine = {"model": '"m"', "prompt": r'[ "\u00e9", "" ]', "seed": "9007199254740993", "stream": json.dumps(stream)}
    request = completions_request.parse_request(write([*spelled(mine), *pairs], space).encode(), "lab")

    found = dict(parse_object(completions_request.render_request(request, "up")).members)

    asked = found.pop("stream_options", None)
    assert {**carried(spelled(mine)), **carried(pairs), "model": b'"up"'} == found
    assert (b'{"include_usage":true}' if stream else None) == asked
    assert CompletionRequest("m", request.document, stream=stream, provider="lab") == request


@pytest.mark.parametrize("prompt", [None, "x", ["x", "y"], [1, 2], [[1, 2], [3]], [], ""])
def test_the_prompt_may_be_texts_or_tokens(prompt: Any) -> None:
    """Or be left to the provider."""
    body = json.dumps({"model": "m", "prompt": prompt}).encode()

    assert prompt == json.loads(completions_request.parse_request(body).document.members["prompt"])


# --- models


@given(st.lists(unknown({"id", "object"}), max_size=3))
def test_a_list_of_models_keeps_what_its_provider_says(entries: list[list[tuple[str, str]]]) -> None:
    """`parse_models(render(x)) == x`; the members that every model has are filled in for the caller."""
    models = [Model(f"a/b:{number}", Document(carried(pairs))) for number, pairs in enumerate(entries)]
    documents = [model_document(model) for model in models]

    found = parse_models(b'{"data":[' + b",".join(map(render, documents)) + b"]}")

    assert [model.id for model in models] == [model.id for model in found]
    assert documents == [model.document for model in found]
    for model, document in zip(models, documents, strict=True):
        told = {name: text for name, text in model.document.members.items() if text != b"null"}
        assert told.items() <= document.members.items()
        assert {"id", "object", "created", "owned_by"} <= document.members.keys()


def test_a_model_is_listed_under_the_gateways_name_for_it() -> None:
    """What its provider calls it does not show."""
    found = model_document(
        Model("lab/small", parse_object(b'{"id":"small","object":"x","created":null,"owned_by":"lab"}'))
    )

    assert {"id": b'"lab/small"', "object": b'"model"', "created": b"0", "owned_by": b'"lab"'} == found.members


def test_entries_without_a_name_are_left_out() -> None:
    """They could not be asked for."""
    found = parse_models(b'{"data":[{"id":""},{"id":null},{"id":5},{},{"id":"x"}]}')

    assert ["x"] == [model.id for model in found]


@pytest.mark.parametrize(
    "body", [*NOT_OBJECTS, b"{}", b'{"data":null}', b'{"data":{}}', b'{"data":[5]}', b'{"data":["x"]}']
)
def test_what_is_no_list_of_models_is_malformed(body: bytes) -> None:
    """It is the provider's fault."""
    with pytest.raises(Malformed):
        parse_models(body)


# --- usage


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_usage_that_is_written_reads_the_same(prompt: int, completion: int, cached: int, reasoning: int) -> None:
    """`parse_usage(text_of(usage_values(x))) == x`."""
    usage = Usage(prompt, completion, cached, reasoning)

    found = parse_usage(text_of(usage_values(usage)))

    assert usage == found
    assert prompt + completion == usage_values(usage)["total_tokens"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        (b"null", None),
        (b"{}", None),
        (b"5", None),
        (b"[]", None),
        (b'"x"', None),
        (b'{"prompt_tokens":"3"}', None),
        (b'{"prompt_tokens":3.5}', None),
        (b'{"prompt_tokens":-1,"completion_tokens":2}', None),
        (b'{"prompt_tokens":18446744073709551616}', None),
        (b'{"prompt_tokens":0,"completion_tokens":0}', Usage()),
        (b'{"prompt_tokens":3}', Usage(3)),
        (b'{"prompt_tokens":3,"completion_tokens":null,"prompt_tokens_details":null}', Usage(3)),
        (b'{"completion_tokens":2,"total_tokens":99,"queue_time":0.1}', Usage(0, 2)),
        (
            b'{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":7,"audio_tokens":null}}',
            Usage(9, cached_tokens=7),
        ),
        (
            b'{"completion_tokens":8,"completion_tokens_details":{"reasoning_tokens":6}}',
            Usage(0, 8, reasoning_tokens=6),
        ),
    ],
)
def test_usage_is_read_or_makes_no_sense(text: bytes | None, expected: Usage | None) -> None:
    """What makes no sense is not billed by."""
    assert expected == parse_usage(text)
