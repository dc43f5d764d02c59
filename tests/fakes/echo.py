"""An application that says what it was asked, and a reader of the answers as they are on the wire."""

from __future__ import annotations

import json
from typing import Any

import attrs
from starlette.types import Receive, Scope, Send


@attrs.frozen
class Asked:
    """A request as the application saw it."""

    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@attrs.define(eq=False)
class Echo:
    """Reads each request to its end, keeps it, and answers with its number, its path and the length of its body."""

    asked: list[Asked] = attrs.field(factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message["body"]
            more = message["more_body"]
        query = b"?" + scope["query_string"] if scope["query_string"] else b""
        self.asked.append(Asked(scope["method"], scope["raw_path"] + query, tuple(scope["headers"]), body))
        said = json.dumps({"number": len(self.asked), "path": scope["path"], "length": len(body)}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(said))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": said})


@attrs.frozen
class Told:
    """An answer as it was on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of an error, which must be OpenAI's object; None for a good answer."""
        if self.status < 400:
            return None
        error = self.json["error"]
        assert {"message", "type", "param", "code"} == set(error)
        code: str = error["code"]
        return code


def answers_in(data: bytes) -> list[Told]:
    """Return the answers that these bytes are, to the last of them; those to HEAD requests are not understood."""
    found = []
    while data:
        head, end, data = data.partition(b"\r\n\r\n")
        assert end, f"a head that does not end: {head!r}"
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (field.partition(": ") for field in fields)}
        status = int(line.split(" ")[1])
        if status == 100:
            continue
        if headers.get("transfer-encoding") == "chunked":
            body, data = _chunks(data)
        else:
            length = int(headers.get("content-length", len(data)))
            assert len(data) >= length, "an answer that does not end"
            body, data = data[:length], data[length:]
        found.append(Told(status, headers, body))
    return found


def _chunks(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        body, end, data = body + data[:length], data[length : length + 2], data[length + 2 :]
        assert end == b"\r\n", "a chunk that does not end"
        if not length:
            return body, data
