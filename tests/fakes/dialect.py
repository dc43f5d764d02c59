"""What one vendor's servers say, as far as a double of them has to say it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol

import attrs

from tests.fakes.answers import Answer

RECORDED = Path(__file__).parent / "recorded"

Endpoint = Literal["chat", "text", "embeddings", "models", "model"]


@attrs.define(eq=False)
class Seen:
    """
    One request as it came over the wire, and what became of it.

    `headers` are in their order and with their case. `scenario` is what was played, and `taken` how many bytes of the
    answer the connection took; `complete` says that it was all of them, `gone` that the client closed before it was.
    """

    method: str
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    connection: int = 0
    scenario: str = ""
    taken: int = 0
    complete: bool = False
    gone: bool = False

    def header(self, name: str) -> str | None:
        """Return the value of a header, None where it was not sent."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def header_names(self) -> list[str]:
        """The names of the headers, lower case, in order."""
        return [name.lower() for name, _ in self.headers]

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def values(self) -> Mapping[str, Any]:
        """The members of the body; none where it is no JSON object."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def model(self) -> str:
        """The model asked for."""
        model = self.values.get("model")
        return model if isinstance(model, str) else ""

    @property
    def told(self) -> str | None:
        """The credential that came with the request."""
        scheme, _, token = (self.header("authorization") or "").partition(" ")
        return token if scheme.lower() == "bearer" else self.header("x-api-key")


@attrs.frozen
class Fault:
    """
    An error that a server answers with.

    `form` is what its body is. `code` stands for the vendor's usual word; `echo` puts the credential that came with
    the request into the message, as careless servers do.
    """

    status: int
    form: Literal["json", "html", "text", "empty"] = "json"
    retry_after: str | None = None
    code: str | None = None
    echo: bool = False


class Dialect(Protocol):
    """How one vendor says what all vendors say."""

    def endpoint(self, seen: Seen) -> Endpoint | None:
        """Return what a request asks for; None where there is nothing at its path."""
        ...

    def refusal(self, seen: Seen) -> Answer | None:
        """Return the answer to a request that the vendor does not take; None where it takes it."""
        ...

    def answer(self, endpoint: Endpoint, says: str, seen: Seen) -> Answer:
        """Return a good answer."""
        ...

    def not_found(self) -> Answer:
        """Return the answer to an unknown path."""
        ...

    def error(self, fault: Fault, seen: Seen) -> Answer:
        """Return an error's answer with a body in the vendor's form."""
        ...

    def stream_error(self) -> bytes:
        """Return the message with which a stream reports that it failed."""
        ...

    def pack(self, value: object) -> bytes:
        """Return a value as a message of a stream."""
        ...

    def unpack(self, message: bytes) -> Any:
        """Return the value of a message of a stream; None where it is the mark of the end."""
        ...

    def set_text(self, value: Any, text: str) -> bool:
        """Put other words into an answer or a piece of one; False where it has none."""
        ...

    def set_usage(self, messages: list[Any], variant: str) -> list[Any]:
        """Tell the usage elsewhere in a stream, or otherwise in a whole answer."""
        ...


@cache
def recorded(vendor: str, name: str) -> bytes:
    """Return a recorded body."""
    return (RECORDED / vendor / name).read_bytes()


def dumps(value: object) -> bytes:
    """Write JSON without white space, and letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
