"""Every route of the HTTP surface, in one list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import attrs
from starlette.routing import Router
from starlette.types import ASGIApp

from adapters.http.docs import Docs
from adapters.http.edge import Edge, Way
from adapters.http.endpoint import Access, Endpoint
from adapters.http.errors import HttpRefusal
from adapters.http.events import PING_S
from adapters.http.health import Health, Readiness
from adapters.http.inference import Inference
from adapters.http.intake import Intake
from adapters.http.models import Models
from adapters.http.visit import Manners, Visit
from application.gateway import Gateway
from domain.ports.clock import Clock, Ids
from domain.ports.observer import Observer

App = ASGIApp
"""What a server calls for each request."""
PROVIDER = "{provider}"
Handle = Callable[[Visit], Awaitable[None]]


@attrs.frozen
class Surroundings:
    """What the surface needs beside the gateway itself."""

    clock: Clock
    ids: Ids
    observer: Observer
    unexpected: Callable[[BaseException, str], None]
    metrics: Callable[[], tuple[str, bytes]]
    readiness: Readiness
    intake: Intake = attrs.field(factory=Intake)
    manners: Manners = attrs.field(factory=Manners)
    ping_s: float = PING_S


def build_app(gateway: Gateway, surroundings: Surroundings) -> App:
    """Return the ASGI application."""
    found = endpoints(gateway, surroundings)
    return Edge(
        router=Router([endpoint.route() for endpoint in found], redirect_slashes=False),
        ways=ways_to(found, gateway.list_models.table.providers),
        clock=surroundings.clock,
        ids=surroundings.ids,
        observer=surroundings.observer,
        unexpected=surroundings.unexpected,
        manners=surroundings.manners,
    )


def endpoints(gateway: Gateway, surroundings: Surroundings) -> list[Endpoint]:
    """Return every endpoint there is; the order is the order of matching."""
    inference = Inference(gateway, surroundings.clock, surroundings.ids, surroundings.intake, surroundings.ping_s)
    models = Models(gateway.list_models)
    health = Health(surroundings.readiness, surroundings.metrics)
    docs = Docs()

    def endpoint(method: str, template: str, handle: Handle, access: Access) -> Endpoint:
        return Endpoint(template, method, access, gateway.authenticate, handle)

    api: list[tuple[str, str, Handle]] = [
        ("POST", "/v1/chat/completions", inference.chat),
        ("POST", "/v1/completions", inference.completions),
        ("POST", "/v1/embeddings", inference.embeddings),
        ("GET", "/v1/models", models.every),
        ("GET", "/v1/models/{model:path}", models.one),
    ]
    known = frozenset(gateway.list_models.table.providers)
    return [
        *[endpoint(method, path, handle, Access.KEY) for method, path, handle in api],
        endpoint("GET", "/healthz", health.alive, Access.OPEN),
        endpoint("GET", "/livez", health.alive, Access.OPEN),
        endpoint("GET", "/readyz", health.ready, Access.OPEN),
        endpoint("GET", "/metrics", health.scrape, Access.OPEN),
        endpoint("GET", "/openapi.json", docs.openapi, Access.OPEN),
        endpoint("GET", "/docs", docs.page, Access.OPEN),
        *[endpoint(method, f"/{PROVIDER}{path}", _under(known, handle), Access.KEY) for method, path, handle in api],
    ]


def ways_to(found: Iterable[Endpoint], providers: Iterable[str]) -> dict[tuple[str, str], Way]:
    """Return where each request leads whose path can be told before: the routes without parts, and of each provider."""
    names = list(providers)
    ways: dict[tuple[str, str], Way] = {}
    for endpoint in found:
        if "{" not in endpoint.template:
            ways[endpoint.method, endpoint.template] = Way(endpoint, {})
        elif endpoint.template.count("{") == endpoint.template.count(PROVIDER) == 1:
            for name in names:
                ways[endpoint.method, endpoint.template.replace(PROVIDER, name)] = Way(endpoint, {"provider": name})
    return ways


def _under(known: frozenset[str], handle: Handle) -> Handle:
    """Serve a provider's own path, where there is such a provider."""

    async def handle_provider(visit: Visit) -> None:
        provider = visit.path_param("provider")
        if provider not in known:
            raise HttpRefusal(
                404, f"There is no provider {provider!r} here. GET /v1/models lists what there is.", "unknown_url"
            )
        await handle(visit)

    return handle_provider
