"""The pepper of the keys' digests: given by the operator, or made once and kept."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from adapters.disk.folder import DataError, create_once, is_there, read
from adapters.disk.keys import NAME as KEYS

NAME = "pepper"
PEPPER_BYTES = 32

_TEXT = re.compile(rb"[0-9a-f]{64}\n?")


def ensure_pepper(data_dir: Path, given: str | None) -> bytes:
    """
    Return the pepper: the given one, or that of `DATA_DIR/pepper`, which is made where there is none.

    Raises `DataError` where the file cannot be used, or is gone while keys are kept: it is never replaced, since all
    kept digests hang on it.
    """
    if given is not None:
        return given.encode("utf-8", "surrogatepass")
    path = data_dir / NAME
    # The pepper is made before the first key. So whoever sees keys, and then no pepper, sees no start under way.
    if is_there(data_dir / KEYS) and not is_there(path):
        raise DataError(
            path,
            f"is missing, and the keys in {KEYS} hang on it",
            f"Restore it from a backup, or set KEY_PEPPER as it was; or remove {KEYS} to begin anew.",
        )
    create_once(path, lambda: secrets.token_hex(PEPPER_BYTES).encode() + b"\n")
    text = read(path, limit=1024)
    if not _TEXT.fullmatch(text):
        raise DataError(path, "does not hold the 64 hexadecimal digits that were written", "Restore it from a backup.")
    return bytes.fromhex(text.decode())
