"""What failed → status and OpenAI error object: the one table."""

from __future__ import annotations

import math
from collections.abc import Mapping

import attrs
from starlette.exceptions import HTTPException

from adapters.wire.openai.errors import error_object
from domain.errors import (
    BadKey,
    ClientGone,
    CredentialRefused,
    InvalidRequest,
    Malformed,
    ModelNotFound,
    NotSupported,
    StreamBroken,
    Unavailable,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)

CLIENT_GONE = 499
"""nginx's word for a caller who hung up; it is logged, never sent."""

_UPSTREAM_KEEPS = frozenset({400, 404, 408, 409, 413, 422, 429, 503})
"""Statuses of an upstream that are true for the gateway's caller too; the others become 502."""

_UPSTREAM_WORDS = {
    404: ("invalid_request_error", "not_found"),
    408: ("upstream_timeout", "upstream_timeout"),
    409: ("conflict_error", "conflict"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("rate_limit_error", "rate_limit_exceeded"),
    502: ("upstream_error", "upstream_error"),
    503: ("service_unavailable", "service_unavailable"),
}


@attrs.frozen
class HttpRefusal(Exception):
    """A request that HTTP itself lets us refuse, before any use case is asked."""

    status: int
    message: str
    code: str
    headers: Mapping[str, str] = attrs.field(factory=dict)


@attrs.frozen
class ErrorAnswer:
    """An error as the caller gets it: four members, a status, and the headers that belong to it."""

    status: int
    message: str
    type: str
    code: str | None = None
    param: str | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)

    def body(self) -> dict[str, object]:
        """Return OpenAI's error object."""
        return error_object(self.message, self.type, self.param, self.code)


def answer_of(error: BaseException) -> ErrorAnswer:  # noqa: C901 - it is the table
    """Return what a caller is told of a failure; total, and never the text of an exception that is not ours."""
    match error:
        case InvalidRequest():
            return ErrorAnswer(400, str(error), "invalid_request_error", error.code, error.param)
        case BadKey():
            headers = {"www-authenticate": "Bearer"}
            return ErrorAnswer(401, str(error), "invalid_request_error", "invalid_api_key", headers=headers)
        case ModelNotFound():
            return ErrorAnswer(404, str(error), "invalid_request_error", "model_not_found", "model")
        case NotSupported():
            return ErrorAnswer(400, str(error), "invalid_request_error", "not_supported", "model")
        case UpstreamError():
            return _upstream(error)
        case UpstreamTimeout():
            return ErrorAnswer(504, str(error), "upstream_timeout", "upstream_timeout")
        case CredentialRefused() | Unreachable() | Malformed() | StreamBroken():
            return ErrorAnswer(502, str(error), "upstream_error", "upstream_error")
        case Unavailable():
            headers = {"retry-after": str(math.ceil(error.retry_after_s))}
            return ErrorAnswer(503, str(error), "service_unavailable", "service_unavailable", headers=headers)
        case ClientGone():
            return ErrorAnswer(CLIENT_GONE, str(error), "client_gone", "client_gone")
        case HttpRefusal():
            return ErrorAnswer(error.status, error.message, "invalid_request_error", error.code, headers=error.headers)
        case HTTPException():
            return _routing(error)
        case _:
            message = "The gateway failed on this request. Its operator finds why in the log, under the request id."
            return ErrorAnswer(500, message, "server_error", "internal_error")


def _upstream(error: UpstreamError) -> ErrorAnswer:
    status = error.status if error.status in _UPSTREAM_KEEPS else 502
    kind, code = _UPSTREAM_WORDS.get(status, ("invalid_request_error", None))
    headers = {}
    if status in {429, 503}:
        headers["retry-after"] = error.retry_after or "1"
    return ErrorAnswer(status, str(error), kind, error.code or code, error.param if status != 502 else None, headers)  # noqa: PLR2004


def _routing(error: HTTPException) -> ErrorAnswer:
    """Say what the router found: no such path, or another method."""
    headers = dict(error.headers or {})
    if error.status_code == 405:  # noqa: PLR2004
        allowed = ", ".join(sorted(headers.get("Allow", "").split(", ")))
        headers["Allow"] = allowed
        return ErrorAnswer(
            405, f"This path takes {allowed} only.", "invalid_request_error", "method_not_allowed", headers=headers
        )
    message = "There is nothing at this path. The API begins with /v1, for example /v1/chat/completions; see /docs."
    return ErrorAnswer(404, message, "invalid_request_error", "unknown_url", headers=headers)
