"""An application behind a real server in a thread of its own, for tests that speak over real sockets."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import attrs
import uvicorn
from starlette.types import ASGIApp

from adapters.http.lifespan import Lifespan
from adapters.http.limits import Limits
from adapters.http.protocol import Protocol
from adapters.http.wire import WIRE, Wire
from entrypoints.server import Http, listening_on
from tests.fakes.clock import FakeIds
from tests.fakes.wired import Records


@attrs.define(eq=False)
class Served:
    """A server that listens on a port of its own."""

    port: int
    server: uvicorn.Server
    observed: Records
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self.server.server_state.connections)

    def have(self, deed: Callable[[], object]) -> None:
        """Have something done in the server's loop."""
        self.loop.call_soon_threadsafe(deed)

    def connect(self, *, receive_bytes: int = 0) -> socket.socket:
        """Open a connection; `receive_bytes` bounds what waits on this side."""
        connection = socket.socket()
        if receive_bytes:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        connection.settimeout(10)
        connection.connect(("127.0.0.1", self.port))
        return connection

    def ask(self, *parts: bytes) -> bytes:
        """Send bytes over a connection of their own, and return all that comes back until its end."""
        with self.connect() as connection:
            for part in parts:
                connection.sendall(part)
            return rest_of(connection)


def push(connection: socket.socket, part: bytes, pause_s: float = 0.0, most: int = 1000) -> int:
    """Send a part again and again until that fails, at most so many times; return how many bytes were taken."""
    sent = 0
    pause = threading.Event()
    with suppress(OSError):
        for _ in range(most):
            sent += connection.send(part)
            if pause_s:
                pause.wait(pause_s)
    return sent


def rest_of(connection: socket.socket) -> bytes:
    """Return what comes until the server ends the connection."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def until(holds: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait until something holds."""
    deadline = time.monotonic() + seconds
    pause = threading.Event()
    while not holds():
        assert time.monotonic() < deadline, "it did not come to pass"
        pause.wait(0.005)


@contextmanager
def served(app: ASGIApp, limits: Limits | None = None, http: Http = Protocol) -> Iterator[Served]:
    """Serve an application, by our protocol or one of uvicorn's, with the server's options as the gateway sets them."""
    observed = Records()
    loops: list[asyncio.AbstractEventLoop] = []

    @asynccontextmanager
    async def opening(state: dict[str, Any]) -> AsyncIterator[ASGIApp]:
        state[WIRE] = Wire(FakeIds(), observed, limits or Limits())
        loops.append(asyncio.get_running_loop())
        yield app

    with listening_on("127.0.0.1", 0) as listening:
        config = uvicorn.Config(
            Lifespan(opening),
            http=http,
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        until(lambda: server.started)
        try:
            yield Served(listening.getsockname()[1], server, observed, loops[0])
        finally:
            server.should_exit = True
            thread.join(10)
