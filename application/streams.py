"""A streamed answer on its way to the caller: a state machine with exactly one end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Self

import attrs

from domain.chat import ChatChunk, Continuation
from domain.errors import Malformed
from domain.journey import Ending, Journey
from domain.ports.clock import Clock
from domain.ports.providers import ChunkStream


@attrs.define
class AnswerStream:
    """
    An answer whose first chunks are there: committed → finished | failed | client_gone.

    It is an object, not a generator, because a generator that nobody started never runs its `finally`. Iterate it
    to the
    end or call `aclose`; both may be done, and `aclose` twice. A `ProviderFailure` raised by a step is the end.
    """

    journey: Journey
    clock: Clock
    _upstream: ChunkStream
    _first: Sequence[ChatChunk] | None

    @classmethod
    async def open(cls, upstream: ChunkStream, journey: Journey, clock: Clock) -> Self:
        """Wait for the first chunks; raises what the provider raises, with the upstream closed."""
        try:
            first = await anext(upstream)
        except StopAsyncIteration:
            raise Malformed("an empty stream") from None
        except BaseException:
            await upstream.aclose()
            raise
        stream = cls(journey, clock, upstream, first)
        stream._note(first)
        return stream

    def __aiter__(self) -> AsyncIterator[Sequence[ChatChunk]]:
        """Return itself."""
        return self

    async def __anext__(self) -> Sequence[ChatChunk]:
        """Return the next chunks; the end of the iteration is the end of a complete answer."""
        if self._first is not None:
            first, self._first = self._first, None
            return first
        begun = self.clock.monotonic()
        try:
            chunks = await anext(self._upstream)
        except StopAsyncIteration:
            self.journey.end(Ending.FINISHED)
            raise
        except asyncio.CancelledError:
            raise
        except BaseException:
            self.journey.end(Ending.FAILED)
            raise
        finally:
            self.journey.upstream_s += self.clock.monotonic() - begun
        self._note(chunks)
        return chunks

    async def aclose(self) -> None:
        """End the call upstream; before the answer's end this is a caller who hung up."""
        self.journey.end(Ending.CLIENT_GONE)
        await self._upstream.aclose()

    def _note(self, chunks: Sequence[ChatChunk]) -> None:
        if isinstance(chunks, Continuation):
            return
        for chunk in chunks:
            if chunk.usage is not None:
                self.journey.usage = chunk.usage
