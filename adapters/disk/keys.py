"""The key that the first start makes, kept as a digest in `DATA_DIR/keys.json`."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import string
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import msgspec

from adapters.disk.folder import DataError, create_once, is_there, read
from domain.keys import Key, digest_of

NAME = "keys.json"
PREFIX = "sk-gw-"
MAX_FILE_BYTES = 16 * 2**20

_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 40
"""Each of the 62 letters is worth 5.95 bits: 238 in all."""
_CHECKSUM_LENGTH = 6
_RESTORE = "Restore it from a backup; or remove it, and the next start makes a new key"


class _KeyRow(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    digest: str
    name: str = ""
    weight: float = 1


class _KeyFile(msgspec.Struct, forbid_unknown_fields=True):
    version: int
    pepper: str
    keys: list[_KeyRow]


@attrs.frozen
class DiskKeys:
    """The keys of `keys.json`, read once."""

    keys: tuple[Key, ...]
    _by_digest: Mapping[bytes, Key] = attrs.field(repr=False)

    @classmethod
    def load(cls, data_dir: Path, pepper: bytes) -> DiskKeys:
        """
        Return the keys that are kept, or none where no file is.

        Raises `DataError` where the file is damaged or was made with another pepper: a gateway that went on without
        its keys would refuse everyone, and one that made new ones would lose the old.
        """
        path = data_dir / NAME
        keys = _decoded(path, pepper) if is_there(path) else ()
        return cls(keys, {key.digest: key for key in keys})

    async def find(self, digest: bytes) -> Key | None:
        """Return the key with this digest, None where there is none."""
        return self._by_digest.get(digest)


def ensure_key(data_dir: Path, pepper: bytes) -> str | None:
    """
    Make a first key where none is kept, and return it: the only time that it can be seen. Otherwise return None.

    Of several processes that start at once, one makes the key and is told it. Raises `DataError`.
    """
    secret = new_secret()
    key = Key(id=f"key-{secrets.token_hex(4)}", digest=digest_of(secret, pepper), name="first-start")
    return secret if create_once(data_dir / NAME, lambda: key_file([key], pepper)) else None


def new_secret() -> str:
    """Return a new key: a prefix that scanners for leaked keys can look for, random letters, and a checksum."""
    drawn = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM_LENGTH))
    return PREFIX + drawn + _checksum(drawn)


def has_form(secret: str) -> bool:
    """Whether a text looks like a key made here: a scanner can tell without asking anyone."""
    drawn = secret.removeprefix(PREFIX)[:-_CHECKSUM_LENGTH]
    right_length = len(secret) == len(PREFIX) + _RANDOM_LENGTH + _CHECKSUM_LENGTH
    return right_length and secret == PREFIX + drawn + _checksum(drawn)


def key_file(keys: Iterable[Key], pepper: bytes) -> bytes:
    """Return the text of a `keys.json` that holds these keys."""
    rows = [_KeyRow(key.id, key.digest.hex(), key.name, key.weight) for key in keys]
    return msgspec.json.format(msgspec.json.encode(_KeyFile(1, _mark(pepper), rows)), indent=2) + b"\n"


def _decoded(path: Path, pepper: bytes) -> tuple[Key, ...]:
    try:
        file = msgspec.json.decode(read(path, MAX_FILE_BYTES), type=_KeyFile)
        keys = tuple(_key(row) for row in file.keys)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        # The reason would quote the file, and what is in it is nobody's business.
        raise DataError(path, "is damaged", f"{_RESTORE}.") from None
    if file.version != 1:
        raise DataError(
            path, f"is of version {file.version}, which this gateway does not know", "Run the one that wrote it."
        )
    if not keys or len({key.digest for key in keys}) < len(keys):
        raise DataError(path, "holds no key, or one twice", f"{_RESTORE}.")
    if not hmac.compare_digest(file.pepper.encode(), _mark(pepper).encode()):
        raise DataError(
            path, "was made with another pepper", f"Set KEY_PEPPER as it was, or restore DATA_DIR/pepper. {_RESTORE}."
        )
    return keys


def _key(row: _KeyRow) -> Key:
    digest = bytes.fromhex(row.digest)
    if len(digest) != hashlib.sha256().digest_size or not row.id.isprintable() or not row.id:
        raise ValueError
    if not 0 < row.weight < math.inf:
        raise ValueError
    return Key(row.id, digest, row.name, row.weight)


def _mark(pepper: bytes) -> str:
    """Return what tells one pepper from another, and nothing more about it."""
    return hmac.digest(pepper, b"ai-gateway: the pepper of keys.json", "sha256").hex()[:8]


def _checksum(drawn: str) -> str:
    value = zlib.crc32((PREFIX + drawn).encode("utf-8", "surrogatepass"))
    letters = ""
    for _ in range(_CHECKSUM_LENGTH):
        value, index = divmod(value, len(_ALPHABET))
        letters = _ALPHABET[index] + letters
    return letters
