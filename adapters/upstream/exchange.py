"""One request to an upstream and its answer, under the deadlines of the call."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self

from adapters.sweeper import Sweeper
from adapters.wire.openai.errors import without
from domain.errors import Malformed, StreamBroken, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call

MAX_BODY_BYTES = 32 << 20
MAX_BUFFERED_BYTES = 256 << 10
"""What is kept of an answer that nobody reads; then the upstream has to wait."""

LEAVE_S = 0.5
"""How long an answer that is complete may take to end its framing."""

_Phase = Literal["first_byte", "idle", "total"]


class Line(Protocol):
    """The connection that an answer comes by."""

    def abort(self) -> None:
        """Close at once."""
        ...

    def pause(self) -> None:
        """Read no more for now."""
        ...

    def resume(self) -> None:
        """Read on."""
        ...


class Incoming:
    """
    An answer under way: the connection fills it, whoever asked reads it.

    `status` is 0 until the head is there. The body is read in blocks as the network gives them. Each wait is under
    the deadlines of `call`. Whoever has it closes it, on every path: `with incoming: …`; after a whole answer that
    changes nothing, before that it ends the request. Where an `UpstreamError` raised inside quotes `secret`, the
    credential that was sent, it leaves without it.
    """

    __slots__ = (
        "_blocks",
        "_buffered",
        "_done",
        "_ends",
        "_failure",
        "_left",
        "_line",
        "_loop",
        "_paused",
        "_phase",
        "_sweeper",
        "_waiter",
        "call",
        "deadline",
        "pairs",
        "secret",
        "status",
    )

    def __init__(self, call: Call, loop: asyncio.AbstractEventLoop, sweeper: Sweeper, begun: float) -> None:
        self.call = call
        self.status = 0
        self.pairs: Sequence[tuple[bytes, bytes]] = ()
        """The headers of the answer in their order, names in lower case."""
        self.secret = ""
        self.deadline = 0.0
        self._loop = loop
        self._sweeper = sweeper
        self._ends = begun + call.total_s
        self._phase: _Phase = "first_byte"
        self._line: Line | None = None
        self._blocks: list[bytes] = []
        self._buffered = 0
        self._paused = False
        self._left = False
        self._done = False
        self._failure: Exception | None = None
        self._waiter: asyncio.Future[None] | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers by lower-case name; where one stands twice, the first counts."""
        return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(self.pairs)}

    def __enter__(self) -> Self:
        """Use it and close it."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close it; an error that quotes our credential is raised without it."""
        self.close()
        if error is not None and self.tells(error) is not error:
            raise self.tells(error) from error.__cause__

    def close(self) -> None:
        """End the request where its answer is not whole; may be called twice."""
        line = self._line
        if line is not None:
            self._blocks.clear()
            self.fail(StreamBroken())
            line.abort()

    def leave(self) -> None:
        """
        Read no more of an answer that said that it is complete.

        Its last bytes, which only frame it, often come a moment later: the connection gets that moment, so that it can
        serve again.
        """
        if self._line is not None:
            self._left = True
            self._blocks.clear()
            self._buffered = 0
            self._resume()
            self.deadline = self._loop.time() + LEAVE_S
            self._sweeper.add(self)

    def tells(self, error: BaseException) -> BaseException:
        """Return an error as it may be told: the upstream's without our credential."""
        return without(self.secret, error) if self.secret and isinstance(error, UpstreamError) else error

    def restart(self, call: Call, begun: float) -> None:
        """Take over another call's deadlines, counted from `begun` on the loop's clock."""
        self.call = call
        self._ends = begun + call.total_s

    # --- for whoever asked

    async def opened(self) -> None:
        """Wait for the head; raises `Unreachable`, `UpstreamTimeout`, or `NotAccepted` of the connection."""
        until = self._loop.time() + self.call.first_byte_s
        while not self.status:
            if self._failure is not None:
                raise self._failure
            await self._wait("first_byte", until)

    async def next_block(self) -> bytes:
        """Return the next part of the body, b"" at its end; raises `StreamBroken`, `UpstreamTimeout`."""
        blocks = self._blocks
        if blocks and self._line is not None and self._loop.time() >= self._ends:
            self.close()  # a reader who is so slow that it never has to wait is told, too
            raise UpstreamTimeout("total", self.call.total_s)
        while not blocks:
            if self._failure is not None:
                raise self._failure
            if self._done:
                return b""
            await self._wait("idle", self._loop.time() + self.call.idle_s)
        found = blocks[0] if len(blocks) == 1 else b"".join(blocks)
        blocks.clear()
        self._buffered = 0
        if self._paused:
            self._resume()
        return found

    async def read(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """Read the whole body; more than `limit` bytes raise `Malformed`."""
        found: list[bytes] = []
        size = 0
        while block := await self.next_block():
            size += len(block)
            if size > limit:
                raise Malformed("more bytes than an answer may have")
            found.append(block)
        return found[0] if len(found) == 1 else b"".join(found)

    # --- for the connection

    def connected(self, line: Line) -> None:
        """Take the connection that the answer will come by."""
        self._line = line

    def head(self, status: int, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        """Take the head."""
        self.status = status
        self.pairs = pairs

    def body(self, block: bytes) -> None:
        """Take a part of the body; more than anyone reads makes the connection pause."""
        self._buffered += len(block)
        if not self._left:
            self._blocks.append(block)
        elif self._buffered > MAX_BUFFERED_BYTES:
            self.expire()
        if self._buffered > MAX_BUFFERED_BYTES and not self._paused and self._line is not None:
            self._paused = True
            self._line.pause()

    def finish(self) -> None:
        """Take note that the answer is whole; its connection is another's from here on, and reads on for that."""
        self._done = True
        if self._paused:
            self._resume()
        self._line = None
        if self._left:
            self._sweeper.discard(self)
        self.wake()

    def fail(self, failure: Exception) -> None:
        """Take note that no more will come; what has come is still read first."""
        self._failure = failure
        self._done = True
        self._line = None
        self.wake()

    def wake(self) -> None:
        """Let whoever waits look again."""
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    # --- deadlines

    def expire(self) -> None:
        """End the wait whose deadline has passed."""
        self.deadline = math.inf
        if not self._left and (self._waiter is None or self._waiter.done()):
            return
        line = self._line
        self.fail(self._late())
        if line is not None:
            line.abort()

    async def _wait(self, phase: _Phase, until: float) -> None:
        self._phase = phase if until < self._ends else "total"
        self.deadline = min(until, self._ends)
        if self.deadline <= self._loop.time():  # where something always comes, the timer never finds anyone waiting
            late = self._late()
            self.close()
            raise late
        self._waiter = self._loop.create_future()
        self._sweeper.add(self)
        try:
            await self._waiter
        except BaseException:
            self.close()
            raise
        finally:
            self._waiter = None
            self._sweeper.discard(self)

    def _resume(self) -> None:
        self._paused = False
        if self._line is not None:
            self._line.resume()

    def _late(self) -> UpstreamTimeout:
        call = self.call
        after = {"first_byte": call.first_byte_s, "idle": call.idle_s, "total": call.total_s}
        return UpstreamTimeout(self._phase, after[self._phase])
