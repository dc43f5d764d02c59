"""Which keys open the gateway: those of the settings, and the one that a first start made."""

from __future__ import annotations

from adapters.disk.folder import is_there
from adapters.disk.keys import NAME, DiskKeys, ensure_key
from adapters.disk.pepper import ensure_pepper
from adapters.memory.keys import MemoryKeys
from domain.keys import AccessPolicy, Key
from domain.ports.keys import KeyStore
from entrypoints.conversion import access_policy, static_keys
from entrypoints.settings import Settings

NO_PEPPER = b"ai-gateway: nothing is kept"
"""For digests that live in memory only: a secret pepper protects what is written down."""


def first_key(settings: Settings) -> str | None:
    """
    Make the first key where callers need one and there is none, and return it: the only time that it can be seen.

    Raises `DataError`.
    """
    process = settings.process
    if settings.auth.keys or not process.require_auth or process.development_mode:
        return None
    return ensure_key(process.data_dir, _kept_pepper(settings))


def open_keys(settings: Settings) -> tuple[KeyStore, AccessPolicy]:
    """
    Return the keys of the settings and those that are kept, and who is let in.

    Where no keys are kept, nothing is written: such a gateway needs no disk. Raises `DataError` where kept keys
    cannot be used.
    """
    kept: tuple[Key, ...] = ()
    pepper = NO_PEPPER
    if is_there(settings.process.data_dir / NAME):
        pepper = _kept_pepper(settings)
        kept = DiskKeys.load(settings.process.data_dir, pepper).keys
    keys = MemoryKeys.of([*static_keys(settings.auth.keys, pepper), *kept])
    return keys, access_policy(settings, pepper)


def _kept_pepper(settings: Settings) -> bytes:
    given = settings.process.key_pepper
    return ensure_pepper(settings.process.data_dir, given.reveal() if given is not None else None)
