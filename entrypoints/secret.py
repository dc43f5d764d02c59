"""Secrets that do not show, and the references by which settings name them."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, final

import attrs
from typing_extensions import override

MASK = "********"
LITERAL = "literal"
MAX_FILE_BYTES = 65_536
MAX_KEY_LENGTH = 4096
"""The longest key that a caller can present."""

_REFERENCE_SLIP = re.compile(r"(?i)(env|file|os\.environ)(:|\.|/)|\$\{?[a-z_]|[a-z][a-z0-9+.-]*://")


@final
class Secret:
    """
    A text that shows only to who asks for it by `reveal`: not in repr, str, format, pickle or JSON.

    `origin` says where it came from: a reference, the name of a variable, or `LITERAL`. It is no attrs class,
    because `attrs.asdict` and cattrs would look into one.
    """

    __slots__ = ("_text", "origin")

    def __init__(self, text: str, origin: str = LITERAL) -> None:
        if not text:
            raise ValueError("a secret is never empty")
        self._text = text
        self.origin = origin

    def reveal(self) -> str:
        """Return the text."""
        return self._text

    @override
    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    @override
    def __str__(self) -> str:
        return MASK

    @override
    def __format__(self, spec: str) -> str:
        return MASK

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(
            self._text.encode("utf-8", "surrogatepass"), other.reveal().encode("utf-8", "surrogatepass")
        )

    @override
    def __hash__(self) -> int:
        return hash(self._text)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Secret:
        return self

    @override
    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("A secret is not pickled: whoever needs it resolves it anew.")

    @override
    def __getstate__(self) -> NoReturn:
        raise TypeError("A secret is not pickled: whoever needs it resolves it anew.")


@attrs.frozen
class References:
    """Finds the secrets that `env://NAME`, `os.environ/NAME` and `file:///path` stand for."""

    environ: Mapping[str, str] = attrs.field(repr=False)

    def resolve(self, text: str, origin: str = LITERAL) -> Secret:
        """
        Return the secret that a text names, or is.

        What a reference leads to is taken as it stands, without the white space around it. Raises `ValueError` with a
        sentence that names the reference and never a value.
        """
        for prefix in ("env://", "os.environ/"):
            if text.startswith(prefix):
                return self._variable(text, text.removeprefix(prefix))
        if text.startswith("file://"):
            return self._file(text)
        if _REFERENCE_SLIP.match(text):
            raise ValueError("looks like a reference, but is none; write env://NAME or file:///path")
        if not text.strip():
            raise ValueError("is empty; remove it, or give a secret")
        if text != text.strip():
            raise ValueError("begins or ends with white space; remove it")
        return Secret(text, origin)

    def _variable(self, reference: str, name: str) -> Secret:
        if not name:
            raise ValueError(f"{reference} names no variable; write env://NAME")
        value = self.environ.get(name, "").strip()
        if not value:
            raise ValueError(f"{reference} leads nowhere; set the variable {name}")
        return Secret(value, reference)

    def _file(self, reference: str) -> Secret:
        path = reference.removeprefix("file://")
        if not path.startswith("/"):
            raise ValueError(f"{reference} is not absolute; write file:///path")
        try:
            with Path(path).open("rb") as file:
                content = file.read(MAX_FILE_BYTES + 1)
            value = content.decode().strip()
        except OSError as error:
            raise ValueError(
                f"{reference} cannot be read ({error.strerror}); check the path and its permissions"
            ) from None
        except ValueError:
            # Neither the bytes of the file nor the reason, which would quote them, may reach a message.
            raise ValueError(f"{reference} holds no UTF-8 text, or is no path") from None
        if not value or len(content) > MAX_FILE_BYTES:
            raise ValueError(
                f"{reference} is empty or longer than {MAX_FILE_BYTES} bytes; it must hold the secret alone"
            )
        return Secret(value, reference)


def must_be_sendable(secret: Secret | None) -> None:
    """Raise `ValueError` for a key that no HTTP header can carry: it would lock out whoever holds it."""
    text = "" if secret is None else secret.reveal()
    if not text.isascii() or not text.isprintable() or len(text) > MAX_KEY_LENGTH:
        raise ValueError(
            f"must be printable ASCII of at most {MAX_KEY_LENGTH} characters; no header can carry it as it is"
        )
