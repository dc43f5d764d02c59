"""The ASGI lifespan: what a server opens before the first request and closes after the last."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send


@attrs.define(eq=False)
class Lifespan:
    """
    An ASGI application that is opened by its server and closed by it.

    `opening` is given the state of the lifespan, which the server shows to every connection, and gives the application
    that answers requests while it is open. Where it raises one of `refusals`, the server does not start, and `tell` is
    given the reason.
    """

    opening: Callable[[dict[str, Any]], AbstractAsyncContextManager[ASGIApp]]
    refusals: tuple[type[Exception], ...] = ()
    tell: Callable[[str], None] = print
    _app: ASGIApp | None = attrs.field(default=None, init=False)

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        """Serve one request, or the lifespan; a server has to be told that this is an application of ASGI 3."""
        if scope["type"] == "http" and self._app is not None:
            return self._app(scope, receive, send)
        return self._live(scope, receive, send)

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            return
        state = scope.get("state", {})
        await receive()
        try:
            async with self.opening(state) as self._app:
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except self.refusals as refusal:
            self.tell(str(refusal))
            await send({"type": "lifespan.startup.failed", "message": str(refusal)})
            return
        finally:
            self._app = None
        await send({"type": "lifespan.shutdown.complete"})
