"""One HTTP/1.1 connection to an upstream: requests out, answers in, one at a time."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import sys
from typing import Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser
from typing_extensions import override

from adapters.upstream.exchange import Incoming
from adapters.upstream.origin import Outgoing
from domain.errors import ProviderFailure, StreamBroken, Unreachable

MAX_HEAD_BYTES = 64 << 10
MAX_HEADERS = 256
MAX_INTERIM = 16
"""Interim answers (1xx) before the final one; no server sends more than two."""
_BODILESS = frozenset({204, 304})
_TOO_LARGE = 413
"""Who says so has mostly not read the body, and would take the rest of it for the next request."""
_VERSIONS = frozenset({"1.0", "1.1"})


class Host(Protocol):
    """Whoever hands connections out and takes them back."""

    def release(self, connection: Connection) -> None:
        """Take back a connection that may carry the next request."""
        ...

    def lost(self, connection: Connection) -> None:
        """Take note that a connection is gone; called once for each that was made."""
        ...


class NotAccepted(Exception):
    """The server had closed its idle connection: no byte of the request was accepted, so it may be sent once more."""


class Connection(asyncio.Protocol):
    """
    A connection, from its making to its end.

    It knows its host only to give itself back when an answer is whole, and to be struck off when it is gone. The
    answer keeps what it was given, so a connection may serve the next request while the last answer is still read.
    """

    __slots__ = (
        "_bodiless",
        "_close_after",
        "_closing",
        "_extra",
        "_finished",
        "_framed",
        "_head_bytes",
        "_headers",
        "_host",
        "_incoming",
        "_interim",
        "_missed",
        "_moved",
        "_parser",
        "_request_bytes",
        "_status",
        "_transport",
        "_unruly",
        "_without_end",
        "idle_since",
        "served",
    )

    _status: int
    _headers: list[tuple[bytes, bytes]]
    _head_bytes: int
    _interim: int
    _framed: bool
    _finished: bool
    _extra: bool
    _unruly: bool
    _missed: bool
    _moved: bool
    _without_end: int
    _close_after: bool
    _bodiless: bool
    _request_bytes: int

    def __init__(self, host: Host) -> None:
        self._host: Host | None = host
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._incoming: Incoming | None = None
        self._closing = False
        self.idle_since = 0.0
        self.served = 0
        """Requests written so far."""
        self._begin(bodiless=False, request_bytes=0)

    @property
    def closed(self) -> bool:
        """Whether this connection can carry no more requests."""
        return self._closing or self._transport is None

    # --- what its host does with it

    def start(self, request: Outgoing, incoming: Incoming) -> None:
        """Write a request, whose answer goes to `incoming`."""
        assert self._transport is not None and self._incoming is None  # noqa: PT018, S101 - it was idle
        self._begin(bodiless=request.bodiless, request_bytes=len(request.head) + len(request.body))
        self._incoming = incoming
        self.served += 1
        incoming.connected(self)
        if len(request.body) > MAX_HEAD_BYTES:
            self._transport.writelines((request.head, request.body))  # a large body is not copied
        else:
            self._transport.write(request.head + request.body)

    def abort(self) -> None:
        """Close at once; may be called at any time, and twice."""
        self._closing = True
        self._incoming = None
        if self._transport is not None:
            self._transport.abort()

    def forsake(self) -> None:
        """Close without being struck off: it never came to serve."""
        self._host = None
        self.abort()

    def shut(self) -> None:
        """Close, and tell whoever waits for an answer."""
        self._fail(StreamBroken() if self._status else Unreachable("closed"))

    def pause(self) -> None:
        """Read no more for now: whoever reads the answer is slower than the upstream."""
        if self._transport is not None and not self._closing:
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._transport is not None and not self._closing:
            self._transport.resume_reading()

    # --- what the network does with it

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport; where the connection was given up meanwhile, close it."""
        self._transport = cast(asyncio.Transport, transport)
        if self._closing:
            self._transport.abort()

    @override
    def data_received(self, data: bytes) -> None:
        """Parse what came; whatever is no answer to a request ends the connection."""
        if self._incoming is None:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._fail(Unreachable("protocol"))
        except HttpParserError:
            self._fail_in_protocol()
        else:
            self._settle(len(data))

    @override
    def eof_received(self) -> None:
        """
        Take the end of the bytes for the end of an answer that has no other; the transport closes itself.

        But not while it has something to send, which a server that has said all may never read.
        """
        self._closing = True
        if self._incoming is not None and self._status and not self._framed and self._ended_in_order():
            incoming, self._incoming = self._incoming, None
            incoming.finish()
        elif self._incoming is not None and not self._status:
            self._missed = self._nothing_accepted()
        if self._transport is not None and self._transport.get_write_buffer_size() > 0:
            self._transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, and be struck off."""
        incoming, self._incoming = self._incoming, None
        self._closing = True
        if incoming is not None:
            # A broken pipe, unlike a reset, says that the peer's end of the bytes had come before.
            self._missed = self._missed or (isinstance(exc, BrokenPipeError) and self._nothing_accepted())
            incoming.fail(self._how_lost())
        if self._host is not None:
            host, self._host = self._host, None
            host.lost(self)
        self._transport = None
        del self._parser  # it refers back to this connection

    # --- what the parser tells

    def on_message_begin(self) -> None:
        """Note that an answer begins; one that follows a whole one is nobody's."""
        if self._finished:
            self._extra = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header; what comes behind the body is dropped."""
        if not self._status:
            self._head_bytes += len(name) + len(value)
            self._headers.append((name.lower(), value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        """Hand out the head of a final answer."""
        status = self._parser.get_status_code()
        self._unruly = self._unruly or status < 100  # noqa: PLR2004
        if self._extra or self._unruly or status < 200:  # noqa: PLR2004
            return
        self._status = status
        self._close_after = not self._parser.should_keep_alive() or status == _TOO_LARGE
        codings = [value for name, value in self._headers if name == b"transfer-encoding"]
        framed = bool(codings) or status in _BODILESS or self._bodiless
        self._framed = framed or any(name == b"content-length" for name, _ in self._headers)
        self._unruly = (
            (bool(codings) and (len(codings) > 1 or codings[0].lower() != b"chunked"))
            or self._parser.get_http_version() not in _VERSIONS
            or self._head_bytes > MAX_HEAD_BYTES
            or len(self._headers) > MAX_HEADERS
        )
        if self._incoming is not None and not self._unruly:
            self._incoming.head(status, self._headers)

    def on_body(self, body: bytes) -> None:
        """Hand out a part of the body."""
        self._moved = True
        if self._incoming is not None and not self._finished and not self._unruly:
            self._incoming.body(body)

    def on_message_complete(self) -> None:
        """Note that an answer is whole; an interim one (1xx) is none."""
        if self._status:
            self._finished = True
        else:
            self._interim += 1
            self._headers = []

    # --- inside

    def _begin(self, *, bodiless: bool, request_bytes: int) -> None:
        """Forget the last answer."""
        self._status = 0
        self._headers = []
        self._head_bytes = 0
        self._interim = 0
        self._framed = False
        self._finished = False
        self._extra = False
        self._unruly = False
        self._moved = False
        self._missed = False
        self._without_end = 0
        self._close_after = False
        self._bodiless = bodiless
        self._request_bytes = request_bytes

    def _settle(self, received: int) -> None:
        """Look at what the parser found in one read: an end, more of the body, or a head or trailer without end."""
        self._without_end = 0 if self._moved else self._without_end + received
        self._moved = False
        if self._unruly or self._interim > MAX_INTERIM:
            self._fail(Unreachable("protocol"))
        elif self._finished or (self._bodiless and self._status):
            self._finish()
        elif self._without_end > MAX_HEAD_BYTES:
            self._fail(StreamBroken() if self._status else Unreachable("protocol"))
        elif self._incoming is not None:
            self._incoming.wake()

    def _finish(self) -> None:
        """Give the answer its end, and the connection back where it can serve again."""
        incoming, self._incoming = self._incoming, None
        host, transport = self._host, self._transport
        unsent = (
            transport is None or transport.get_write_buffer_size() > 0
        )  # it answered before it had read the request
        if self._extra or self._close_after or self._closing or unsent or self._bodiless:
            self.abort()
        elif host is not None:
            host.release(self)
        if incoming is not None:
            incoming.finish()

    def _fail_in_protocol(self) -> None:
        """End an answer that broke HTTP: a whole one before it stands."""
        if self._finished:
            self._extra = True
            self._finish()
        else:
            self._fail(StreamBroken() if self._status else Unreachable("protocol"))

    def _fail(self, failure: ProviderFailure) -> None:
        incoming = self._incoming
        self.abort()
        if incoming is not None:
            incoming.fail(failure)

    def _how_lost(self) -> Exception:
        """Say what a connection that closed under an answer means."""
        if self._status:
            return StreamBroken()
        if self._without_end or self._interim:
            return Unreachable("closed")  # in the middle of its head
        return NotAccepted() if self._missed else Unreachable("closed")

    def _ended_in_order(self) -> bool:
        """Whether the peer said that this is the end: over TLS, that the connection ends may be an attacker's doing."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        if tls is None:
            return True
        try:
            return not tls.read(1)
        except ssl.SSLError as error:
            return isinstance(error, ssl.SSLZeroReturnError)

    def _nothing_accepted(self) -> bool:
        """
        Whether the peer had ended its bytes before it took any of the request.

        Only true of an end (FIN), which acknowledges all that came before it was sent; a reset acknowledges nothing.
        Only known where this runs on Linux, and only asked of a connection that has served before.
        """
        if self.served < 2:  # noqa: PLR2004
            return False
        unsent = unaccepted(self._transport)
        return unsent is not None and unsent >= self._request_bytes > 0


def unaccepted(transport: asyncio.Transport | None) -> int | None:
    """
    Return how many bytes were written that the peer's system has not acknowledged; None where nobody can tell.

    Bytes are acknowledged when they are in the buffer of a socket that its program may still read. A server that
    had closed an idle connection does not acknowledge what comes after: no program can have acted upon it.
    """
    if transport is None or sys.platform != "linux":
        return None
    try:
        info = transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)
        acked, _, _, _, unsent = struct.unpack_from("=QQIII", info, _BYTES_ACKED)
        sent, again = struct.unpack_from("=QQ", info, _BYTES_SENT)
    except (OSError, AttributeError, struct.error):
        return None
    return int(sent - again - max(0, acked - 1) + unsent) + transport.get_write_buffer_size()


# Offsets in Linux's `struct tcp_info`, include/uapi/linux/tcp.h; the first byte acknowledged is the handshake's.
_INFO_BYTES = 256
_BYTES_ACKED = 120
_BYTES_SENT = 200
