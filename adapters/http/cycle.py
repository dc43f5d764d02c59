"""One request and its answer on a connection, as the application sees them by ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import unquote

import attrs
from starlette.types import ASGIApp, Message, Scope

from adapters.http.errors import HttpRefusal, answer_of
from adapters.http.gate import Line
from adapters.http.heads import CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, Header, head_of
from adapters.wire.jsontext import text_of
from domain.errors import Unavailable

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = (CONNECTION, b"close")
CHUNKED = (TRANSFER_ENCODING, b"chunked")
LAST_CHUNK = b"0\r\n\r\n"
LARGE = 64 << 10
"""A body beyond this is written beside its head: to join them would copy it."""
BODILESS = frozenset({204, 304})

_DISCONNECT: Message = {"type": "http.disconnect"}


class Flow(Protocol):
    """Whether the connection takes more, and whether more is read from it."""

    write_paused: bool

    async def drain(self) -> None:
        """Wait until it takes more."""
        ...

    def pause_reading(self) -> None:
        """Read no more for now."""
        ...

    def resume_reading(self) -> None:
        """Go on reading."""
        ...


def request_scope(
    connection: Mapping[str, Any], line: Line, path: bytes, query: bytes, headers: Sequence[Header]
) -> dict[str, Any]:
    """Return the scope of a request, of which `connection` has what is the same for all of a connection."""
    root: str = connection["root_path"]
    text = path.decode("ascii")
    return {
        **connection,
        "http_version": "1.1" if line.minor else "1.0",
        "method": line.method,
        "path": root + (unquote(text) if "%" in text else text),
        "raw_path": root.encode("ascii") + path if root else path,
        "query_string": query,
        "headers": headers,
        "state": connection["state"].copy(),
    }


@attrs.define(eq=False)
class Cycle:
    """
    A request whose body may still be under way, and its answer.

    The connection puts in what comes, by `put`, `end_body`, `spoil` and `lose`; the application takes it by `receive`
    and answers by `send`; `answered` is called when the answer is complete. An answer that begins before the request
    is all there is the connection's last: what is left of the body cannot be told from another request by someone
    who has stopped reading.
    """

    scope: Scope
    transport: asyncio.Transport
    flow: Flow
    answered: Callable[[], None]
    unexpected: Callable[[str, BaseException | None], None]
    keep_alive: bool
    expects_continue: bool = False
    held_bytes: int = LARGE
    response_complete: bool = False
    disconnected: bool = False
    body_complete: bool = False
    _told_all: bool = False
    _parts: list[bytes] = attrs.field(factory=list)
    _size: int = 0
    _spoiled: HttpRefusal | None = None
    _news: asyncio.Event | None = None
    _start: Message | None = None
    """The beginning of the answer, until something follows it."""
    _begun: bool = False
    _chunked: bool = False
    _left: int | None = None
    """Bytes of the answer's announced length that have yet to be sent."""

    # What the connection puts in

    def put(self, part: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > self.held_bytes:
            self.flow.pause_reading()
        self._wake()

    def end_body(self) -> None:
        """The body is all there."""
        self.body_complete = True
        self._wake()

    def spoil(self, refusal: HttpRefusal) -> None:
        """The rest of the body cannot be read: whoever asks for it learns why."""
        self._spoiled = refusal
        self._wake()

    def lose(self) -> None:
        """The connection is gone."""
        self.disconnected = True
        self._wake()

    def _wake(self) -> None:
        if self._news is not None:
            self._news.set()

    # ASGI

    async def run_asgi(self, app: ASGIApp) -> None:
        """Have the application answer; see to it that something is answered whatever it does."""
        try:
            await app(self.scope, self.receive, self.send)
        except HttpRefusal as refusal:
            self._end_badly(refusal)
        except asyncio.CancelledError:
            self._end_badly(Unavailable("The gateway is shutting down."))
        except Exception as error:  # noqa: BLE001 - the outermost handler
            self.unexpected("Exception in ASGI application", error)
            self._end_badly(error)
        else:
            if not self.response_complete and not self.disconnected:
                self.unexpected("ASGI callable returned without completing response.", None)
                self._end_badly(RuntimeError())

    async def receive(self) -> Message:
        """Return what comes next; raises `HttpRefusal` where the rest of the body is none."""
        if self.expects_continue:
            self.expects_continue = False
            if not (self._begun or self._parts or self.body_complete or self.disconnected):
                self.transport.write(CONTINUE)
        while True:
            if self.disconnected or self.response_complete:
                return _DISCONNECT
            if self._parts or (self.body_complete and not self._told_all):
                return self._take()
            if self._spoiled is not None:
                raise self._spoiled
            if self._news is None:
                self._news = asyncio.Event()
            self._news.clear()
            await self._news.wait()

    def _take(self) -> Message:
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        self._size = 0
        self.flow.resume_reading()
        self._told_all = self.body_complete
        return {"type": "http.request", "body": body, "more_body": not self.body_complete}

    async def send(self, message: Message) -> None:
        """Send a part of the answer; returns when the connection takes more. Without a connection it does nothing."""
        while self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected or self.transport.is_closing():
            return
        self._check_turn(message["type"])
        if message["type"] == "http.response.start":
            self._begun, self._start = True, message
        else:
            self._write(message.get("body", b""), more=message.get("more_body", False))

    def _check_turn(self, kind: str) -> None:
        due = "http.response.body" if self._begun else "http.response.start"
        if kind != due or self.response_complete:
            raise RuntimeError(f"{kind!r} was sent out of turn.")

    def _write(self, body: bytes, *, more: bool) -> None:
        if self._start is not None:
            head, self._start = self._head(self._start), None
        else:
            head = b""
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._chunked:
            framed = (b"%x\r\n" % len(body), body, b"\r\n") if body else ()
            body = b"".join((*framed, b"" if more else LAST_CHUNK))
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("The answer's length is not what its head says.")
        self._put_out(head, body)
        if not more:
            self._complete()

    def _put_out(self, head: bytes, body: bytes) -> None:
        if head and body and len(body) <= LARGE:
            self.transport.write(head + body)
            return
        for part in (head, body):
            if part:
                self.transport.write(part)

    def _head(self, start: Message) -> bytes:
        headers: list[Header] = list(start["headers"])
        status: int = start["status"]
        self.keep_alive = self.keep_alive and self.body_complete
        framed = status in BODILESS or self.scope["method"] == "HEAD"
        self._chunked, self._left = False, 0 if status in BODILESS else None
        for name, value in headers:
            if name == CONTENT_LENGTH:
                framed, self._left = True, int(value)
            elif name == TRANSFER_ENCODING:
                framed = self._chunked = True
            elif name == CONNECTION and b"close" in value.lower():
                self.keep_alive = False
        if not framed and self.scope["http_version"] == "1.1":
            headers.append(CHUNKED)
            self._chunked = True
        if not self.keep_alive and CLOSE not in headers:
            headers.append(CLOSE)
        return head_of(status, headers)

    def _complete(self) -> None:
        self.response_complete = True
        self._wake()
        self.answered()

    def _end_badly(self, error: BaseException) -> None:
        """Answer instead of the application, or cut the answer off so that nobody takes it for whole."""
        if self.disconnected or self.response_complete or self.transport.is_closing():
            return
        if self._begun and self._start is None:
            self.transport.abort()
            return
        self.keep_alive = False
        answer = answer_of(error)
        body = text_of(answer.body())
        headers: dict[str, Any] = {"content-type": "application/json", "content-length": str(len(body))}
        said = [(name.encode(), value.encode()) for name, value in {**headers, **answer.headers}.items()]
        self._begun, self._start = True, {"status": answer.status, "headers": said}
        self._write(body, more=False)
