"""Ollama's errors, by their status and their sentence."""

from __future__ import annotations

import json

import pytest

from adapters.wire.ollama.errors import failure_of
from domain.errors import CredentialRefused, Malformed, UpstreamError

SAID = [
    (404, 'model "llama3.2" not found, try pulling it first', (404, "model_not_found", None)),
    (404, "model 'llama3.2' not found", (404, "model_not_found", None)),
    (400, '"llama3.2" does not support tools', (400, None, None)),
    (500, 'option "stop" must be of type array', (400, "invalid_type", "stop")),
    (500, 'option "stop" must be of an array of strings', (400, "invalid_type", "stop")),
    (400, "the input length exceeds the context length", (400, "context_length_exceeded", None)),
    (500, "the input length exceeds the context length", (400, "context_length_exceeded", None)),
    (400, "prompt too long; exceeded max context length by 17 tokens", (400, "context_length_exceeded", None)),
    (503, "server busy, please try again.  maximum pending requests exceeded", (503, None, None)),
    (500, "llama runner process has terminated: exit status 2", (500, None, None)),
    (499, "request canceled", (502, None, None)),
    (429, "you have reached your hourly usage limit", (429, None, None)),
]


@pytest.mark.parametrize(("status", "message", "expected"), SAID)
def test_a_sentence_tells_what_went_wrong(status: int, message: str, expected: tuple[object, ...]) -> None:
    failure = failure_of(status, {"retry-after": "7"}, json.dumps({"error": message}).encode())

    assert isinstance(failure, UpstreamError)
    assert (*expected, message, "7") == (
        failure.status,
        failure.code,
        failure.param,
        failure.message,
        failure.retry_after,
    )


def test_an_unknown_path_says_nothing_of_models() -> None:
    failure = failure_of(404, {}, b"404 page not found")

    assert isinstance(failure, UpstreamError)
    assert (404, None, "") == (failure.status, failure.code, failure.message)


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_credential_is_the_gateways(status: int) -> None:
    failure = failure_of(status, {}, b'{"error":"unauthorized","signin_url":"https://ollama.com/connect?key=1"}')

    assert isinstance(failure, CredentialRefused)
    assert "ollama.com" not in str(failure)


def test_a_redirect_is_no_answer() -> None:
    assert isinstance(failure_of(302, {}, b""), Malformed)


def test_a_code_that_the_server_gave_stays() -> None:
    failure = failure_of(404, {}, b'{"error":{"message":"model \\"x\\" not found","code":"gone"}}')

    assert isinstance(failure, UpstreamError)
    assert (404, "gone") == (failure.status, failure.code)
