"""The pool for whatever speaks httpx: SDKs, and clients of tests."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator

import attrs
import httpx
from typing_extensions import override

from adapters.upstream.exchange import MAX_BODY_BYTES, Incoming
from adapters.upstream.origin import Outgoing, head_of, split_url
from adapters.upstream.pool import Pool
from domain.errors import ProviderFailure, StreamBroken, Unreachable, UpstreamTimeout
from domain.ports.providers import Call

INCOMING = "incoming"
"""The extension of a response that holds the answer as the pool gave it."""
_NEVER = math.inf


class Transport(httpx.AsyncBaseTransport):
    """
    An httpx transport over the gateway's own connections.

    `connect` and `read` of httpx's time-outs are kept. Failures are httpx's exceptions, caused by the domain's.
    """

    def __init__(self, pool: Pool | None = None) -> None:
        self._pool = pool or Pool()

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; returns when the head of the answer is there."""
        origin, _ = split_url(str(request.url))
        body = await request.aread()
        head = head_of(request.method, request.url.raw_path.decode("ascii"), _headers(request, len(body)))
        outgoing = Outgoing(origin, head + b"\r\n", body, bodiless=request.method == "HEAD")
        try:
            incoming = await self._pool.send(outgoing, _call(request))
        except ProviderFailure as failure:
            raise _translated(failure, request) from failure
        return httpx.Response(
            incoming.status,
            headers=list(incoming.pairs),
            stream=_Body(incoming, request),
            request=request,
            extensions={INCOMING: incoming},
        )

    @override
    async def aclose(self) -> None:
        """Close the connections."""
        await self._pool.aclose()


@attrs.define
class _Body(httpx.AsyncByteStream):
    """The body of an answer; it ends at 32 MiB, for some clients read it whole without asking."""

    _incoming: Incoming
    _request: httpx.Request

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        try:
            while block := await self._incoming.next_block():
                seen += len(block)
                if seen > MAX_BODY_BYTES:
                    self._incoming.close()
                    raise httpx.DecodingError("more bytes than an answer may have", request=self._request)
                yield block
        except ProviderFailure as failure:
            raise _translated(failure, self._request) from failure

    @override
    async def aclose(self) -> None:
        self._incoming.close()


def failure_in(error: BaseException) -> ProviderFailure | None:
    """Return the failure that an exception of an httpx client was caused by, None where it had another cause."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ProviderFailure):
        cause = cause.__cause__
    return cause


def _headers(request: httpx.Request, length: int) -> list[tuple[bytes, bytes]]:
    """Return the headers as they are sent: the body goes out whole, so it has a length and no coding."""
    framing = (b"transfer-encoding", b"content-length", b"connection")
    found = [(name, value) for name, value in request.headers.raw if name.lower() not in framing]
    if length or request.method in {"POST", "PUT", "PATCH"}:
        found.append((b"content-length", b"%d" % length))
    return found


def _call(request: httpx.Request) -> Call:
    timeouts = request.extensions.get("timeout", {})

    def seconds(name: str) -> float:
        value = timeouts.get(name)
        return _NEVER if value is None else float(value)

    return Call("", "", seconds("connect"), seconds("read"), seconds("read"), _NEVER)


def _translated(failure: ProviderFailure, request: httpx.Request) -> httpx.TransportError:
    match failure:
        case UpstreamTimeout(phase="connect"):
            return httpx.ConnectTimeout(str(failure), request=request)
        case UpstreamTimeout():
            return httpx.ReadTimeout(str(failure), request=request)
        case Unreachable(reason="protocol" | "closed"):
            return httpx.RemoteProtocolError(str(failure), request=request)
        case StreamBroken():
            return httpx.ReadError(str(failure), request=request)
        case _:
            return httpx.ConnectError(str(failure), request=request)
