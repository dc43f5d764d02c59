"""
Everything that can go wrong, as one tree; who renders it decides how it looks.

GatewayError
├── Refused                      the caller's fault; trying again unchanged will not help
│   ├── InvalidRequest           the body is not what the API defines
│   ├── BadKey                   no key, or not one of ours
│   ├── ModelNotFound            no such model for this caller
│   └── NotSupported             the provider has no such capability
├── ProviderFailure              the provider's fault, or its answer
│   ├── UpstreamError            it answered with an error
│   ├── CredentialRefused        it refused *our* credential
│   ├── Unreachable              no connection
│   ├── UpstreamTimeout          a deadline passed
│   ├── Malformed                it answered, but not in its own protocol
│   └── StreamBroken             its answer broke off
├── Unavailable                  our own trouble
└── ClientGone                   the caller hung up
"""

from __future__ import annotations

from typing import Literal

import attrs

RETRYABLE_STATUSES = frozenset({408, 409, 429, 500, 502, 503, 504, 529})


@attrs.frozen
class GatewayError(Exception):
    """Anything that the gateway knows can go wrong."""


# --- the caller's fault


@attrs.frozen
class Refused(GatewayError):
    """The caller's fault."""


@attrs.frozen
class InvalidRequest(Refused):
    """
    The request is not what the API defines.

    `param` is the path of the member at fault (`messages[0].role`), None where the whole body is; `code`
    is the machine's word for it (`invalid_type`).
    """

    message: str
    param: str | None = None
    code: str | None = None

    def __str__(self) -> str:
        """Say what is wrong, where, and what to do."""
        return self.message


@attrs.frozen
class BadKey(Refused):
    """No key, or none of ours; the key itself is not kept here."""

    missing: bool = False

    def __str__(self) -> str:
        """Say what to do."""
        if self.missing:
            return "No API key was sent. Send it as 'Authorization: Bearer <key>'."
        return "The API key is not valid here. Send one of this gateway's as 'Authorization: Bearer <key>'."


@attrs.frozen
class ModelNotFound(Refused):
    """No such model for this caller; whether it exists for others is not said."""

    model: str

    def __str__(self) -> str:
        """Name the model and where to look."""
        return f"The model {self.model!r} does not exist or you do not have access to it. GET /v1/models lists yours."


@attrs.frozen
class NotSupported(Refused):
    """The provider that answers this model has no such capability."""

    provider: str
    what: str

    def __str__(self) -> str:
        """Name the provider and the capability."""
        return f"Provider {self.provider!r} has no {self.what}. Choose a model of a provider that has."


# --- the provider's fault


@attrs.frozen
class ProviderFailure(GatewayError):
    """The provider failed, or answered with an error."""

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed elsewhere, or later."""
        return True


@attrs.frozen
class UpstreamError(ProviderFailure):
    """
    The upstream answered with an error.

    `status` is the HTTP status it answered with, or the nearest one where it has none. `message`, `code` and `param`
    are what its body said, redacted; "" and None where it said nothing. `retry_after` is its header's text. What an
    upstream calls the type of its error is not kept: callers are told one of the gateway's own, by the status.
    """

    status: int
    message: str = ""
    code: str | None = None
    param: str | None = None
    retry_after: str | None = None

    @property
    def retryable(self) -> bool:
        """Overload, timeouts and the upstream's own faults pass; a refused request stays refused."""
        return self.status in RETRYABLE_STATUSES or self.status >= 500  # noqa: PLR2004

    def __str__(self) -> str:
        """Give the upstream's own words where it had some."""
        return self.message or f"The upstream answered with status {self.status}."


@attrs.frozen
class CredentialRefused(ProviderFailure):
    """The upstream refused the gateway's credential; nothing of what it said is kept, for it may quote the key."""

    status: int

    def __str__(self) -> str:
        """Say whose credential it is."""
        return "The upstream refused the gateway's credential. The operator of the gateway has to check it."


@attrs.frozen
class Unreachable(ProviderFailure):
    """No connection to the upstream: `reason` is a closed set of words that names no host."""

    reason: Literal["address", "busy", "connect", "dns", "tls", "protocol", "closed"]

    def __str__(self) -> str:
        """Say how the connection failed."""
        how = {
            "address": "has a name that leads to an address the gateway may not connect to",
            "busy": "has no connection free, and too many requests wait for one",
            "connect": "could not be reached",
            "dns": "has a host name that could not be resolved",
            "tls": "could not be reached over TLS",
            "protocol": "broke the HTTP protocol",
            "closed": "closed the connection before it answered",
        }
        return f"The upstream {how[self.reason]}."


@attrs.frozen
class UpstreamTimeout(ProviderFailure):
    """A deadline passed: which one, and how long it was in seconds."""

    phase: Literal["connect", "first_byte", "idle", "total"]
    after_s: float

    def __str__(self) -> str:
        """Say which deadline passed."""
        what = {
            "connect": "accepted no connection",
            "first_byte": "sent no answer",
            "idle": "fell silent in the middle of its answer for",
            "total": "did not finish",
        }
        within = "" if self.phase == "idle" else " within"
        return f"The upstream {what[self.phase]}{within} {self.after_s:g} s."


@attrs.frozen
class Malformed(ProviderFailure):
    """The upstream answered, but not in its own protocol; `reason` completes "The upstream sent …"."""

    reason: str

    def __str__(self) -> str:
        """Say what was wrong with the answer."""
        return f"The upstream sent {self.reason}."


@attrs.frozen
class StreamBroken(ProviderFailure):
    """The upstream's stream ended before its answer was complete."""

    def __str__(self) -> str:
        """Say that the answer is not whole."""
        return "The upstream's stream broke off before the answer was complete."


# --- neither's


@attrs.frozen
class Unavailable(GatewayError):
    """The gateway itself cannot serve now; `reason` says why in words fit for a caller."""

    reason: str
    retry_after_s: int = 1

    def __str__(self) -> str:
        """Say why, and when to come back."""
        return f"{self.reason} Try again in {self.retry_after_s} s."


@attrs.frozen
class ClientGone(GatewayError):
    """The caller hung up; there is nobody to tell."""

    def __str__(self) -> str:
        """Say so."""
        return "The caller hung up."
