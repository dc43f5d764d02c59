"""Where connections lead to, and requests as they are written onto them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, cast
from urllib.parse import urlsplit

import attrs

_PORTS = {"http": 80, "https": 443}
_SANE_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SANE_VALUE = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_SANE_TARGET = re.compile(rb"[\x21-\x7e]+")


@attrs.frozen
class Origin:
    """A scheme, a host and a port: what a connection is good for. `host` is a name or an address, without brackets."""

    scheme: Literal["http", "https"]
    host: str
    port: int

    @property
    def authority(self) -> str:
        """The host as the Host header has it: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


@attrs.define(eq=False)
class Outgoing:
    """One request: `head` ends with its empty line. `bodiless` says that its answer has no body, as one to HEAD."""

    origin: Origin
    head: bytes = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    bodiless: bool = False


def split_url(url: str) -> tuple[Origin, str]:
    """
    Return where a URL leads to, and its path without a trailing slash.

    Raises `ValueError` for anything but an http or https URL with a host.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        message = "the URL must begin with http:// or https:// and name a host"
        raise ValueError(message)
    scheme = cast(Literal["http", "https"], parts.scheme)
    host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
    return Origin(scheme, host, parts.port or _PORTS[scheme]), parts.path.rstrip("/")


def head_of(method: str, target: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """
    Write a request's line and headers, without the empty line that ends them.

    Raises `ValueError` for what would not stay one header.
    """
    lines = [b"%s %s HTTP/1.1\r\n" % (method.encode("ascii"), _sane(_SANE_TARGET, target.encode("ascii")))]
    lines += [_sane(_SANE_NAME, name) + b": " + _sane(_SANE_VALUE, value) + b"\r\n" for name, value in headers]
    return b"".join(lines)


def _sane(form: re.Pattern[bytes], text: bytes) -> bytes:
    if not form.fullmatch(text):
        message = "a header of a request holds characters that a header cannot have"
        raise ValueError(message)
    return text
