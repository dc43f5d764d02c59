"""Takes in the body of a request: its kind, its size, its pace."""

from __future__ import annotations

import asyncio

import attrs

from adapters.http.errors import HttpRefusal
from adapters.http.visit import Visit
from domain.errors import ClientGone

MAX_DRAIN_BYTES = 512 << 20
MAX_DRAIN_S = 10.0


@attrs.frozen
class Intake:
    """
    Reads JSON bodies within bounds.

    At most `max_bytes` are kept; more than `idle_s` seconds between two parts are a broken upload.
    """

    max_bytes: int = 20 << 20
    idle_s: float = 30.0

    async def json_body(self, visit: Visit) -> bytes:
        """
        Return the body; raises `HttpRefusal` for a wrong kind (415), too much (413) or too slow (408),
        `ClientGone`.
        """
        _check_kind(visit)
        body = visit.whole_body()
        if body is not None and len(body) <= self.max_bytes:
            return body
        if body is not None:
            await self._refuse_size(visit, len(body), more=False)
        if _announced(visit) > self.max_bytes:
            await self._refuse_size(visit, 0)
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            part, more = await self._part(visit)
            size += len(part)
            if size > self.max_bytes:
                parts.clear()
                await self._refuse_size(visit, size, more=more)
            parts.append(part)
        return b"".join(parts)

    async def _part(self, visit: Visit) -> tuple[bytes, bool]:
        try:
            async with asyncio.timeout(self.idle_s):
                message = await visit.receive()
        except TimeoutError:
            message_text = f"No more of the body came for {self.idle_s:g} s. Send it whole."
            raise HttpRefusal(408, message_text, "request_timeout", {"connection": "close"}) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        return message.get("body", b""), message.get("more_body", False)

    async def _refuse_size(self, visit: Visit, seen: int, *, more: bool = True) -> None:
        """Read the rest into nothing, within bounds: a client that is still sending would not read our answer."""
        try:
            async with asyncio.timeout(MAX_DRAIN_S):
                while more and seen < MAX_DRAIN_BYTES:
                    part, more = await self._part(visit)
                    seen += len(part)
        except TimeoutError:
            pass
        headers = {"connection": "close"} if more else {}
        message = f"The body is larger than {self.max_bytes} bytes. Send less, or shrink images before sending."
        raise HttpRefusal(413, message, "request_too_large", headers)


def _check_kind(visit: Visit) -> None:
    """Refuse what is not plain JSON; no content type at all is taken as JSON."""
    encoding = visit.header("content-encoding")
    if encoding is not None and encoding.strip().lower() not in {"", "identity"}:
        raise HttpRefusal(415, "Compressed bodies are not taken. Send the JSON as it is.", "unsupported_encoding")
    kind = visit.header("content-type")
    bare = (kind or "").partition(";")[0].strip().lower()
    if bare and bare != "application/json" and not bare.endswith("+json"):
        raise HttpRefusal(
            415, "The body must be JSON. Send it with 'Content-Type: application/json'.", "unsupported_media_type"
        )


def _announced(visit: Visit) -> int:
    length = visit.header("content-length") or "0"
    return int(length) if length.isdecimal() and len(length) < 20 else 0  # noqa: PLR2004
