"""The one gate that all inference goes through, whatever the surface."""

from __future__ import annotations

import attrs

from application.catalog import ModelCatalog
from domain.catalog import Route, RouteTable
from domain.journey import Journey
from domain.keys import Caller
from domain.policy.routing import resolve


@attrs.frozen
class Grant:
    """The leave to make one request: who has it, and by which route."""

    caller: Caller
    route: Route


@attrs.frozen
class Admission:
    """Decides whether a caller may have a request answered, and by whom."""

    table: RouteTable
    catalog: ModelCatalog

    def admit(self, caller: Caller, model: str, provider: str, journey: Journey) -> Grant:
        """Return the grant; raises `ModelNotFound`, for unknown and forbidden models alike."""
        journey.caller = caller.id
        return Grant(caller, resolve(model, provider, self.table, self.catalog.listed))
