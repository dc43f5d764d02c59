"""
A connection: requests in, answers out, within bounds, and nothing on it that could be understood in two ways.

It is one state machine, and therefore one file, if a long one.
"""

from __future__ import annotations

import asyncio
import enum
import math
from typing import Any

from typing_extensions import override
from uvicorn.config import Config
from uvicorn.server import ServerState

from adapters.http import gate
from adapters.http.chunked import ChunkedEnd
from adapters.http.contact import CONTACT
from adapters.http.cycle import Cycle
from adapters.http.errors import HttpRefusal
from adapters.http.parsing import Parsing
from adapters.http.scopes import Scopes
from adapters.http.wire import Leave, Wire, wire_of
from domain.errors import Unavailable


class Phase(enum.Enum):
    """What a connection waits for."""

    SILENT = "its first byte"
    IDLE = "another request"
    HEAD = "the rest of a head"
    BODY = "the rest of a body"
    ANSWER = "the rest of an answer"
    SPOILED = "the rest of an answer, after which nothing that came can be read"
    LINGER = "its peer to have read the last answer"
    CLOSING = "its last bytes to be taken"


SILENT, IDLE, HEAD, BODY, ANSWER, SPOILED, LINGER, CLOSING = Phase  # as names of the module they are found sooner
ANSWERING = frozenset({BODY, ANSWER, SPOILED})


class Protocol(Parsing):
    """
    uvicorn's protocol with another way in: requests are shown to its parser one by one, and checked before.

    - A head is kept until it is whole; then it passes the gate, and then the parser reads it. Where a body ends is
      found out before the parser is shown it: no byte of one request is taken for another.
    - What comes while a request is being answered waits; of that there is at most so much, then reading pauses.
    - Whatever is refused gets a typed error, and is the connection's last.
    - The sweeper keeps the deadline of each phase.
    - Who half-closes the connection has hung up.
    """

    deadline = math.inf
    _leave: Leave | None = None
    _phase = SILENT
    _since = 0.0
    """When the head began to come of which not all is there."""
    _method = "OTHER"
    _held = b""
    """A part of a head, or what came before its turn."""
    _left = 0
    """Bytes of the body that have yet to come, where that is known."""
    _chunked: ChunkedEnd | None = None
    _drained = 0
    _unsent = 0

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.wire: Wire = wire_of(app_state)
        self.held_bytes = self.wire.limits.held_bytes

    # The connection

    @override
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: wait for the first byte, or say that there are too many connections."""
        super().connection_made(transport)
        same = {"server": self.server, "client": self.client, "scheme": self.scheme, "root_path": self.root_path}
        self._scopes = Scopes(same, self.app_state)
        limits = self.wire.limits
        if leave := self.wire.admit(self.client[0] if self.client else ""):
            self._leave = leave
            self._wait(limits.silent_s)
            self.wire.sweeper.add(self)
        elif leave := self.wire.turn_away():
            self._leave = leave
            self._refuse(Unavailable("There are too many connections."), limits.turned_away_s)
            self.wire.sweeper.add(self)
        else:
            transport.abort()

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        """End: the application learns of it, where it is still answering."""
        self.connections.discard(self)
        self.wire.sweeper.discard(self)
        if self._leave is not None:
            self._leave()
        if self.cycle is not None:
            self.cycle.lose()
        self.flow.resume_writing()
        self.cycle = None
        self.parser = None  # type: ignore[assignment]  # each holds the other

    @override
    def eof_received(self) -> None:
        """The peer sends no more: it has hung up. It may still take what is already on its way."""
        if self.cycle is not None:
            self.cycle.lose()
        self._close()

    @override
    def shutdown(self) -> None:
        """The server ends: so does the connection, after the answer that is under way."""
        if self.cycle is None:
            self._close()
        else:
            self.cycle.keep_alive = False

    @override
    def data_received(self, data: bytes) -> None:
        """Take what came, as the phase wants it."""
        phase = self._phase
        if phase is IDLE or phase is SILENT:
            self._read(data)
        elif phase is BODY:
            self._read_body(data)
        elif phase is HEAD:
            self._read(self._held + data, len(self._held))
        elif phase is ANSWER:
            self._hold(data)
        else:
            self._drain(data)

    @override
    def pause_writing(self) -> None:
        """The peer reads more slowly than the application writes: it has to read on, or is given up."""
        super().pause_writing()
        if self._phase in ANSWERING:
            self._unsent = self.transport.get_write_buffer_size()
            self._wait(self.wire.limits.write_idle_s)

    @override
    def resume_writing(self) -> None:
        """The peer has caught up."""
        super().resume_writing()
        self.await_due()

    # Deadlines

    def expire(self) -> None:
        """What was waited for has not come."""
        limits = self.wire.limits
        if self._phase is HEAD:
            message = f"The head of the request did not come within {limits.head_s:g} s. Send it whole."
            self._refuse(HttpRefusal(408, message, "request_timeout"))
        elif self._phase in {SILENT, IDLE, LINGER}:
            self._close()
        elif self.cycle is not None and not self.flow.write_paused and self._phase in ANSWERING:
            self.cycle.fall_due()
            self.await_due()
        else:
            before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
            if self._unsent >= before:
                self._give_up()
            else:
                self._wait(limits.write_idle_s)

    def _give_up(self) -> None:
        if self.cycle is not None:
            self.cycle.lose()
        self.transport.abort()

    def await_due(self) -> None:
        """Wait for what is due while a request is answered; a peer who does not read has a deadline before it."""
        if self.cycle is not None and not self.flow.write_paused and self._phase in ANSWERING:
            if self.cycle.due_s < math.inf:
                self._wait(self.cycle.due_s)
            else:
                self.deadline = math.inf

    def _wait(self, seconds: float) -> None:
        self.deadline = deadline = self.loop.time() + seconds
        if deadline < self.wire.sweeper.next:
            self.wire.sweeper.heed(deadline)

    # Requests

    def _read(self, data: bytes, seen: int = 0) -> None:
        """Read what begins with a head, of which so many bytes were seen before."""
        if data.startswith(b"\r"):
            skipped = gate.skip_empty_lines(data)
            data, seen = data[skipped:], max(0, seen - skipped)
        end = data.find(gate.END, max(0, seen - 3)) + len(gate.END)
        try:
            if end < len(gate.END):
                self._await_head(data, seen)
                return
            length = self._read_head(data, end)
        except HttpRefusal as refusal:
            self._refuse(refusal)
            return
        if length == 0:
            self._end_request(data[end:])
        else:
            self._phase = BODY
            self._left, self._chunked = length, ChunkedEnd() if length == gate.CHUNKED else None
            if end < len(data):
                self._read_body(data[end:])

    def _await_head(self, data: bytes, seen: int) -> None:
        gate.check_part(data, seen, self.wire.limits)
        self._held = data
        if data and self._phase is not HEAD:
            self._phase = HEAD
            self._since = self.loop.time()
            self._wait(self.wire.limits.head_s)

    def _read_head(self, data: bytes, end: int) -> int:
        """Read a whole head, start answering, and return the body's length."""
        limits = self.wire.limits
        if end > limits.head_bytes:
            raise gate.too_large(limits)
        self._held, self._method = b"", "OTHER"
        method, target, minor = gate.read_line(data)
        self._method = method
        head = gate.without_upgrade(data if end == len(data) else data[:end])
        self._parse_head(head)
        if len(self.headers) > limits.head_fields:
            raise gate.too_large(limits)
        fields = dict(reversed(self.headers))  # the first of a name counts
        length = gate.body_length(minor, self.headers, fields, head)
        path, query = gate.path_and_query(method, target, fields)
        self._confirm(whole=length == 0)
        scope = self._scopes.of(method, path, query, minor, self.headers)
        waits = b"expect" in fields and minor == 1 and fields[b"expect"].lower() == b"100-continue"
        persistent = minor == 1 and self._persistent
        self._start(Cycle(self, scope, fields, keep_alive=persistent, expects_continue=waits))
        return length

    def _start(self, cycle: Cycle) -> None:
        self.deadline = math.inf
        self.cycle = cycle
        cycle.scope["extensions"] = {CONTACT: cycle}
        cycle.task = self.loop.create_task(cycle.run(self.app, self.tasks))
        self.tasks.add(cycle.task)

    def _read_body(self, data: bytes) -> None:
        try:
            if self._chunked is not None:
                taken = self._chunked.seek(data)
                over = self._chunked.found
            else:
                taken = min(self._left, len(data))
                self._left -= taken
                over = self._left == 0
            self._parse_body(data[:taken])
            self._confirm(whole=over)
        except HttpRefusal as refusal:
            self._phase = SPOILED
            assert self.cycle is not None  # noqa: S101 - there is one in this phase
            self.cycle.spoil(refusal)
            return
        if over:
            self._end_request(data[taken:])

    def _end_request(self, rest: bytes) -> None:
        assert self.cycle is not None  # noqa: S101 - it was made when the head was read
        self._phase = ANSWER
        self.cycle.end_body()
        if rest:
            self._hold(rest)

    def _hold(self, data: bytes) -> None:
        """Keep what comes before its turn."""
        self._held += data
        if len(self._held) > self.held_bytes:
            self.flow.pause_reading()

    def answered(self) -> None:
        """After an answer: another request, or the end."""
        self.server_state.total_requests += 1
        assert self.cycle is not None  # noqa: S101 - it has just answered
        goes_on = self.cycle.keep_alive
        whole = self._phase is ANSWER and not self._held
        self.cycle = None
        if self.transport.is_closing():
            return
        if goes_on:
            self._phase = IDLE
            self._wait(self.wire.limits.idle_s)
            held, self._held = self._held, b""
            self.flow.resume_reading()
            if held:
                self._read(held)
        elif whole:
            self._close()
        else:
            self._linger(self.wire.limits.linger_s)

    # The end

    def _refuse(self, refusal: Exception, linger_s: float | None = None) -> None:
        took_s = self.loop.time() - self._since if self._phase is HEAD else 0.0
        self.transport.write(self.wire.refusal(refusal, self._method, took_s))
        self._linger(self.wire.limits.linger_s if linger_s is None else linger_s)

    def _linger(self, seconds: float) -> None:
        """
        Say that nothing more will be sent, and read into nothing.

        To close a connection while its peer is still sending resets it, and the peer may lose the last answer.
        """
        self._phase, self._held = LINGER, b""
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self._wait(seconds)
        else:
            self._close()

    def _drain(self, data: bytes) -> None:
        self._drained += len(data)
        if self._drained > self.wire.limits.linger_bytes:
            self.transport.abort()

    def _close(self) -> None:
        self._phase = CLOSING
        self._unsent = self.transport.get_write_buffer_size()
        self.transport.close()
        self._wait(self.wire.limits.write_idle_s)

    def tell_unexpected(self, event: str, error: BaseException | None) -> None:
        """Log a fault of the application."""
        self.logger.error(event, exc_info=error)
