"""Small applications for tests of the wire; what they note can be looked at from the thread of the test."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import attrs
from starlette.types import Message, Receive, Scope, Send

from tests.fakes.signals import Signal

PART = b"x" * 16_384


def beginning(status: int = 200, *headers: tuple[bytes, bytes]) -> Message:
    """Return the beginning of an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def part(body: bytes = b"", *, more: bool = False) -> Message:
    """Return a part of an answer, by default the last."""
    return {"type": "http.response.body", "body": body, "more_body": more}


@attrs.frozen
class Sending:
    """Sends these messages whatever it is asked; then fails, where there is a fault."""

    messages: Sequence[Message] = ()
    fault: Exception | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        for message in self.messages:
            await send(message)
        if self.fault is not None:
            raise self.fault


@attrs.define(eq=False)
class Refusing:
    """Answers 401 at once and looks at no body."""

    body: bytes = b'{"error":{"message":"No.","type":"x","param":null,"code":"invalid_api_key"}}'

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await send(beginning(401, (b"content-length", b"%d" % len(self.body))))
        await send(part(self.body))


@attrs.define(eq=False)
class Answering:
    """Answers with so many bytes, all at once."""

    size: int

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await send(beginning(200, (b"content-length", b"%d" % self.size)))
        await send(part(b"x" * self.size))


@attrs.define(eq=False)
class Busy:
    """Asks for no body and does not answer until it is let."""

    let: Signal = attrs.field(factory=Signal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await self.let.wait()
        await send(beginning(204))
        await send(part())


@attrs.define(eq=False)
class Holding:
    """Answers each request with its path when it is let, unless the caller leaves before."""

    called: Signal = attrs.field(factory=Signal)
    let: Signal = attrs.field(factory=Signal)
    left: Signal = attrs.field(factory=Signal)
    calls: int = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        while (await receive()).get("more_body"):
            pass
        self.calls += 1
        self.called.set()
        gone = asyncio.get_running_loop().create_task(self._gone(receive))
        let = asyncio.get_running_loop().create_task(self.let.wait())
        await asyncio.wait({gone, let}, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            self.left.set()
        gone.cancel()
        let.cancel()
        body = scope["path"].encode()
        await send(beginning(200, (b"content-length", b"%d" % len(body))))
        await send(part(body))

    async def _gone(self, receive: Receive) -> None:
        assert "http.disconnect" == (await receive())["type"]


@attrs.define(eq=False)
class Pouring:
    """Streams without end, as fast as the connection takes it; notes how much that was."""

    sent: int = 0
    ended: Signal = attrs.field(factory=Signal)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        await receive()
        gone = asyncio.get_running_loop().create_task(self._gone(receive))
        await send(beginning())
        while not gone.done():
            await send(part(PART, more=True))
            self.sent += len(PART)
            await asyncio.sleep(0)
        self.ended.set()

    async def _gone(self, receive: Receive) -> None:
        assert "http.disconnect" == (await receive())["type"]
