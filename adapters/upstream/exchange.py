"""One request to an upstream and its answer, under the deadlines of the call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Literal, Protocol

import attrs
import httpx

from adapters.upstream.failures import opening, reading
from adapters.upstream.relay import relayed
from adapters.wire.openai.errors import without
from domain.chat import ChatChunk
from domain.errors import Malformed, ProviderFailure, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call

MAX_BODY_BYTES = 32 << 20


class Framing(Protocol):
    """Splits bytes into messages."""

    def feed(self, block: bytes) -> list[bytes]:
        """Return the messages that a block completes."""
        ...

    def end(self) -> list[bytes]:
        """Return what is left when the bytes have ended."""
        ...


class ChunkReader(Protocol):
    """Reads messages of one dialect as chunks; knows when the answer is complete."""

    @property
    def done(self) -> bool:
        """Whether the upstream said that this was all."""
        ...

    def read(self, message: bytes) -> Sequence[ChatChunk]:
        """Return the chunks of a message; raises `ProviderFailure` where it reports an error or makes no sense."""
        ...

    def end(self) -> None:
        """Note that the bytes ended cleanly; raises `StreamBroken` where the answer is not complete."""
        ...


@attrs.define
class Incoming:
    """
    An answer whose head is there.

    `headers` are the upstream's; the body is read in blocks as the network gives them, each under the deadlines.
    """

    status: int
    headers: Mapping[str, str]
    _response: httpx.Response
    _call: Call
    _deadline: float

    async def blocks(self) -> AsyncGenerator[bytes, None]:
        """Give the body block by block; raises `StreamBroken` where the connection breaks."""
        body = self._response.aiter_raw()
        with reading():
            while True:
                async with _within(self._call.idle_s, "idle", self._deadline, self._call.total_s):
                    block = await anext(body, None)
                if block is None:
                    return
                yield block

    async def read(self, limit: int = MAX_BODY_BYTES) -> bytes:
        """Read the whole body; more than `limit` bytes raise `Malformed`."""
        found: list[bytes] = []
        size = 0
        async with aclosing(self.blocks()) as blocks:
            async for block in blocks:
                size += len(block)
                if size > limit:
                    raise Malformed("more bytes than an answer may have")
                found.append(block)
        return b"".join(found)

    async def chunks(self, framing: Framing, reader: ChunkReader) -> AsyncGenerator[Sequence[ChatChunk], None]:
        """
        Read the body as a streamed answer.

        Gives the chunks that arrived together. It ends after a complete answer, also when the upstream keeps the
        connection open; an answer that breaks off, or says that it failed, raises once its last good chunks are given.
        """
        async with aclosing(self.blocks()) as blocks:
            async for block in blocks:
                found, failure = _read(framing.feed(block), reader)
                if found:
                    yield found
                if failure is not None:
                    raise failure
                if reader.done:
                    return
        found, failure = _read(framing.end(), reader)
        if found:
            yield found
        if failure is not None:
            raise failure
        reader.end()


@asynccontextmanager
async def exchange(sending: Awaitable[httpx.Response], call: Call, secret: str = "") -> AsyncIterator[Incoming]:
    """
    Wait for the head of an answer, hand the answer out, and close it.

    Raises `Unreachable`, `UpstreamTimeout` or `Malformed` where there is none. The headers that a caller may see
    are put into `call.relayed`. Where an error of the upstream's, raised by whoever reads the answer, quotes `secret`,
    the credential that was sent, it is raised without it.
    """
    deadline = asyncio.get_running_loop().time() + call.total_s
    with opening(call):
        async with _within(call.first_byte_s, "first_byte", deadline, call.total_s):
            response = await sending
    try:
        call.relayed.update(relayed(response.headers))
        yield Incoming(response.status_code, response.headers, response, call, deadline)
    except UpstreamError as error:
        raise without(secret, error) from error.__cause__
    finally:
        await response.aclose()


def timeout_extension(call: Call) -> dict[str, object]:
    """Return httpx's own time-outs for a call: the connection's only, for the others run by `exchange`."""
    connect = min(call.connect_s, call.total_s)
    return {"timeout": {"connect": connect, "read": None, "write": None, "pool": None}}


def _read(messages: Sequence[bytes], reader: ChunkReader) -> tuple[list[ChatChunk], ProviderFailure | None]:
    """Read messages that arrived together; where one fails, the chunks before it still count."""
    found: list[ChatChunk] = []
    for message in messages:
        try:
            found += reader.read(message)
        except ProviderFailure as failure:
            return found, failure
        if reader.done:
            break
    return found, None


@asynccontextmanager
async def _within(
    seconds: float, phase: Literal["first_byte", "idle"], deadline: float, total_s: float
) -> AsyncIterator[None]:
    """Allow so many seconds for what is done inside, but nothing beyond the deadline of the whole call."""
    own = asyncio.get_running_loop().time() + seconds
    try:
        async with asyncio.timeout_at(min(own, deadline)):
            yield
    except TimeoutError:
        if own < deadline:
            raise UpstreamTimeout(phase, seconds) from None
        raise UpstreamTimeout("total", total_s) from None
