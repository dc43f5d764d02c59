"""A route's end: who may come in, and what is done for them."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable

import attrs
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from adapters.http.auth import presented_secret
from adapters.http.visit import Visit
from application.authenticate import Authenticate

VISIT = "ai-gateway.visit"
"""Where the edge leaves the visit for the endpoints, in the ASGI scope."""


class Access(enum.Enum):
    """Who may use a route; every route says so."""

    OPEN = "open"
    KEY = "key"


@attrs.frozen
class Endpoint:
    """
    A raw ASGI endpoint: the caller is known before the body is read.

    `template` is the route's path as it stands in logs and metrics.
    """

    template: str
    method: str
    access: Access
    authenticate: Authenticate
    handle: Callable[[Visit], Awaitable[None]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request that the router has led here."""
        del receive, send  # the visit has them
        await self.serve(scope[VISIT])

    async def serve(self, visit: Visit) -> None:
        """Serve one request."""
        visit.route = self.template
        visit.private = self.access is not Access.OPEN
        if self.access is Access.KEY:
            visit.caller = await self.authenticate(presented_secret(visit))
            visit.journey.caller = visit.caller.id
        await self.handle(visit)

    def route(self) -> Route:
        """Return the route that ends here."""
        return Route(self.template, endpoint=self, methods=[self.method])
