"""The routes for those who keep the gateway running: health and metrics; no key needed, nothing secret said."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from adapters.http.visit import Visit
from domain.errors import Unavailable

OK = b'{"status":"ok"}'


@attrs.define
class Readiness:
    """Whether new requests are welcome; turned off at once when the process is told to end."""

    ready: bool = True


@attrs.frozen
class Health:
    """Alive is whether the process answers; ready is whether it wants requests. Neither asks an upstream."""

    readiness: Readiness
    metrics: Callable[[], tuple[str, bytes]]

    async def alive(self, visit: Visit) -> None:
        """`GET /healthz`, `GET /livez`."""
        await visit.answer(200, OK)

    async def ready(self, visit: Visit) -> None:
        """`GET /readyz`."""
        if not self.readiness.ready:
            raise Unavailable("The gateway is shutting down.")
        await visit.answer(200, OK)

    async def scrape(self, visit: Visit) -> None:
        """`GET /metrics`, for Prometheus."""
        media_type, text = self.metrics()
        await visit.answer(200, text, media_type)
