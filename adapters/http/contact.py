"""What the gateway's own server lets the application do beside ASGI."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from starlette.types import Scope

CONTACT = "ai-gateway.contact"
"""Its place in the extensions of a request's scope."""


class Contact(Protocol):
    """
    The connection to a caller, for what would cost a task, a timer or a wait by ASGI alone.

    All of it is done at once. Other servers have none of it: there the application takes the way of ASGI.
    """

    fields: Mapping[bytes, bytes]
    """The first header of each lower-case name."""

    def whole_body(self) -> bytes | None:
        """Take the body, where all of it is there already; otherwise return None."""
        ...

    def answer(self, status: int, lines: bytes, body: bytes, *, close: bool = False) -> bool:
        """
        Send a whole answer, the length of which is told besides these lines; `close` has the connection end with it.

        Return False, with nothing done, where the connection takes nothing now.
        """
        ...

    def push(self, part: bytes, *, more: bool) -> bool:
        """Send a part of an answer that has begun; return False, with nothing done, as `answer` does."""
        ...

    def when_gone(self, act: Callable[[], None] | None) -> None:
        """Have this called, or nothing any more, when the caller hangs up; at once, where that has happened."""
        ...

    def when_due(self, seconds: float, act: Callable[[], float] | None) -> None:
        """Have this called after so long, or nothing any more; it returns the seconds until it is called again."""
        ...


def contact_of(scope: Scope) -> Contact | None:
    """Return the contact of a request, None on another server."""
    extensions = scope.get("extensions")
    return extensions.get(CONTACT) if extensions else None
