"""One HTTP request under way: what came, what was sent, and how it looks in the log."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

import attrs
from starlette.types import Message, Receive, Scope, Send

from adapters.http.contact import Contact, contact_of
from adapters.http.errors import ErrorAnswer
from adapters.http.heads import headers_of, lines_of
from adapters.wire.jsontext import text_of
from domain.errors import BadKey
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.clock import Clock

JSON = "application/json"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


_SECURITY = lines_of(
    [
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"no-referrer"),
    ]
)
_PRIVATE = lines_of([(b"cache-control", b"private, no-store"), (b"vary", b"Authorization")])


@attrs.frozen
class Manners:
    """
    How answers are dressed, whatever they say.

    The lines of the headers that are always sent, and of those that an answer has to which a key was needed.
    """

    security_headers: bool = True
    of_open: bytes = attrs.field(init=False)
    of_private: bytes = attrs.field(init=False)

    @of_open.default
    def _lines_of_open_answers(self) -> bytes:
        return _SECURITY if self.security_headers else b""

    @of_private.default
    def _lines_of_private_answers(self) -> bytes:
        return self.of_open + _PRIVATE


@attrs.define
class Visit:
    """
    A request, its answer, and its journey through the gateway.

    `status` is 0 until an answer has begun; `route` is the template of the matched route, "" where none matched.
    """

    scope: Scope
    receive: Receive
    _send: Send
    journey: Journey
    clock: Clock
    manners: Manners
    started: float
    route: str = ""
    private: bool = True
    caller: Caller | None = None
    status: int = 0
    stream: bool = False
    error: str = ""
    last_write: float = 0.0
    complete: bool = False
    writing: bool = False
    """Something is being sent: the caller's connection may take its time."""
    contact: Contact | None = attrs.field(init=False)
    _fields: Mapping[bytes, bytes] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Find the caller's contact, and the headers by name, of which the first counts."""
        contact = self.contact = contact_of(self.scope)
        self._fields = dict(reversed(list(self.scope["headers"]))) if contact is None else contact.fields

    def known_caller(self) -> Caller:
        """Return the caller; raises `BadKey` on a route that did not ask for a key."""
        if self.caller is None:
            raise BadKey(missing=True)
        return self.caller

    def header(self, name: str) -> str | None:
        """Return the first header of this lower-case name, as latin-1 text."""
        value = self._fields.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def whole_body(self) -> bytes | None:
        """Return the body, where all of it is there already; otherwise it has to be received."""
        return None if self.contact is None else self.contact.whole_body()

    def path_param(self, name: str) -> str:
        """Return a part of the path, "" where the route has no such part."""
        value = self.scope.get("path_params", {}).get(name, "")
        return str(value)

    async def answer(
        self, status: int, body: bytes, media_type: str = JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer."""
        self.status = status
        lines = self._lines(media_type, headers)
        close = headers is not None and headers.get("connection") == "close"
        if self.contact is not None and self.contact.answer(status, lines, body, close=close):
            self.complete = True
            return
        said = [*headers_of(lines), (b"content-length", b"%d" % len(body))]
        await self._send({"type": "http.response.start", "status": status, "headers": said})
        await self._write(body if self.scope["method"] != "HEAD" else b"", more=False)

    async def refuse(self, answer: ErrorAnswer) -> None:
        """Send an error."""
        self.error = answer.code or answer.type
        await self.answer(answer.status, text_of(answer.body()), headers=answer.headers)

    async def begin_events(self) -> None:
        """Begin a stream of server-sent events."""
        self.stream, self.status = True, 200
        said = headers_of(self._lines("text/event-stream", {"x-accel-buffering": "no"}))
        await self._send({"type": "http.response.start", "status": 200, "headers": said})

    async def write_events(self, events: bytes, *, more: bool = True) -> None:
        """Send events; returns when the caller's connection takes more."""
        if self.contact is not None and self.contact.push(events, more=more):
            self.complete = not more
            self.last_write = self.clock.monotonic()
        else:
            await self._write(events, more=more)

    def interject(self, part: bytes) -> None:
        """Send a part in between, where the caller's connection takes it at once; only with a contact."""
        if self.contact is not None and self.contact.push(part, more=True):
            self.last_write = self.clock.monotonic()

    async def _write(self, body: bytes, *, more: bool) -> None:
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        self.complete = not more
        self.writing = True
        try:
            await self._send(message)
        finally:
            self.writing = False
        self.last_write = self.clock.monotonic()

    def _lines(self, media_type: str, headers: Mapping[str, str] | None) -> bytes:
        """Return the lines of an answer's headers; of the same name, the given ones are sent."""
        journey = self.journey
        lines = b"\r\ncontent-type: %b\r\nx-request-id: %b\r\nopenai-processing-ms: %d%b" % (
            media_type.encode("latin-1"),
            journey.request_id.encode(),  # which the edge has looked at, or made
            math.ceil((self.clock.monotonic() - self.started) * 1000),
            self.manners.of_private if self.private else self.manners.of_open,
        )
        if journey.attempts:
            lines += b"%b\r\nx-gateway-attempts: %d" % (
                _lines_of_target(journey.provider, journey.model),
                journey.attempts,
            )
            if journey.relayed:
                lines += lines_of([(name.encode(), value.encode()) for name, value in journey.relayed.items()])
        if headers:
            given = {name.lower().encode("latin-1"): value.encode("latin-1") for name, value in headers.items()}
            lines = lines_of([header for header in headers_of(lines) if header[0] not in given] + list(given.items()))
        return lines


@lru_cache(maxsize=1024)
def _lines_of_target(provider: str, model: str) -> bytes:
    """Return the lines that tell who was asked."""
    name = quote(model, safe=_PRINTABLE).encode()
    return lines_of([(b"x-gateway-provider", provider.encode()), (b"x-gateway-model", name)])
