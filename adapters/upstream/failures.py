"""What the HTTP client raises → the domain's failures."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import httpx

from domain.errors import Malformed, ProviderFailure, StreamBroken, Unreachable, UpstreamTimeout
from domain.ports.providers import Call


class CompressedAnswer(httpx.DecodingError):
    """The upstream compressed its answer although it was asked not to."""


class ForbiddenAddress(httpx.ConnectError):
    """The upstream's name leads to an address that is not permitted."""


class OversizedAnswer(httpx.DecodingError):
    """The upstream's answer is larger than any answer should be."""


@contextmanager
def opening(call: Call) -> Iterator[None]:
    """Translate what goes wrong before the upstream has answered."""
    try:
        yield
    except httpx.HTTPError as error:
        raise failure_of(error, call) from error


@contextmanager
def reading() -> Iterator[None]:
    """Translate what goes wrong while the answer is read."""
    try:
        yield
    except OversizedAnswer as error:
        raise Malformed("more bytes than an answer may have") from error
    except httpx.HTTPError as error:
        raise StreamBroken from error


def failure_of(error: BaseException, call: Call) -> ProviderFailure:
    """Return the failure that an exception of the HTTP client stands for, before there is an answer."""
    if isinstance(error, httpx.ConnectTimeout):
        return UpstreamTimeout("connect", call.connect_s)
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimeout("first_byte", call.first_byte_s)
    if isinstance(error, ForbiddenAddress):
        return Unreachable("address")
    if isinstance(error, httpx.ConnectError):
        return Unreachable(_reason(error))
    if isinstance(error, CompressedAnswer):
        return Malformed("a compressed answer, although it was asked not to")
    if isinstance(error, OversizedAnswer):
        return Malformed("more bytes than an answer may have")
    if isinstance(error, httpx.RemoteProtocolError) and "disconnected" not in str(error):
        return Unreachable("protocol")
    return Unreachable("closed")


def _reason(error: BaseException) -> Literal["connect", "dns", "tls"]:
    """Tell a failed look-up and a failed handshake from a refused connection."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, socket.gaierror):
            return "dns"
        if isinstance(cause, ssl.SSLError):
            return "tls"
        cause = cause.__cause__ or cause.__context__
    return "connect"
