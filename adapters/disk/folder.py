"""The folder of what the gateway keeps, and files in it that are written once and whole."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
from typing_extensions import override

FOLDER_MODE = 0o700
_LOCK = ".lock"


@attrs.frozen
class DataError(Exception):
    """Something kept on disk cannot be used: `path` and `reason` say what, and `remedy` what to do."""

    path: Path
    reason: str
    remedy: str

    @override
    def __str__(self) -> str:
        """Name the file, what is wrong with it, and what to do."""
        return f"{self.path} {self.reason}. {self.remedy}"


def create_once(path: Path, content: Callable[[], bytes]) -> bool:
    """
    Write a file unless it exists; return whether it was written.

    Of several processes that start at once, one writes. The file appears whole, with mode 0600, or not at all.
    Its folder is made with mode 0700 where there is none. Raises `DataError`.
    """
    with _translated(path, "cannot be written"):
        if is_there(path):
            return False  # without the lock, for a folder that is mounted read-only
        path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        with _locked(path.parent):
            if is_there(path):
                return False
            _replace(path, content())
            return True


def is_there(path: Path) -> bool:
    """Whether there is a file, or a link that leads to none: that is not for us to replace."""
    return path.exists() or path.is_symlink()


def read(path: Path, limit: int) -> bytes:
    """Return a file's bytes; raises `DataError` where it cannot be read or is longer than `limit` bytes."""
    with _translated(path, "cannot be read"), path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise DataError(path, "is too long for what it should be", "Restore it from a backup.")
    return content


def _replace(path: Path, content: bytes) -> None:
    """Put a file in its place in one step, and see to it that it outlives a power cut."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mkstemp's mode is 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the folder's lock; the system frees it when the process dies."""
    descriptor = os.open(folder / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path, what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = f"{what} ({error.strerror})"
        raise DataError(
            path, reason, "Check its permissions and the room on the disk, or choose another DATA_DIR."
        ) from error
