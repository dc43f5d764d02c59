"""One request and its answer on a connection, as the application sees them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Scope

from adapters.http.connection import Connection
from adapters.http.errors import HttpRefusal, answer_of
from adapters.http.heads import STATUS_LINES, Header, head_of
from adapters.wire.jsontext import text_of
from domain.errors import Unavailable

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = (b"transfer-encoding", b"chunked")
CLOSE = (b"connection", b"close")
END_AND_CLOSE = b"\r\nconnection: close\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"
LARGE = 64 << 10
"""A body beyond this is written beside its head: to join them would copy it."""
BODILESS = frozenset({204, 304})


class Cycle:
    """
    A request whose body may still be under way, and its answer.

    The connection puts in what comes, by `put`, `end_body`, `spoil` and `lose`. The application takes it and answers
    by ASGI, or on the shorter ways of a `Contact`. An answer that begins before the request is all there is the
    connection's last: what is left of the body cannot be told from another request by someone who has stopped reading.
    """

    response_complete = False
    disconnected = False
    body_complete = False
    due_s = math.inf
    """How soon something is due, where nothing else happens before."""
    task: asyncio.Task[None] | None = None
    _told_all = False
    _size = 0
    _spoiled: HttpRefusal | None = None
    _news: asyncio.Event | None = None
    _on_gone: Callable[[], None] | None = None
    _on_due: Callable[[], float] | None = None
    _begun = False
    _start: Message | None = None
    """The beginning of the answer, until something follows it."""
    _chunked = False
    _left: int | None = None
    """Bytes of the answer's announced length that have yet to be sent."""

    def __init__(
        self,
        connection: Connection,
        scope: Scope,
        fields: Mapping[bytes, bytes],
        *,
        keep_alive: bool,
        expects_continue: bool = False,
    ) -> None:
        self.scope = scope
        self.fields = fields
        self.keep_alive = keep_alive
        self._connection = connection
        self._transport = connection.transport
        self._flow = connection.flow
        self._held_bytes = connection.held_bytes
        self._expects_continue = expects_continue
        self._parts: list[bytes] = []

    # What the connection puts in

    def put(self, part: bytes) -> None:
        """Take a part of the body."""
        self._parts.append(part)
        self._size += len(part)
        if self._size > self._held_bytes:
            self._flow.pause_reading()
        if self._news is not None:
            self._news.set()

    def end_body(self) -> None:
        """The body is all there."""
        self.body_complete = True
        if self._news is not None:
            self._news.set()

    def spoil(self, refusal: HttpRefusal) -> None:
        """The rest of the body cannot be read: whoever asks for it learns why."""
        self._spoiled = refusal
        if self._news is not None:
            self._news.set()

    def lose(self) -> None:
        """The caller has hung up."""
        self.disconnected = True
        if self._news is not None:
            self._news.set()
        if self._on_gone is not None and not self.response_complete:
            self._on_gone()

    def fall_due(self) -> None:
        """The time has come to do what was due."""
        if self._on_due is not None:
            self.due_s = self._on_due()

    # ASGI

    async def run(self, app: ASGIApp, tasks: set[asyncio.Task[None]]) -> None:
        """Have the application answer; see to it that something is answered whatever it does."""
        try:
            await app(self.scope, self.receive, self.send)
        except HttpRefusal as refusal:
            self._end_badly(refusal)
        except asyncio.CancelledError:
            self._end_badly(Unavailable("The gateway is shutting down."))
        except Exception as error:  # noqa: BLE001 - the outermost handler
            self._connection.tell_unexpected("Exception in ASGI application", error)
            self._end_badly(error)
        else:
            if not self.response_complete and not self.disconnected:
                self._connection.tell_unexpected("ASGI callable returned without completing response.", None)
                self._end_badly(RuntimeError())
        finally:
            if self.task is not None:
                tasks.discard(self.task)
            # What holds itself is only found by the garbage collector, which costs more than half of a request.
            self.scope.pop("extensions", None)

    async def receive(self) -> Message:
        """Return what comes next; raises `HttpRefusal` where the rest of the body is none."""
        if self._expects_continue:
            self._expects_continue = False
            if not (self._begun or self._parts or self.body_complete or self.disconnected):
                self._transport.write(CONTINUE)
        while True:
            if self.disconnected or self.response_complete:
                return {"type": "http.disconnect"}
            if self._parts or (self.body_complete and not self._told_all):
                return {"type": "http.request", "body": self._taken(), "more_body": not self.body_complete}
            if self._spoiled is not None:
                raise self._spoiled
            if self._news is None:
                self._news = asyncio.Event()
            self._news.clear()
            await self._news.wait()

    def _taken(self) -> bytes:
        parts = self._parts
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        parts.clear()
        if self._size > self._held_bytes:
            self._flow.resume_reading()
        self._size = 0
        self._told_all = self.body_complete
        return body

    async def send(self, message: Message) -> None:
        """Send a part of the answer; returns when the connection takes more. Without a connection it does nothing."""
        while self._flow.write_paused and not self.disconnected:
            await self._flow.drain()
        if self.disconnected:
            return
        kind = message["type"]
        if kind == "http.response.body" and self._begun and not self.response_complete:
            self._write(message.get("body", b""), more=message.get("more_body", False))
        elif kind == "http.response.start" and not self._begun:
            self._begun, self._start = True, message
        else:
            raise RuntimeError(f"{kind!r} was sent out of turn.")

    # Contact

    def whole_body(self) -> bytes | None:
        """Take the body, where all of it is there."""
        return self._taken() if self.body_complete and not self._told_all and not self.disconnected else None

    def answer(self, status: int, lines: bytes, body: bytes, *, close: bool = False) -> bool:
        """Send a whole answer."""
        if self.disconnected:
            return True
        if self._flow.write_paused or self._begun:
            return False
        self._begun = True
        self.keep_alive = keep_alive = self.keep_alive and self.body_complete and not close
        end = b"\r\n\r\n" if keep_alive else END_AND_CLOSE
        head = b"%b%b\r\ncontent-length: %d%b" % (STATUS_LINES[status], lines, len(body), end)
        self._put_out(head, b"" if self.scope["method"] == "HEAD" else body)
        self._complete()
        return True

    def push(self, part: bytes, *, more: bool) -> bool:
        """Send a part of the answer."""
        if not self.disconnected:
            if self._flow.write_paused or not self._begun or self.response_complete:
                return False
            self._write(part, more=more)
        return True

    def when_gone(self, act: Callable[[], None] | None) -> None:
        """Call this when the caller hangs up."""
        self._on_gone = act
        if act is not None and self.disconnected:
            act()

    def when_due(self, seconds: float, act: Callable[[], float] | None) -> None:
        """Call this after so long."""
        self._on_due = act
        self.due_s = seconds if act is not None else math.inf
        self._connection.await_due()

    # What goes out

    def _write(self, body: bytes, *, more: bool) -> None:
        head = b""
        if self._start is not None:
            head = self._head(self._start)
            self._start = None
        if self.scope["method"] == "HEAD":
            body = b""
        elif self._chunked:
            end = b"" if more else LAST_CHUNK
            body = b"%x\r\n%b\r\n%b" % (len(body), body, end) if body else end
        elif self._left is not None:
            self._left -= len(body)
            if self._left < 0 or (self._left and not more):
                raise RuntimeError("The answer's length is not what its head says.")
        self._put_out(head, body)
        if not more:
            self._complete()

    def _put_out(self, head: bytes, body: bytes) -> None:
        if len(body) <= LARGE:
            self._transport.write(head + body)
        else:
            self._transport.write(head)
            self._transport.write(body)

    def _head(self, start: Message) -> bytes:
        headers: list[Header] = list(start["headers"])
        status: int = start["status"]
        framed = status in BODILESS or self.scope["method"] == "HEAD"
        self._chunked, self._left = False, 0 if status in BODILESS else None
        for name, value in headers:
            if name == b"content-length":
                framed, self._left = True, int(value)
            elif name == b"transfer-encoding":
                framed = self._chunked = True
            elif name == b"connection" and b"close" in value.lower():
                self.keep_alive = False
        if not framed and self.scope["http_version"] == "1.1":
            headers.append(CHUNKED)
            self._chunked = True
        self.keep_alive = self.keep_alive and self.body_complete
        if not self.keep_alive and CLOSE not in headers:
            headers.append(CLOSE)
        return head_of(status, headers)

    def _complete(self) -> None:
        self.response_complete = True
        if self._news is not None:
            self._news.set()
        self._connection.answered()

    def _end_badly(self, error: BaseException) -> None:
        """Answer instead of the application, or cut the answer off so that nobody takes it for whole."""
        if self.disconnected or self.response_complete:
            return
        if self._begun and self._start is None:
            self._transport.abort()
            return
        self.keep_alive = False
        answer = answer_of(error)
        body = text_of(answer.body())
        headers: dict[str, Any] = {"content-type": "application/json", "content-length": str(len(body))}
        said = [(name.encode(), value.encode()) for name, value in {**headers, **answer.headers}.items()]
        self._begun, self._start = True, {"status": answer.status, "headers": said}
        self._write(body, more=False)
