"""Scripts that only answer, and good answers to begin with."""

from __future__ import annotations

from collections.abc import Sequence

from tests.lab.raw_upstream import Connection, Piece, Script

Answer = bytes | Sequence[Piece]


def answering(*answers: Answer) -> Script:
    """
    Return a script that answers requests in turn, on whatever connection they come; the last answer for ever.

    Whoever closes a connection, or leaves one, ends the script there only.
    """
    turn = iter(answers)
    last: list[Answer] = []

    async def script(connection: Connection) -> None:
        while await connection.request():
            last[:] = [next(turn, last[0] if last else b"")]
            answer = last[0]
            await connection.send(*([answer] if isinstance(answer, bytes) else answer))

    return script


def whole(body: bytes = b"ok", *headers: str, status: int = 200) -> bytes:
    """Return an answer whose length is said."""
    return head_of(f"Content-Length: {len(body)}", *headers, status=status) + body


def chunked(*blocks: bytes, headers: Sequence[str] = (), trailers: Sequence[str] = ()) -> bytes:
    """Return an answer in chunks."""
    body = b"".join(b"%x\r\n%b\r\n" % (len(block), block) for block in blocks)
    end = "".join(f"{line}\r\n" for line in trailers)
    return head_of("Transfer-Encoding: chunked", *headers) + body + f"0\r\n{end}\r\n".encode()


def head_of(*headers: str, status: int = 200) -> bytes:
    """Return the head of an answer."""
    return "\r\n".join([f"HTTP/1.1 {status} Said", *headers, "", ""]).encode("latin-1")
