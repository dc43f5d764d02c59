"""A vendor's SDK on the gateway's own connections: its requests and headers, but not its network nor its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import cast

import attrs
import httpx
from typing_extensions import override

from adapters.upstream.exchange import Incoming
from adapters.upstream.transport import INCOMING, Transport, failure_in
from adapters.upstream.upstream import received
from domain.errors import UpstreamTimeout
from domain.ports.providers import Call

RawAnswer = httpx.Response
"""What an SDK is asked to return, so that it hands an answer out as it came."""


class SdkClient(httpx.AsyncClient):
    """
    The httpx client for an SDK that wants one: it builds requests as httpx does, and hands them to a transport.

    Nothing of what `httpx.AsyncClient` does around that is wanted in a gateway: no redirect takes the credential along,
    no cookie of one caller's answer goes into another's request, the environment is not read, no body is read ahead.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._direct = transport or Transport()
        super().__init__(
            transport=self._direct,
            trust_env=False,
            follow_redirects=False,
            timeout=None,  # each call brings its deadlines
            headers={"accept-encoding": "identity"},
        )

    @override
    async def send(self, request: httpx.Request, **_options: object) -> httpx.Response:
        """Send a request; returns when the head of the answer is there, whatever its status."""
        answer = await self._direct.handle_async_request(request)
        answer.__class__ = _NeverRaised
        return answer


class _NeverRaised(httpx.Response):
    """
    An answer that is handed out with any status.

    An SDK that meets an error reads its whole body before it raises; `Incoming` reads it within limits.
    """

    @override
    def raise_for_status(self) -> httpx.Response:
        return self


def opening_timeout(call: Call) -> httpx.Timeout:
    """Return httpx's own time-outs for a call: until the head is there; `sent` sees to the others."""
    return httpx.Timeout(None, connect=min(call.connect_s, call.total_s), read=min(call.first_byte_s, call.total_s))


async def sent(sending: Awaitable[object], call: Call, wrapper: type[Exception], secret: str) -> Incoming:
    """
    Wait for the answer that an SDK was asked to send for, and return it under the deadlines of the call.

    Raises the failure that `wrapper`, the SDK's own exception, was caused by; any other cause is a fault and stays one.
    """
    begun = asyncio.get_running_loop().time()
    try:
        answer = cast(RawAnswer, await sending)
    except wrapper as error:
        found = failure_in(error)
        if found is None:
            raise
        failure = attrs.evolve(found)  # the one found is among the causes, and must not be its own
        if isinstance(failure, UpstreamTimeout):
            configured = call.connect_s if failure.phase == "connect" else call.first_byte_s
            failure = UpstreamTimeout(failure.phase, configured)
            if call.total_s < configured:
                failure = UpstreamTimeout("total", call.total_s)
        raise failure from error
    incoming: Incoming = answer.extensions[INCOMING]
    incoming.secret = secret
    incoming.restart(call, begun)
    return received(incoming, call)
