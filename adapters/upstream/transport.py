"""Connections out: the only place that opens them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cache

import attrs
import httpx
from typing_extensions import override

from adapters.upstream.failures import CompressedAnswer, OversizedAnswer

MAX_ERROR_BYTES = 64 << 10
"""What is read of an error's body; a client library may read it whole without asking."""


class Transport(httpx.AsyncBaseTransport):
    """
    An httpx transport that opens one connection for each request, and closes it with the answer.

    The pool of httpx 0.28 loses slots when requests are cancelled (https://github.com/encode/httpcore/issues/1093),
    so no
    connection outlives its request here: whatever happens to the request, its connection is closed. Redirects are not
    followed, proxies and credentials of the environment are not used, compressed answers are refused.
    """

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; returns when the head of the answer is there."""
        connection = httpx.AsyncHTTPTransport(verify=_verified(), trust_env=False, limits=_ONE)
        try:
            response = await connection.handle_async_request(request)
            if response.headers.get("content-encoding", "identity").lower() != "identity":
                raise CompressedAnswer("content-encoding")
        except BaseException:
            await connection.aclose()
            raise
        limit = MAX_ERROR_BYTES if response.is_error else None
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)  # noqa: S101 - the asynchronous transport gives no other
        response.stream = _OwnedStream(stream, connection, limit)
        return response


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
    return httpx.create_ssl_context(trust_env=False)
