"""Who may call: keys, kept as digests only."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import attrs


@attrs.frozen
class Caller:
    """Who sent a request, as far as the gateway knows: the id of the key, never the key."""

    id: str
    name: str = ""
    weight: float = 1


@attrs.frozen
class Key:
    """A key that opens the gateway; `digest` is all that is kept of its secret."""

    id: str
    digest: bytes = attrs.field(repr=False)
    name: str = ""
    weight: float = 1
    caller: Caller = attrs.field(init=False, eq=False, repr=False)
    """Who presents this key."""

    @caller.default
    def _caller(self) -> Caller:
        return Caller(id=self.id, name=self.name, weight=self.weight)


def digest_of(secret: str, pepper: bytes) -> bytes:
    """Return HMAC-SHA-256 of a presented secret: keys are random, so a slow hash would add nothing."""
    return hmac.digest(pepper, secret.encode("utf-8", "surrogatepass"), hashlib.sha256)


@attrs.frozen
class AccessPolicy:
    """How callers are told apart: the pepper of the digests, and whether a key is needed at all."""

    pepper: bytes = attrs.field(repr=False)
    required: bool = True
    _begun: tuple[Any, Any] = attrs.field(init=False, eq=False, repr=False)

    @_begun.default
    def _begin(self) -> tuple[Any, Any]:
        block = hashlib.sha256().block_size
        key = self.pepper if len(self.pepper) <= block else hashlib.sha256(self.pepper).digest()
        padded = key.ljust(block, b"\0")
        return tuple(hashlib.sha256(bytes(byte ^ pad for byte in padded)) for pad in (_INNER, _OUTER))  # type: ignore[return-value]

    def digest_of(self, secret: str) -> bytes:
        """
        Return what `digest_of` does with this pepper, from the two hashes that begin with it.

        RFC 2104, section 4, recommends it: the pepper's own part is half of the work, and the same for every request.
        """
        inner, outer = self._begun[0].copy(), self._begun[1].copy()
        inner.update(secret.encode("utf-8", "surrogatepass"))
        outer.update(inner.digest())
        digest: bytes = outer.digest()
        return digest


_INNER, _OUTER = 0x36, 0x5C
