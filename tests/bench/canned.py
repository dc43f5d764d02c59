"""A server that gives every request the same bytes, in pieces as asked."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import attrs


def a_core() -> int:
    """Return a core that this process may use."""
    return min(os.sched_getaffinity(0))


@attrs.frozen
class Canned:
    """Gives `answer` in pieces of `piece` bytes (0: at once) to each request, and closes after it where it `ends`."""

    listening: socket.socket
    answer: bytes
    piece: int = 0
    ends: bool = False

    @property
    def address(self) -> str:
        """Where it listens."""
        return "{}:{}".format(*self.listening.getsockname())

    def serve(self) -> None:
        """Serve one connection after another, until the listening socket is shut down."""
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            with connection:
                self._serve(connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while self._took_request(connection):
            step = self.piece or len(self.answer)
            for start in range(0, len(self.answer), step):
                connection.sendall(self.answer[start : start + step])
            if self.ends:
                return

    def _took_request(self, connection: socket.socket) -> bool:
        """Read one request; all that is sent here ends in a brace."""
        read = b""
        while not read.endswith(b"}"):
            try:
                more = connection.recv(65536)
            except ConnectionError:
                return False
            if not more:
                return False
            read += more
        return True


@contextmanager
def canned(answer: bytes, piece: int = 0, *, ends: bool = False) -> Iterator[Canned]:
    """Serve in a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = Canned(listening, answer, piece, ends)
        thread = threading.Thread(target=server.serve, daemon=True)
        thread.start()
        yield server
        listening.shutdown(socket.SHUT_RDWR)
        thread.join(10)
