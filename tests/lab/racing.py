"""A server in a thread of its own that closes kept connections at moments nobody chose."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs

from tests.lab import sockets
from tests.lab.sockets import Address

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@attrs.define(eq=False)
class RacingServer:
    """
    Answers one request on each connection, and closes the connection up to `within_s` seconds later.

    It closes without a look at what has come by then, or reads it first, and then closes in order or with a RST: this
    is drawn from the seed, when it happens is not. `read` counts, by their bodies, all requests of which anything was
    read, answered or not.
    """

    seed: int
    within_s: float
    read: Counter[bytes] = attrs.field(factory=Counter)
    connections: int = 0
    _listener: socket.socket = attrs.field(factory=lambda: sockets.listening(("127.0.0.1", 0)))

    @property
    def address(self) -> Address:
        """Where it listens."""
        address: Address = self._listener.getsockname()
        return address

    def run(self) -> None:
        """Serve until the listener is closed, one connection after the other."""
        chance = random.Random(self.seed)
        self._listener.setblocking(True)
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                with client, suppress(ConnectionError):
                    self._serve(client, chance)

    def stop(self) -> None:
        """End the thread that runs it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client: socket.socket, chance: random.Random) -> None:
        if not self._take(client):
            return
        client.sendall(ANSWER)
        end = time.perf_counter() + chance.uniform(0, self.within_s)
        while time.perf_counter() < end:
            pass  # a sleep is not as short as this
        how = chance.choice(["close", "read", "reset"])
        if how != "close":
            client.setblocking(False)
            with suppress(BlockingIOError):
                self._take(client)
        if how == "reset":
            sockets.reset(client)

    def _take(self, client: socket.socket) -> bytes:
        data = client.recv(sockets.BLOCK)
        if data:
            self.read[data.rpartition(b"\r\n\r\n")[2]] += 1
        return data


@contextmanager
def racing(seed: int, within_s: float) -> Iterator[RacingServer]:
    """Run such a server in a thread."""
    server = RacingServer(seed, within_s)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(10)
