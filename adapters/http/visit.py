"""One HTTP request under way: what came, what was sent, and how it looks in the log."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from urllib.parse import quote

import attrs
from starlette.types import Message, Receive, Scope, Send

from adapters.http.errors import ErrorAnswer
from adapters.wire.jsontext import text_of
from domain.errors import BadKey
from domain.journey import Journey
from domain.keys import Caller
from domain.ports.clock import Clock

JSON = "application/json"
_PRINTABLE = "".join(map(chr, range(0x21, 0x7F))).replace("%", "")


@attrs.frozen
class Manners:
    """How answers are dressed, whatever they say: headers that are always sent, and those of authenticated answers."""

    security_headers: bool = True

    def headers(self, *, private: bool) -> list[tuple[bytes, bytes]]:
        """Return the fixed headers of an answer."""
        found = list(_SECURITY) if self.security_headers else []
        return found + _PRIVATE if private else found


_SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
]
_PRIVATE = [(b"cache-control", b"private, no-store"), (b"vary", b"Authorization")]


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

    def known_caller(self) -> Caller:
        """Return the caller; raises `BadKey` on a route that did not ask for a key."""
        if self.caller is None:
            raise BadKey(missing=True)
        return self.caller

    def header(self, name: str) -> str | None:
        """Return the first header of this lower-case name, as latin-1 text."""
        wanted = name.encode()
        return next((value.decode("latin-1") for key, value in self.scope["headers"] if key == wanted), None)

    def path_param(self, name: str) -> str:
        """Return a part of the path, "" where the route has no such part."""
        value = self.scope.get("path_params", {}).get(name, "")
        return str(value)

    async def answer(
        self, status: int, body: bytes, media_type: str = JSON, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send a whole answer."""
        length = ("content-length", str(len(body)))
        await self._begin(status, [("content-type", media_type), length, *(headers or {}).items()])
        await self._write(body if self.scope["method"] != "HEAD" else b"", more=False)

    async def refuse(self, answer: ErrorAnswer) -> None:
        """Send an error."""
        self.error = answer.code or answer.type
        await self.answer(answer.status, text_of(answer.body()), headers=answer.headers)

    async def begin_events(self) -> None:
        """Begin a stream of server-sent events."""
        self.stream = True
        await self._begin(200, [("content-type", "text/event-stream"), ("x-accel-buffering", "no")])

    async def write_events(self, events: bytes, *, more: bool = True) -> None:
        """Send events; returns when the caller's connection takes more."""
        await self._write(events, more=more)

    async def _begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.status = status
        said = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        named = {name for name, _ in said}
        for name, value in (*self._journey_headers(), *self.manners.headers(private=self.private)):
            if name not in named:
                said.append((name, value))
        await self._send({"type": "http.response.start", "status": status, "headers": said})

    async def _write(self, body: bytes, *, more: bool) -> None:
        message: Message = {"type": "http.response.body", "body": body, "more_body": more}
        self.complete = not more
        self.writing = True
        try:
            await self._send(message)
        finally:
            self.writing = False
        self.last_write = self.clock.monotonic()

    def _journey_headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers that tell of the request's way."""
        journey = self.journey
        took_ms = math.ceil((self.clock.monotonic() - self.started) * 1000)
        found = [(b"x-request-id", journey.request_id.encode()), (b"openai-processing-ms", b"%d" % took_ms)]
        if journey.attempts:
            found.append((b"x-gateway-provider", journey.provider.encode()))
            found.append((b"x-gateway-model", quote(journey.model, safe=_PRINTABLE).encode()))
            found.append((b"x-gateway-attempts", b"%d" % journey.attempts))
            found += [(name.encode(), value.encode()) for name, value in journey.relayed.items()]
        return found
