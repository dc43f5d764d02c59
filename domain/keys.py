"""Who may call: keys, kept as digests only."""

from __future__ import annotations

import hashlib
import hmac

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

    def caller(self) -> Caller:
        """Return the caller that presents this key."""
        return Caller(id=self.id, name=self.name, weight=self.weight)


def digest_of(secret: str, pepper: bytes) -> bytes:
    """Return HMAC-SHA-256 of a presented secret: keys are random, so a slow hash would add nothing."""
    return hmac.digest(pepper, secret.encode("utf-8", "surrogatepass"), hashlib.sha256)


@attrs.frozen
class AccessPolicy:
    """How callers are told apart: the pepper of the digests, and whether a key is needed at all."""

    pepper: bytes = attrs.field(repr=False)
    required: bool = True
