"""Carries a granted request to its targets: in order, each so often, until one answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, Protocol, TypeVar

import attrs

from application.admission import Grant
from domain.catalog import RouteTable, Target, Timeouts
from domain.document import Document
from domain.errors import NotSupported, ProviderFailure, UpstreamTimeout
from domain.journey import Journey
from domain.policy.retry import MAX_ATTEMPTS, goes_on, tries_again, wait_s
from domain.policy.routing import order
from domain.ports.clock import Chance, Clock
from domain.ports.providers import Call


class Asking(Protocol):
    """A request as far as dispatching changes it: the target may set members of its document."""

    @property
    def document(self) -> Document:
        """The body."""
        ...


P = TypeVar("P")
Q = TypeVar("Q", bound=Asking)
R = TypeVar("R")


@attrs.frozen
class Errand(Generic[P, Q]):
    """
    What is to be asked of whom: the capability in words, the providers that have it by name, and the request.

    `stream` says whether the answer streams; `journey` is written as the errand goes.
    """

    what: str
    able: Mapping[str, P]
    request: Q
    journey: Journey
    stream: bool = False


@attrs.frozen
class Dispatcher:
    """Tries the targets of a route; retries live here and nowhere else."""

    table: RouteTable
    clock: Clock
    chance: Chance

    async def ask(self, grant: Grant, errand: Errand[P, Q], ask: Callable[[P, Q, Call], Awaitable[R]]) -> R:
        """
        Return the first answer that one of the route's targets gives; `ask` makes one attempt.

        Raises the last attempt's failure, or `NotSupported` where no target's provider has the capability.
        """
        route = grant.route
        targets = order(route.targets, self.chance.random)
        tries = [
            (target, turn)
            for target in targets
            if target.provider in errand.able
            for turn in range(route.retry.attempts)
        ]
        if not tries:
            raise NotSupported(targets[0].provider, errand.what)
        start = self.clock.monotonic()
        given_up: Target | None = None
        failure: ProviderFailure | None = None
        for target, turn in tries:
            if target is given_up or errand.journey.attempts >= MAX_ATTEMPTS:
                continue
            wait = wait_s(route.retry, turn, self.chance.random()) if turn else 0.0
            timeouts = self._timeouts(grant, target)
            left = timeouts.total_s - (self.clock.monotonic() - start) - wait
            if left <= 0:
                raise failure or UpstreamTimeout("total", timeouts.total_s)
            if wait:
                await self.clock.sleep(wait)
            try:
                return await self._attempt(target, self._call(target, timeouts, errand, left), errand, ask)
            except ProviderFailure as error:
                failure = error
                if not goes_on(error, route.fallback_on):
                    raise
                if not tries_again(error, route.retry):
                    given_up = target
        assert failure is not None  # noqa: S101 - there was a try, and every try that comes here failed
        raise failure

    async def _attempt(
        self, target: Target, call: Call, errand: Errand[P, Q], ask: Callable[[P, Q, Call], Awaitable[R]]
    ) -> R:
        journey = errand.journey
        journey.provider, journey.model, journey.relayed = target.provider, target.model, call.relayed
        journey.attempts += 1
        request = errand.request
        if target.set or target.default:
            request = attrs.evolve(request, document=target.adapt(request.document))  # type: ignore[misc]
        begun = self.clock.monotonic()
        try:
            return await ask(errand.able[target.provider], request, call)
        finally:
            journey.upstream_s += self.clock.monotonic() - begun

    def _timeouts(self, grant: Grant, target: Target) -> Timeouts:
        return grant.route.timeouts or self.table.providers.get(target.provider) or Timeouts()

    def _call(self, target: Target, timeouts: Timeouts, errand: Errand[P, Q], left: float) -> Call:
        """Return the deadlines of one attempt: what is left of the whole bounds it."""
        return Call(
            model=target.model,
            request_id=errand.journey.request_id,
            connect_s=timeouts.connect_s,
            first_byte_s=timeouts.first_byte(stream=errand.stream),
            idle_s=timeouts.idle_s,
            total_s=left,
        )
