"""Makes connections: looks a name up once, checks every address, dials what was checked."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
from collections.abc import Sequence
from functools import cache

import attrs
import certifi

from adapters.upstream.addresses import LOCALHOST, Resolve, is_own_permission, is_permitted, resolve
from adapters.upstream.connection import Connection, Host
from adapters.upstream.origin import Origin
from domain.errors import Unreachable


@attrs.frozen
class Dialer:
    """
    Opens connections to permitted addresses, over verified TLS where the scheme is https.

    No proxy is used and nothing of the environment is read. A literal address or `localhost` is its own permission;
    of a name's addresses, one that is not permitted spoils them all.
    """

    allow_private: bool = False
    resolve: Resolve = resolve

    async def dial(self, origin: Origin, host: Host, within_s: float) -> Connection:
        """Return a new connection; raises `Unreachable`, or `TimeoutError` after `within_s` seconds."""
        async with asyncio.timeout(within_s if within_s < math.inf else None):
            return await self._dial(origin, host)

    async def _dial(self, origin: Origin, host: Host) -> Connection:
        failure: Unreachable | None = None
        for address in await self._addresses(origin):
            try:
                return await _connect(origin, address, host)
            except Unreachable as error:  # this address does not answer; the next one may
                failure = error
        raise failure or Unreachable("dns")

    async def _addresses(self, origin: Origin) -> Sequence[str]:
        if is_own_permission(origin.host):
            if origin.host != LOCALHOST and not is_permitted(origin.host, allow_private=True):
                raise Unreachable("address")
            return (origin.host,)
        try:
            found = await self.resolve(origin.host, origin.port)
        except TimeoutError:
            raise
        except (OSError, UnicodeError) as error:
            raise Unreachable("dns") from error
        if not all(is_permitted(address, allow_private=self.allow_private) for address in found):
            raise Unreachable("address")
        return found


async def _connect(origin: Origin, address: str, host: Host) -> Connection:
    """Connect to one address; whatever ends this early, no open socket stays behind."""
    connection = Connection(host)
    tls = verified_context() if origin.scheme == "https" else None
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, address, origin.port, ssl=tls, server_hostname=origin.host if tls is not None else None
        )
    except BaseException as error:
        connection.forsake()
        if isinstance(error, ssl.SSLError):
            raise Unreachable("tls") from error
        if isinstance(error, socket.gaierror):
            raise Unreachable("dns") from error
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise Unreachable("tls" if _in_handshake(error, tls) else "connect") from error
        raise
    return connection


def _in_handshake(error: OSError, tls: ssl.SSLContext | None) -> bool:
    """Whether a connection broke after it was made: a server that does not speak TLS hangs up in the handshake."""
    return tls is not None and isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError)


@cache
def verified_context() -> ssl.SSLContext:
    """
    Return the one TLS context: certificates are always checked.

    To make it takes some 40 ms, in which nothing else goes on: who will need it asks before there are requests.
    """
    context = ssl.create_default_context(cafile=certifi.where())
    # SSLKEYLOGFILE of the environment would write every session's secrets to a file.
    context.keylog_filename = None  # type: ignore[assignment]
    context.set_alpn_protocols(["http/1.1"])
    return context
