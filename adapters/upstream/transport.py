"""Connections out: the only place that opens them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import cache

import attrs
import httpx
from typing_extensions import override

from adapters.upstream.addresses import Resolve, is_own_permission, is_permitted, resolve
from adapters.upstream.failures import CompressedAnswer, ForbiddenAddress, OversizedAnswer

MAX_ERROR_BYTES = 64 << 10
"""What is read of an error's body; a client library may read it whole without asking."""


class Transport(httpx.AsyncBaseTransport):
    """
    An httpx transport that opens one connection for each request, and closes it with the answer.

    The pool of httpx 0.28 loses slots when requests are cancelled, so no connection outlives its request here: whatever
    happens to the request, its connection is closed (https://github.com/encode/httpcore/issues/1093). Redirects are not
    followed, proxies and credentials of the environment are not used, compressed answers are refused. A name is looked
    up once for each request, and only addresses that are permitted are dialled.
    """

    def __init__(self, *, allow_private: bool = False, resolve: Resolve = resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; returns when the head of the answer is there."""
        if is_own_permission(request.url.host):
            return await self._send(request)
        failure: httpx.ConnectError | None = None
        timeouts = request.extensions.get("timeout", {})
        begun = asyncio.get_running_loop().time()
        for address in await self._addresses(request, timeouts.get("connect")):
            try:
                return await self._send(_dialling(request, address, _left(timeouts, begun)))
            except httpx.ConnectError as error:  # this address does not answer; the next one may
                failure = error
        raise failure or httpx.ConnectError("no address")

    async def _addresses(self, request: httpx.Request, timeout_s: float | None) -> Sequence[str]:
        """Return where the host may be dialled; one address that is not permitted spoils them all."""
        url = request.url
        try:
            async with asyncio.timeout(timeout_s):
                found = await self._resolve(url.host, url.port or (443 if url.scheme == "https" else 80))
        except TimeoutError as error:
            raise httpx.ConnectTimeout("look-up", request=request) from error
        except (OSError, UnicodeError) as error:
            raise httpx.ConnectError("look-up", request=request) from error
        if not all(is_permitted(address, allow_private=self._allow_private) for address in found):
            raise ForbiddenAddress("address", request=request)
        return found

    async def _send(self, request: httpx.Request) -> httpx.Response:
        connection = httpx.AsyncHTTPTransport(verify=_verified(), trust_env=False, limits=_ONE)
        try:
            response = await connection.handle_async_request(request)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise CompressedAnswer("content-encoding")
        except BaseException:
            await connection.aclose()
            raise
        limit = None if response.is_success else MAX_ERROR_BYTES
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - the asynchronous transport gives no other
        response.stream = _OwnedStream(stream, connection, limit)
        return response


def _left(timeouts: Mapping[str, float | None], begun: float) -> dict[str, float | None]:
    """Return httpx's time-outs with what the look-up and other addresses have left of the time to connect."""
    whole = timeouts.get("connect")
    if whole is None:
        return dict(timeouts)
    return {**timeouts, "connect": max(0.001, whole - (asyncio.get_running_loop().time() - begun))}


def _dialling(request: httpx.Request, address: str, timeouts: Mapping[str, float | None]) -> httpx.Request:
    """Return a request that goes to this address, and is meant for the name: by its Host header and its certificate."""
    return httpx.Request(
        request.method,
        request.url.copy_with(host=address),
        headers=request.headers,  # the name is in its Host already
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": request.url.host, "timeout": timeouts},
    )


_ONE = httpx.Limits(max_connections=None, max_keepalive_connections=0)


@attrs.define
class _OwnedStream(httpx.AsyncByteStream):
    """The body of an answer, together with the connection that it closes."""

    _body: httpx.AsyncByteStream
    _connection: httpx.AsyncHTTPTransport
    _limit: int | None

    @override
    async def __aiter__(self) -> AsyncIterator[bytes]:
        seen = 0
        async for block in self._body:
            seen += len(block)
            if self._limit is not None and seen > self._limit:
                raise OversizedAnswer("error body")
            yield block

    @override
    async def aclose(self) -> None:
        try:
            await self._body.aclose()
        finally:
            await self._connection.aclose()


@cache
def _verified() -> ssl.SSLContext:
    """Return the one TLS context: certificates are always checked; made when first needed, for it costs 20 ms."""
    context = httpx.create_ssl_context(trust_env=False)
    # SSLKEYLOGFILE of the environment would write every session's secrets to a file.
    context.keylog_filename = None  # type: ignore[assignment]
    return context
