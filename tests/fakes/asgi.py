"""A client that speaks ASGI to an application, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import attrs
from starlette.types import ASGIApp, Message

from adapters.wire.jsontext import value_of
from tests.fakes.gateway import SECRET

GOOD = {"authorization": f"Bearer {SECRET}", "content-type": "application/json"}


@attrs.define
class Answer:
    """What an application sent."""

    status: int = 0
    headers: dict[str, str] = attrs.field(factory=dict)
    parts: list[bytes] = attrs.field(factory=list)
    complete: bool = False

    @property
    def body(self) -> bytes:
        """All of the body."""
        return b"".join(self.parts)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return value_of(self.body)

    @property
    def error(self) -> dict[str, Any]:
        """The error object; it must have its four members and nothing beside it."""
        body = self.json
        assert {"error"} == set(body), body
        assert {"message", "type", "param", "code"} == set(body["error"])
        found: dict[str, Any] = body["error"]
        return found

    @property
    def events(self) -> list[bytes]:
        """The data of the body's events."""
        return [event.removeprefix(b"data: ") for event in self.body.split(b"\n\n") if event.startswith(b"data: ")]


@attrs.define
class Client:
    """Sends one request; may hang up at any time."""

    app: ASGIApp
    answer: Answer = attrs.field(factory=Answer)
    incoming: asyncio.Queue[Message] = attrs.field(factory=asyncio.Queue)
    progress: asyncio.Event = attrs.field(factory=asyncio.Event)
    hold: asyncio.Event | None = None
    """Where set, the connection takes nothing until it is."""

    async def send(self, message: Message) -> None:
        """Take what the application sends."""
        if message["type"] == "http.response.start":
            self.answer.status = message["status"]
            self.answer.headers = {name.decode(): value.decode("latin-1") for name, value in message["headers"]}
        else:
            self.answer.parts.append(message.get("body", b""))
            self.answer.complete = not message.get("more_body", False)
        self.progress.set()

    def hang_up(self) -> None:
        """Close the connection."""
        self.incoming.put_nowait({"type": "http.disconnect"})

    async def run(
        self,
        method: str,
        path: str,
        parts: Iterable[bytes] = (b"",),
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
    ) -> Answer:
        """Send a request with these parts of a body and wait until the application is done."""
        pairs = headers.items() if isinstance(headers, Mapping) else headers
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs],
        }
        body = list(parts)
        for number, part in enumerate(body, 1):
            self.incoming.put_nowait({"type": "http.request", "body": part, "more_body": number < len(body)})
        await self.app(scope, self.incoming.get, self.send)
        return self.answer

    async def post(self, path: str, body: bytes, headers: Mapping[str, str] | None = None) -> Answer:
        """Send a whole body with a good key."""
        return await self.run("POST", path, [body], {**GOOD, **(headers or {})})
