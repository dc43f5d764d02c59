"""Who is calling."""

from __future__ import annotations

import attrs

from domain.errors import BadKey
from domain.keys import AccessPolicy, Caller
from domain.ports.keys import KeyStore

ANONYMOUS = Caller(id="anonymous", name="anonymous")
MAX_SECRET = 4096


@attrs.frozen
class Authenticate:
    """Finds the caller that a presented secret belongs to."""

    keys: KeyStore
    policy: AccessPolicy

    async def __call__(self, secret: str | None) -> Caller:
        """
        Return the caller; `secret` is None where none was presented.

        Raises `BadKey`. A malformed secret is refused before the store is asked; the store only ever sees a digest.
        Where no key is required, any secret or none will do, and a known one still names its caller.
        """
        well_formed = secret is not None and 0 < len(secret) <= MAX_SECRET and secret.isascii() and secret.isprintable()
        if well_formed and secret is not None:
            key = await self.keys.find(self.policy.digest_of(secret))
            if key is not None:
                return key.caller
        if not self.policy.required:
            return ANONYMOUS
        raise BadKey(missing=secret is None)
