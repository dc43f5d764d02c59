"""Small facts of the domain's values."""

from __future__ import annotations

import copy
import pickle

import pytest

from domain.catalog import Timeouts
from domain.document import Document
from domain.errors import (
    BadKey,
    ClientGone,
    CredentialRefused,
    GatewayError,
    InvalidRequest,
    Malformed,
    ModelNotFound,
    NotSupported,
    ProviderFailure,
    StreamBroken,
    Unavailable,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from domain.usage import Usage

EVERY_ERROR: list[GatewayError] = [
    InvalidRequest("Wrong.", "n", "invalid_type"),
    BadKey(),
    BadKey(missing=True),
    ModelNotFound("x"),
    NotSupported("a", "embeddings"),
    UpstreamError(500),
    UpstreamError(429, "Slow down.", "rate_limit_exceeded", retry_after="3"),
    CredentialRefused(401),
    Unreachable("address"),
    Unreachable("connect"),
    Unreachable("dns"),
    Unreachable("tls"),
    Unreachable("protocol"),
    Unreachable("closed"),
    UpstreamTimeout("connect", 5),
    UpstreamTimeout("first_byte", 60),
    UpstreamTimeout("idle", 60),
    UpstreamTimeout("total", 600),
    Malformed("an empty answer"),
    StreamBroken(),
    Unavailable("The gateway is shutting down."),
    ClientGone(),
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=repr)
def test_error_is_a_sentence_and_survives_pickling(error: GatewayError) -> None:
    """Every error says what happened in a sentence, and is the same after pickle and copy."""
    assert str(error).endswith(".")
    assert repr(error) == repr(pickle.loads(pickle.dumps(error))) == repr(copy.copy(error))  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    ("failure", "retryable"),
    [
        (UpstreamError(status), status in {408, 409, 429} or status >= 500)
        for status in (400, 402, 404, 408, 409, 413, 422, 429, 500, 503)
    ]
    + [(Unreachable("dns"), True), (StreamBroken(), True), (Malformed("x"), True), (UpstreamTimeout("idle", 1), True)],
    ids=repr,
)
def test_overload_and_faults_of_the_upstream_may_pass(failure: ProviderFailure, retryable: bool) -> None:
    """The caller's own faults do not."""
    assert retryable is failure.retryable


def test_null_is_absent() -> None:
    """A member that is null reads as absent, is filled by a default, and leaves as it came."""
    document = Document({"a": b"null", "b": b"1"})

    assert (None, None, b"1") == (document.get("a"), document.get("zzz"), document.get("b"))
    assert {"a": b"2", "b": b"1"} == document.defaulting({"a": b"2", "b": b"2"}).members
    assert {"a": b"null"} == document.without("b").members


@pytest.mark.parametrize(
    ("timeouts", "stream", "first_byte_s"),
    [
        (Timeouts(), True, 60),
        (Timeouts(), False, 600),
        (Timeouts(stream_first_byte_s=300), True, 300),
        (Timeouts(first_byte_s=7), True, 7),
        (Timeouts(first_byte_s=7), False, 7),
    ],
)
def test_first_byte_has_its_own_deadline(timeouts: Timeouts, stream: bool, first_byte_s: float) -> None:
    """A configured value holds for both kinds of answer; the default differs."""
    assert first_byte_s == timeouts.first_byte(stream=stream)


def test_total_tokens_are_the_sum() -> None:
    """Prompt and completion."""
    assert 5 == Usage(2, 3).total_tokens
