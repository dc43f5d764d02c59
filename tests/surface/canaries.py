"""
Looks for secrets where they must not be, in every form that they could have there.

    leaks(traces(gateway), canaries_of(key=KEY))   # [] where nothing has leaked
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from urllib.parse import quote, quote_plus

import attrs
import httpx

from tests.fakes.process import GatewayProcess

PREFIX = 8


@attrs.frozen
class Canary:
    """
    A text that nobody else says.

    `secret` is whether its beginning and its digests give something away too. `peppers` are the keys of its digests.
    """

    name: str
    text: str
    secret: bool = True
    peppers: tuple[str, ...] = ()

    def forms(self) -> Iterator[tuple[str, bytes]]:
        """Give the ways to write it, each with a name."""
        raw = self.text.encode()
        yield "raw", raw
        yield "url-encoded", quote(self.text, safe="").encode()
        yield "form-encoded", quote_plus(self.text).encode()
        yield "json-escaped", json.dumps(self.text)[1:-1].encode()
        yield "hex", raw.hex().encode()
        for shift in range(3):
            # Where it stands in what was encoded decides about its letters; the first and the last group may be mixed.
            whole = base64.b64encode(b"\0" * shift + raw)
            yield f"base64 at {shift}", whole[4 if shift else 0 : len(whole) // 4 * 4 - 4]
        if self.secret:
            yield "prefix", raw[:PREFIX]
            yield from self._digests(raw)

    def _digests(self, raw: bytes) -> Iterator[tuple[str, bytes]]:
        digests = {"sha256": hashlib.sha256(raw).digest(), "sha1": hashlib.sha1(raw, usedforsecurity=False).digest()}
        for number, pepper in enumerate(self.peppers):
            digests[f"hmac {number}"] = hmac.digest(pepper.encode(), raw, "sha256")
        for name, digest in digests.items():
            yield f"{name} in hex", digest.hex().encode()
            yield f"{name} in base64", base64.b64encode(digest).rstrip(b"=")
            yield f"{name} in urlsafe base64", base64.urlsafe_b64encode(digest).rstrip(b"=")


def canaries_of(**texts: str) -> list[Canary]:
    """Return secrets by their names."""
    return [Canary(name, text) for name, text in texts.items()]


def leaks(places: Mapping[str, bytes], canaries: Iterable[Canary]) -> list[str]:
    """Return what was found where, in words that do not repeat it."""
    forms = [(canary.name, form, text.lower()) for canary in canaries for form, text in canary.forms()]
    assert all(len(text) >= PREFIX for _, _, text in forms)
    return [
        f"{name} ({form}) in {place}"
        for place, content in places.items()
        for name, form, text in forms
        if text in content.lower()
    ]


def traces(gateway: GatewayProcess, folder: Path | None = None) -> dict[str, bytes]:
    """Return what a process has written so far: its two streams, and the files of its data folder."""
    found = {"stdout": gateway.out.text.encode(), "stderr": gateway.err.text.encode()}
    for file in sorted(folder.rglob("*")) if folder is not None and folder.exists() else ():
        if file.is_file():
            found[f"file {file.name}"] = file.read_bytes()
    return found


def dump_of(answer: httpx.Response) -> bytes:
    """Return an answer with its headers, as text to be searched."""
    head = b"\r\n".join(name + b": " + value for name, value in answer.headers.raw)
    return head + b"\r\n\r\n" + answer.content
