"""Ollama's errors → `ProviderFailure`: mostly one sentence, which is all that tells what it is."""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from adapters.wire.jsontext import NotJson, value_of
from adapters.wire.openai import errors
from domain.document import Document
from domain.errors import CredentialRefused, ProviderFailure, UpstreamError

# The sentences: https://github.com/ollama/ollama/blob/main/server/routes.go, and api/types.go for the options, a wrong
# one of which is answered with status 500. Inside a stream there is no status at all.
_KNOWN = (
    (re.compile(r"\bmodel ['\"].+['\"] not found"), 404, "model_not_found"),
    (re.compile(r"\boption \".+\" must be of "), 400, "invalid_type"),
    (re.compile(r"\bexceed\w* [\w ']*\bcontext (?:length|size|window)\b"), 400, "context_length_exceeded"),
)
_OPTION = re.compile(r"\boption \"(\w+)\" must be of ")

CANCELED = 499
"""What Ollama answers to who canceled a request: whoever reads it did not, so it was a fault on Ollama's side."""


def failure_of(status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
    """Return the failure that an answer with this status stands for."""
    return _told(errors.failure_of(502 if status == CANCELED else status, headers, body))


def raise_error(native: Document) -> None:
    """Raise the failure that stands in an answer with status 200, or in the middle of a stream."""
    if native.get("error") in {None, b'""'}:
        return
    said = {
        name: _readable(text) for name, text in native.members.items() if name in {"error", "status", "status_code"}
    }
    status = errors.status_of(said)
    raise CredentialRefused(status) if status in {401, 403} else _told(errors.error_of(said, status))


def _told(failure: ProviderFailure) -> ProviderFailure:
    """Return the failure with the status and the code that its sentence stands for."""
    if not isinstance(failure, UpstreamError) or failure.code is not None:
        return failure
    for sentence, status, code in _KNOWN:
        if sentence.search(failure.message):
            option = _OPTION.search(failure.message)
            return attrs.evolve(failure, status=status, code=code, param=option[1] if option else failure.param)
    return failure


def _readable(text: bytes) -> object:
    try:
        return value_of(text)
    except NotJson:
        return None
