"""Keys that are known at the start, held in memory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

import attrs

from domain.keys import Key


def key_id(digest: bytes) -> str:
    """Return an id for a key without a name: the same for one key, and of no use to whoever tries keys."""
    return f"key-{hashlib.sha256(digest).hexdigest()[:8]}"


@attrs.frozen
class MemoryKeys:
    """The keys by their digests."""

    _keys: Mapping[bytes, Key] = attrs.field(factory=dict, repr=False)

    @classmethod
    def of(cls, keys: Iterable[Key]) -> MemoryKeys:
        """Return a store of some keys; where two have one digest, the first counts."""
        held: dict[bytes, Key] = {}
        for key in keys:
            held.setdefault(key.digest, key)
        return cls(held)

    async def find(self, digest: bytes) -> Key | None:
        """Return the key with this digest, None where there is none."""
        return self._keys.get(digest)
