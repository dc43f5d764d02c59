"""OpenAI's error object, both ways: an upstream's error → `ProviderFailure`; ours → bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from adapters.wire.jsontext import NotJson, parse_object, text_of, value_of
from domain.errors import CredentialRefused, Malformed, ProviderFailure, UpstreamError

_WAIT = re.compile(r"[0-9]{1,9}(\.[0-9]{1,6})?|[A-Za-z]{3,9}, [0-9A-Za-z :-]{10,40}", re.ASCII)
"""Seconds, or a date in one of HTTP's forms: RFC 9110, section 10.2.3."""
MAX_MESSAGE = 2048
QUOTED = 8
"""As many first characters of a credential are the credential: masked forms keep them."""
# The quantifiers are possessive, so that no text takes longer than its length.
_SECRET = re.compile(
    r"""(?ix)
    authorization ["']?+ \s*+ [:=] \s*+ ["']?+ (?:(?:bearer|basic|token)\s++)?+ \S++
    | \b(?:bearer|basic)\b ["']?+ \s*+ [:=]?+ \s*+ \S++
    | (?<![a-z])api[-_\s]?+keys?+ ["']?+ \s*+ (?:provided|is)?+ \s*+ [:=]?+ \s*+ \S++
    | (?:access|auth|secret|session)[-_\s]?+(?:token|key) ["']?+ \s*+ [:=] \s*+ \S++
    | (?:secret|password) ["']?+ \s*+ [:=] \s*+ \S++
    | \b(?:sk|csk|gsk|pk|hf)[-_][\w*.-]{4,}+ | \bkey-[\w*.-]{4,}+
    | (?<=[?&])(?:key|token|sig)=[^&\s]++
    | (?<=://)[^/\s@]++@
    """
)
_MARKUP = re.compile(
    r"<\s*+/?+(?:!doctype|html|head|title|body|script|style|iframe|svg|img|meta|link|div|span|p|br|hr|pre|center|h\d)\b|<!--",
    re.IGNORECASE,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_CODE = re.compile(r"[\w.:/ \[\]-]{1,128}")


def failure_of(status: int, headers: Mapping[str, str], body: bytes) -> ProviderFailure:
    """
    Return the failure that an upstream's answer with this status stands for.

    Knows OpenAI's `{"error": {…}}`, Cerebras's flat form and Ollama's `{"error": "…"}`. What the body says is redacted
    and cut; of 401 and 403 nothing is kept, and redirects are not followed.
    """
    if status in {401, 403}:
        return CredentialRefused(status)
    if status < 400:  # noqa: PLR2004
        return Malformed(f"status {status} where an answer was due")
    retry_after = sane_wait(headers.get("retry-after"))
    try:
        said = value_of(parse_value(body))
    except NotJson:
        said = None
    return error_of(said, status, retry_after)


def sane_wait(value: str | None) -> str | None:
    """Return a `retry-after` that is a number of seconds or a date, None for anything else."""
    return value if value is not None and _WAIT.fullmatch(value) else None


def error_of(said: Any, status: int, retry_after: str | None = None) -> UpstreamError:
    """Return the failure that a decoded error object stands for, whichever of the known forms it has."""
    detail = said.get("error", said) if isinstance(said, dict) else said
    if isinstance(detail, str):
        detail = {"message": detail}
    if not isinstance(detail, dict):
        detail = {}
    code = detail.get("code")
    return UpstreamError(
        status=status,
        message=redacted(detail.get("message")),
        code=_word(code),
        param=_word(detail.get("param")),
        retry_after=retry_after,
    )


def status_of(said: Any) -> int:
    """Return the status that an error inside a stream stands for: what it says itself, 502 where it says nothing."""
    detail = said.get("error") if isinstance(said, dict) else None
    places = [said, detail] if isinstance(said, dict) else []
    for place in places:
        for name in ("status_code", "status", "code"):
            status = place.get(name) if isinstance(place, dict) else None
            if type(status) is int and 400 <= status <= 599:  # noqa: PLR2004
                return status
    return 502


def redacted(message: Any) -> str:
    """Return an upstream's message as a caller may see it: no markup, no credentials, at most 2 KB."""
    if not isinstance(message, str) or _MARKUP.search(message):
        return ""
    told = _SECRET.sub("[redacted]", _CONTROL.sub(" ", message))
    return told.encode()[:MAX_MESSAGE].decode(errors="ignore")


def without(secret: str, error: UpstreamError) -> UpstreamError:
    """Return an upstream's error that does not quote this credential of ours, nor the beginning of it."""
    if not secret:
        return error
    quoted = re.compile(re.escape(secret[:QUOTED]) + (r"\S*" if len(secret) > QUOTED else ""))

    def clean(word: str | None) -> str | None:
        return None if word is None or quoted.search(word) else word

    return attrs.evolve(
        error,
        message=quoted.sub("[redacted]", error.message),
        code=clean(error.code),
        param=clean(error.param),
    )


def parse_value(body: bytes) -> bytes:
    """Return a body that is one JSON object; raises `NotJson` otherwise."""
    parse_object(body, unique=False)
    return body


def error_object(message: str, kind: str, param: str | None, code: str | None) -> dict[str, object]:
    """Return OpenAI's error object: four keys, always."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def render_error(message: str, kind: str, param: str | None, code: str | None) -> bytes:
    """Write OpenAI's error object."""
    return text_of(error_object(message, kind, param, code))


def _word(value: Any) -> str | None:
    """Return a short machine word, None where there is none: clients take strings only."""
    if type(value) is int:
        return str(value)
    return value if isinstance(value, str) and _CODE.fullmatch(value) and not _SECRET.search(value) else None
