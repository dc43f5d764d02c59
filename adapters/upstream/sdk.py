"""A vendor's SDK on the gateway's own connections: its requests and headers, but not its network nor its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from typing_extensions import override

from adapters.upstream.failures import failure_of
from adapters.upstream.transport import Transport
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
        return _NeverRaised(
            answer.status_code,
            headers=answer.headers,
            stream=answer.stream,
            request=request,
            extensions=answer.extensions,
        )


class _NeverRaised(httpx.Response):
    """
    An answer that is handed out with any status.

    An SDK that meets an error reads its whole body before it raises; `Incoming` reads it within limits.
    """

    @override
    def raise_for_status(self) -> httpx.Response:
        return self


def connect_timeout(call: Call) -> httpx.Timeout:
    """Return httpx's own time-outs for a call: the connection's only, for the others run by `exchange`."""
    return httpx.Timeout(None, connect=min(call.connect_s, call.total_s))


@contextmanager
def unwrapping(wrapper: type[Exception], call: Call) -> Iterator[None]:
    """Translate what an SDK raises around the HTTP client's exceptions; anything else is a fault and stays one."""
    try:
        yield
    except wrapper as error:
        if isinstance(error.__cause__, httpx.HTTPError):
            raise failure_of(error.__cause__, call) from error
        raise
