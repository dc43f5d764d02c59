"""One provider's base URL and credential, and the requests to it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager

import attrs
import httpx

from adapters.upstream.exchange import Incoming, exchange, timeout_extension
from adapters.upstream.transport import Transport
from domain.ports.providers import Call

_ALWAYS = {"accept-encoding": "identity", "user-agent": "ai-gateway"}


@attrs.frozen
class Upstream:
    """
    Where a provider lives, and how the gateway shows itself there.

    `base_url` has no trailing slash. `headers` are all that is sent beside what HTTP needs: nothing of a caller's
    own headers ever passes.
    """

    base_url: str
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    transport: httpx.AsyncBaseTransport = attrs.field(factory=Transport, repr=False)
    secret: str = attrs.field(default="", repr=False)
    """The credential among the headers, so that an upstream which quotes it in an error is not passed on."""

    def post(self, path: str, body: bytes, call: Call) -> AbstractAsyncContextManager[Incoming]:
        """Send a JSON body and wait for the head of the answer."""
        return self._send("POST", path, body, call)

    def get(self, path: str, call: Call) -> AbstractAsyncContextManager[Incoming]:
        """Ask for something and wait for the head of the answer."""
        return self._send("GET", path, None, call)

    def _send(self, method: str, path: str, body: bytes | None, call: Call) -> AbstractAsyncContextManager[Incoming]:
        headers = {**_ALWAYS, **self.headers}
        if body is not None:
            headers["content-type"] = "application/json"
        request = httpx.Request(
            method, self.base_url + path, headers=headers, content=body, extensions=timeout_extension(call)
        )
        return exchange(self.transport.handle_async_request(request), call, self.secret)
