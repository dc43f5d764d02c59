"""A streamed answer of an upstream: blocks of bytes → chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

import attrs

from adapters.upstream.answers import ReadFailure, check_status
from adapters.upstream.exchange import Incoming
from adapters.wire.openai.errors import failure_of
from domain.chat import ChatChunk
from domain.errors import ProviderFailure


class Framing(Protocol):
    """Splits bytes into messages."""

    def cut(self, block: bytes) -> bytes:
        """Return the text of the messages that a block completes."""
        ...

    def first(self, text: bytes) -> tuple[bytes, bytes]:
        """Return the first message of a text that was cut, and the text of the others."""
        ...

    def split(self, text: bytes) -> list[bytes]:
        """Return the messages in a text that was cut."""
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

    @property
    def learning(self) -> bool:
        """Whether a message read singly may show how those behind it can be read at once."""
        ...

    def passage(self, text: bytes) -> tuple[Sequence[ChatChunk] | None, bytes]:
        """Return what can be read at once at the beginning of whole messages, and the text that is left."""
        ...

    def read(self, message: bytes) -> Sequence[ChatChunk]:
        """Return the chunks of a message; raises `ProviderFailure` where it reports an error or makes no sense."""
        ...

    def end(self) -> None:
        """Note that the bytes ended cleanly; raises `StreamBroken` where the answer is not complete."""
        ...


@attrs.define(eq=False)
class AnswerChunks:
    """
    A `ChunkStream` over an upstream's answer; the request is sent by the first step.

    Each step gives the chunks that arrived together. It ends after a complete answer, also when the upstream keeps the
    connection open; an answer that breaks off, or says that it failed, raises once its last good chunks are given.
    """

    _send: Callable[[], Awaitable[Incoming]]
    _framing: Framing
    _reader: ChunkReader
    _read_failure: ReadFailure = failure_of
    _incoming: Incoming | None = attrs.field(default=None, init=False)
    _failure: ProviderFailure | None = attrs.field(default=None, init=False)
    _over: bool = attrs.field(default=False, init=False)
    _text: bytes = attrs.field(default=b"", init=False, repr=False)

    def __aiter__(self) -> AsyncIterator[Sequence[ChatChunk]]:
        """Return itself."""
        return self

    async def __anext__(self) -> Sequence[ChatChunk]:
        """Wait for the next chunks."""
        found: Sequence[ChatChunk] = ()
        try:
            if not self._over:
                found = await self._next()
        except BaseException as error:
            self._end()
            if self._incoming is not None and self._incoming.tells(error) is not error:
                raise self._incoming.tells(error) from error.__cause__
            raise
        if not found:
            self._end()
            raise StopAsyncIteration
        return found

    async def aclose(self) -> None:
        """End the request."""
        self._end()

    async def _next(self) -> Sequence[ChatChunk]:
        """Return the next chunks, none at the end of a complete answer."""
        if self._incoming is None:
            self._incoming = await self._send()
            await check_status(self._incoming, self._read_failure)
        while self._failure is None and not self._reader.done:
            if self._text:
                found = self._read_text()
            elif block := await self._incoming.next_block():
                self._text = self._framing.cut(block)
                continue
            else:
                found = self._read(self._framing.end())
                if not found:
                    break
            if found:
                return found
        if self._failure is not None:
            raise self._failure
        if not self._reader.done:
            self._reader.end()
        return ()

    def _read_text(self) -> Sequence[ChatChunk]:
        """Read what came: at once as far as that goes, and the rest message by message."""
        text, self._text = self._text, b""
        passage, rest = self._reader.passage(text)
        if passage is not None:
            self._text = rest
            return passage
        if self._reader.learning:
            first, rest = self._framing.first(text)
            messages = self._framing.split(first)
            if messages:  # else there is nothing to learn from it, and it may be one of very many
                self._text = rest
                return self._read(messages)
        return self._read(self._framing.split(text))

    def _end(self) -> None:
        """Leave a complete answer, and end any other."""
        if self._over or self._incoming is None:
            self._over = True
            return
        self._over = True
        if self._reader.done and self._failure is None:
            self._incoming.leave()
        else:
            self._incoming.close()

    def _read(self, messages: Sequence[bytes]) -> list[ChatChunk]:
        """Read messages that arrived together; where one fails, the chunks before it still count."""
        found: list[ChatChunk] = []
        for message in messages:
            try:
                found += self._reader.read(message)
            except ProviderFailure as failure:
                self._failure = failure
                break
            if self._reader.done:
                break
        return found
