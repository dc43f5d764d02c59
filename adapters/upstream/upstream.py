"""One provider's base URL and credential, and the requests to it."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from adapters.upstream.exchange import Incoming
from adapters.upstream.origin import Origin, Outgoing, head_of, split_url
from adapters.upstream.pool import Pool
from adapters.upstream.relay import relayed
from domain.errors import Malformed
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
    pool: Pool = attrs.field(factory=Pool, repr=False)
    secret: str = attrs.field(default="", repr=False)
    """The credential among the headers, so that an upstream which quotes it in an error is not passed on."""
    _place: tuple[Origin, str] = attrs.field(init=False, repr=False)
    _heads: dict[tuple[str, str], bytes] = attrs.field(factory=dict, init=False, repr=False)
    """The first part of each request's head, by method and path: those that the providers' code names."""

    @_place.default
    def _split(self) -> tuple[Origin, str]:
        return split_url(self.base_url)

    async def post(self, path: str, body: bytes, call: Call) -> Incoming:
        """Send a JSON body; returns when the head of the answer is there."""
        head = b"%scontent-length: %d\r\n\r\n" % (self._head("POST", path), len(body))
        return await self._send(Outgoing(self._place[0], head, body), call)

    async def get(self, path: str, call: Call) -> Incoming:
        """Ask for something; returns when the head of the answer is there."""
        return await self._send(Outgoing(self._place[0], self._head("GET", path) + b"\r\n"), call)

    async def _send(self, request: Outgoing, call: Call) -> Incoming:
        incoming = await self.pool.send(request, call)
        incoming.secret = self.secret
        return received(incoming, call)

    def _head(self, method: str, path: str) -> bytes:
        head = self._heads.get((method, path))
        if head is None:
            origin, base = self._place
            headers = {"host": origin.authority, **_ALWAYS, **self.headers}
            if method == "POST":
                headers["content-type"] = "application/json"
            encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
            head = self._heads[method, path] = head_of(method, base + path, encoded)
        return head


def received(incoming: Incoming, call: Call) -> Incoming:
    """Note the headers that a caller may see; raises `Malformed` for an answer that is compressed all the same."""
    call.relayed.update(relayed(incoming.pairs))
    for name, value in incoming.pairs:
        if name == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            incoming.close()
            raise Malformed("a compressed answer, although it was asked not to")
    return incoming
