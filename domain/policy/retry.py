"""Whether a failed attempt is followed by another, and after how long."""

from __future__ import annotations

from domain.catalog import Retry
from domain.errors import CredentialRefused, ProviderFailure, UpstreamError

MAX_ATTEMPTS = 3
"""Tries per request over all targets, the first included: retries must not multiply an outage."""


def goes_on(failure: ProviderFailure, fallback_on: frozenset[str]) -> bool:
    """
    Whether another target may be asked after this failure: not after the caller's own fault, unless the
    operator says so.
    """
    if failure.retryable:
        return True
    return isinstance(failure, UpstreamError) and failure.code in fallback_on


def tries_again(failure: ProviderFailure, retry: Retry) -> bool:
    """
    Whether the same target may be asked once more.

    Not where that cannot help: a credential that it refused stays refused, a spent quota stays spent, and a target that
    asks for more time than a retry waits would only be asked too early.
    """
    if isinstance(failure, UpstreamError):
        patient = _seconds(failure.retry_after) <= retry.max_s
        return failure.retryable and failure.code != "insufficient_quota" and patient
    return failure.retryable and not isinstance(failure, CredentialRefused)


def _seconds(retry_after: str | None) -> float:
    """Return how long an upstream asks to wait, in seconds; 0 where it says nothing, or names a date."""
    text = retry_after or ""
    return float(text) if text.replace(".", "", 1).isdecimal() else 0.0


def wait_s(retry: Retry, failed: int, drawn: float) -> float:
    """Return the seconds to wait after the `failed`-th failure of one target: full jitter, doubling up to a cap."""
    return drawn * min(retry.max_s, retry.base_s * 2.0 ** (failed - 1))
