"""The pepper: given, or made once and kept."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from adapters.disk.folder import DataError
from adapters.disk.keys import ensure_key
from adapters.disk.pepper import ensure_pepper

GIVEN = "a pepper of at least thirty-two bytes"


def test_a_given_pepper_is_used_and_not_kept(tmp_path: Path) -> None:
    """The operator's own pepper stays where the operator keeps it."""
    assert ensure_pepper(tmp_path / "data", GIVEN) == GIVEN.encode()
    assert not (tmp_path / "data").exists()


def test_without_one_a_pepper_is_made_once(tmp_path: Path) -> None:
    """It is the same at every start, and another in every folder."""
    made = ensure_pepper(tmp_path / "one", None)

    assert ensure_pepper(tmp_path / "one", None) == made
    assert ensure_pepper(tmp_path / "two", None) != made
    assert len(made) == 32


def test_only_the_owner_reads_it(tmp_path: Path) -> None:
    """The file has mode 0600."""
    ensure_pepper(tmp_path, None)

    assert stat.S_IMODE((tmp_path / "pepper").stat().st_mode) == 0o600


def test_a_kept_pepper_is_read_where_nothing_can_be_written(tmp_path: Path) -> None:
    """Where the file is there, no lock is taken: the folder may be mounted read-only."""
    ensure_pepper(tmp_path, None)
    (tmp_path / ".lock").unlink()

    ensure_pepper(tmp_path, None)

    assert [path.name for path in tmp_path.iterdir()] == ["pepper"]


def test_a_lost_pepper_is_told_and_none_is_made_in_its_place(tmp_path: Path) -> None:
    """A new one would open none of the keys that are kept, and hide that the old one is gone."""
    ensure_key(tmp_path, ensure_pepper(tmp_path, None))
    (tmp_path / "pepper").unlink()

    with pytest.raises(DataError, match=r"pepper is missing, and the keys in keys\.json hang on it"):
        ensure_pepper(tmp_path, None)
    assert not (tmp_path / "pepper").exists()


@pytest.mark.parametrize("text", [b"", b"short", b"g" * 64, b"0" * 63, b"0" * 65, b"\xff" * 64, b"0" * 2000])
def test_a_damaged_pepper_is_an_error_and_is_left_alone(tmp_path: Path, text: bytes) -> None:
    """An empty or cut file must not become a pepper that everyone knows."""
    (tmp_path / "pepper").write_bytes(text)

    with pytest.raises(DataError, match="pepper"):
        ensure_pepper(tmp_path, None)
    assert (tmp_path / "pepper").read_bytes() == text
