"""Where keys are looked up."""

from __future__ import annotations

from typing import Protocol

from domain.keys import Key


class KeyStore(Protocol):
    """Finds keys by the digest of their secret; it never sees the secret."""

    async def find(self, digest: bytes) -> Key | None:
        """Return the key with this digest, None where there is none; raises `Unavailable` when it cannot tell."""
        ...
