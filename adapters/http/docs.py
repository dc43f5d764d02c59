"""The routes that describe the API: for programs, and as a page for people."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib import resources

import attrs

from adapters.http.visit import Visit

_HTML = "text/html; charset=utf-8"

# The page brings its own script and style and asks only this server, and only for the description.
_PAGE_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_MOUNT = "dom_id: '#swagger-ui'"


@attrs.frozen
class Docs:
    """Describes every route of the surface; nothing in it depends on who asks or on what is configured."""

    async def openapi(self, visit: Visit) -> None:
        """`GET /openapi.json`."""
        await visit.answer(200, _document())

    async def page(self, visit: Visit) -> None:
        """`GET /docs`: Swagger UI, whole in one page, so that it works where there is no internet."""
        page = await asyncio.to_thread(_page)
        await visit.answer(200, page, _HTML, {"content-security-policy": _PAGE_POLICY})


@cache
def _document() -> bytes:
    return resources.files("adapters.http").joinpath("openapi.json").read_bytes()


@cache
def _page() -> bytes:
    """Build the page, once: it is made of 2 MB of script, which only those who ask for it shall pay for."""
    from offapi import OpenAPITemplate  # noqa: PLC0415 - it reads all its templates, 9 MB, when it is imported

    page = OpenAPITemplate.SWAGGER.value.format(spec_url="openapi.json")
    # Swagger UI would send the document's address to a validator of its maker's.
    return page.replace(_MOUNT, "validatorUrl: null, " + _MOUNT).encode()
