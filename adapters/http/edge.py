"""The outermost ring of the HTTP surface: every request comes in and every answer goes out through it, once."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from adapters.http.endpoint import VISIT, Endpoint
from adapters.http.errors import CLIENT_GONE, answer_of
from adapters.http.visit import Manners, Visit
from domain.errors import ClientGone
from domain.journey import Ending, Journey
from domain.ports.clock import Clock, Ids
from domain.ports.observer import Observer, RequestRecord

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@attrs.frozen
class Way:
    """Where the router leads a request of one method and one path: it needs not be asked each time."""

    endpoint: Endpoint
    params: Mapping[str, str]


@attrs.frozen
class Edge:
    """
    Gives each request its id and its place in the log, and turns whatever is raised into an answer.

    What has a way of its own goes there; the router knows every route, and what is none.

    The last place where an exception can be caught: it goes to `unexpected`, the caller gets a 500 that says
    nothing of it.
    """

    router: ASGIApp
    ways: Mapping[tuple[str, str], Way]
    clock: Clock
    ids: Ids
    observer: Observer
    unexpected: Callable[[BaseException, str], None]
    manners: Manners

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request."""
        visit = self._welcome(scope, receive, send)
        way = self.ways.get((scope["method"], scope["path"]))
        try:
            if way is not None:
                scope["path_params"] = way.params
                await way.endpoint.serve(visit)
            else:
                scope[VISIT] = visit
                scope["app"] = self
                await self.router(scope, receive, send)
        except ClientGone:
            visit.error = "client_gone"
        except asyncio.CancelledError:
            visit.error = visit.error or "cancelled"
            raise
        except Exception as error:  # noqa: BLE001 - the outermost handler
            await self._refuse(visit, error)
        finally:
            scope.pop(VISIT, None)  # it holds the scope
            self._report(visit)

    def _welcome(self, scope: Scope, receive: Receive, send: Send) -> Visit:
        visit = Visit(scope, receive, send, Journey(), self.clock, self.manners, self.clock.monotonic())
        given = visit.header("x-request-id")
        sane = given is not None and _SANE_ID.fullmatch(given)
        visit.journey.request_id = given if given is not None and sane else self.ids.request_id()
        return visit

    async def _refuse(self, visit: Visit, error: Exception) -> None:
        answer = answer_of(error)
        if answer.status == 500:  # noqa: PLR2004
            self.unexpected(error, visit.journey.request_id)
        if visit.status == 0:
            await visit.refuse(answer)
        else:
            visit.error = answer.code or answer.type

    def _report(self, visit: Visit) -> None:
        visit.journey.end(_ending(visit))  # where no use case did: health, lists, refusals at the door
        method = visit.scope["method"]
        self.observer.request_finished(
            RequestRecord(
                method=method if method in _METHODS else "OTHER",
                route=visit.route or "(none)",
                status=visit.status or CLIENT_GONE,
                stream=visit.stream,
                duration_s=self.clock.monotonic() - visit.started,
                error=visit.error,
                journey=visit.journey,
            )
        )


def _ending(visit: Visit) -> Ending:
    if visit.error in {"client_gone", "cancelled"}:
        return Ending.CLIENT_GONE
    if visit.status >= 500:  # noqa: PLR2004
        return Ending.FAILED
    return Ending.REFUSED if visit.error else Ending.FINISHED
