"""
Which heads of requests may pass.

The parser reads a head too; what it lets pass and two servers could understand in two ways is refused here: RFC 9112,
section 11.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from adapters.http.errors import HttpRefusal
from adapters.http.limits import Limits

Headers = Sequence[tuple[bytes, bytes]]

METHODS = {name.encode(): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
CHUNKED = -1
"""The length of a body that says itself where it ends."""
END = b"\r\n\r\n"
BLANKS = b" \t"
"""May stand around a header's value, and are no part of it."""

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]++) ([\x21-\x7e]++) HTTP/1\.([01])\r\n")
_PART_OF_LINE = re.compile(rb"(?:[!#$%&'*+.^_`|~0-9A-Za-z-]++(?: [\x20-\x7e]*+)?)?+\r?")
_EMPTY_LINES = re.compile(rb"(?:\r\n)++")
_BARE_LF = re.compile(rb"(?<!\r)\n")
_UPGRADE = re.compile(rb"\r\nupgrade(?=:)", re.IGNORECASE)
_PLAIN_CHUNKED = re.compile(rb"\r\ntransfer-encoding: ?chunked *\r\n", re.IGNORECASE)
_ABSOLUTE = re.compile(rb"https?://([^/?#@]++)(/[^#]*+)?", re.IGNORECASE)
_HOST = re.compile(rb"(?:(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*+|\[[0-9A-Fa-f:.]++\])(?::[0-9]{0,5})?")
_ONCE = (b"host", b"content-length", b"transfer-encoding")
_MAX_DIGITS = 15


def check_part(part: bytes, seen: int, limits: Limits) -> None:
    """Raise `HttpRefusal` for what can never become a head, though it is not all there; `seen` was checked before."""
    if len(part) > limits.head_bytes:
        raise too_large(limits)
    if _BARE_LF.search(part, max(0, seen - 1)):
        raise bad("A line ends without a carriage return.")
    first = part.find(b"\n") + 1
    if first and seen < first:
        read_line(part[:first])
    elif not first and not _PART_OF_LINE.fullmatch(part):
        raise bad("The request line cannot be read.")


def skip_empty_lines(data: bytes) -> int:
    """Return the length of the empty lines that some old clients send between requests."""
    skipped = _EMPTY_LINES.match(data)
    return skipped.end() if skipped else 0


def read_line(head: bytes) -> tuple[str, bytes, int]:
    """
    Return the method, the target and the minor version of the request line at the beginning.

    Raises `HttpRefusal` for what is none of HTTP/1.0 or 1.1.
    """
    line = _LINE.match(head)
    if line is None:
        raise bad("The request line cannot be read.")
    name, target, minor = line.groups()
    method = METHODS.get(name)
    if method is None:
        allowed = {"allow": "GET, HEAD, POST"}
        raise HttpRefusal(405, "This method is not served here.", "method_not_allowed", allowed)
    return method, target, 1 if minor == b"1" else 0


def without_upgrade(head: bytes) -> bytes:
    """
    Return a head that offers no other protocol.

    The parser stops at the end of a head that offers one, and the body that follows would be lost. A server may
    ignore the offer (RFC 9110, section 7.8).
    """
    return _UPGRADE.sub(b"\r\nx-upgrade", head) if b"pgrade" in head else head


def body_length(minor: int, headers: Headers, fields: Mapping[bytes, bytes], head: bytes) -> int:
    """
    Return the length of the body, `CHUNKED` where it is not told before.

    `fields` are the headers by name. Raises `HttpRefusal` where it could be understood in two ways, or `Host` could.
    """
    if len(fields) != len(headers):
        _check_twice(headers)
    host = fields.get(b"host")
    if host is None:
        if minor:
            raise bad("The Host header is missing.")
    elif not _is_host(host):
        raise bad("The Host header cannot be read.")
    length = fields.get(b"content-length")
    if b"transfer-encoding" in fields:
        if length is not None or not minor or not _PLAIN_CHUNKED.search(head):
            raise bad("Transfer-Encoding may be 'chunked' alone, in HTTP/1.1, and without Content-Length.")
        return CHUNKED
    if length is None:
        return 0
    length = length.strip(BLANKS)
    if not length.isdigit():
        raise bad("The Content-Length header is no number.")
    if len(length) > _MAX_DIGITS:
        raise HttpRefusal(413, "The body is larger than anything that is taken here.", "request_too_large")
    return int(length)


def path_and_query(method: str, target: bytes, fields: Mapping[bytes, bytes]) -> tuple[bytes, bytes]:
    """
    Return what is asked for; raises `HttpRefusal` for a target that is no path of this server.

    A target with a host in it is one that a proxy would get; it passes where it names the host that `Host` names.
    """
    if target[0] != 0x2F:  # noqa: PLR2004 - a slash
        target = _path_of_other(method, target, fields)
    if b"#" in target:
        raise bad("The target has a fragment.")
    path, _, query = target.partition(b"?")
    return path, query


def _path_of_other(method: str, target: bytes, fields: Mapping[bytes, bytes]) -> bytes:
    if target == b"*" and method == "OPTIONS":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or absolute[1].lower() != fields.get(b"host", b"").strip(BLANKS).lower():
        raise bad("The target must be a path.")
    return absolute[2] or b"/"


@lru_cache(maxsize=256)
def _is_host(host: bytes) -> bool:
    return _HOST.fullmatch(host.strip(BLANKS)) is not None


def _check_twice(headers: Headers) -> None:
    names = [name for name, _ in headers]
    for once in _ONCE:
        if names.count(once) > 1:
            raise bad("A header that may be there once is there twice.")


def too_large(limits: Limits) -> HttpRefusal:
    """Return the refusal of a head beyond its bounds."""
    message = f"The head is larger than {limits.head_bytes} bytes or {limits.head_fields} headers. Send less."
    return HttpRefusal(431, message, "head_too_large")


def bad(what: str) -> HttpRefusal:
    """Return the refusal of what is no HTTP/1.1."""
    return HttpRefusal(400, f"This is no good HTTP/1.1. {what}", "invalid_http")
