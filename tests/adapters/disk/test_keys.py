"""The key that a first start makes and keeps."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from adapters.disk.folder import DataError, _replace
from adapters.disk.keys import DiskKeys, ensure_key, has_form, key_file, new_secret
from domain.keys import Key, digest_of
from tests.contracts.keys import PEPPER, Holding, KeyStoreContract, key_of

ROOT = Path(__file__).parents[3]


class TestDiskKeys(KeyStoreContract):
    @override
    @pytest.fixture
    def holding(self, tmp_path: Path) -> Holding:
        def hold(keys: object) -> DiskKeys:
            (tmp_path / "keys.json").write_bytes(key_file(keys, PEPPER))  # type: ignore[arg-type]
            return DiskKeys.load(tmp_path, PEPPER)

        return hold


async def test_a_first_start_makes_a_key_that_opens(tmp_path: Path) -> None:
    """The secret that is handed out is found again after a restart, by its digest."""
    secret = ensure_key(tmp_path / "data", PEPPER)

    assert secret is not None
    found = await DiskKeys.load(tmp_path / "data", PEPPER).find(digest_of(secret, PEPPER))
    assert found is not None
    assert found.id.startswith("key-")


def test_the_key_is_shown_once(tmp_path: Path) -> None:
    """A second start makes no other key and changes nothing."""
    ensure_key(tmp_path, PEPPER)
    before = (tmp_path / "keys.json").read_bytes()

    assert ensure_key(tmp_path, PEPPER) is None
    assert (tmp_path / "keys.json").read_bytes() == before


def test_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    """The folder has mode 0700 and the file 0600."""
    ensure_key(tmp_path / "data", PEPPER)

    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "data", tmp_path / "data" / "keys.json")]

    assert modes == [0o700, 0o600]


def test_the_file_holds_no_secret(tmp_path: Path) -> None:
    """Neither the key nor a part of it stands in the file, nor the pepper; and no temporary file is left."""
    secret = ensure_key(tmp_path, PEPPER)

    assert secret is not None
    text = (tmp_path / "keys.json").read_text()
    assert secret.removeprefix("sk-gw-")[:8] not in text
    assert PEPPER.decode()[:8] not in text
    assert {path.name for path in tmp_path.iterdir()} == {"keys.json", ".lock"}


def test_of_many_processes_that_start_at_once_one_makes_the_key(tmp_path: Path) -> None:
    """Exactly one is told a key, and that is the one that is kept."""
    program = (
        "import sys; from pathlib import Path; from adapters.disk.keys import ensure_key\n"
        "sys.stdin.read()\n"
        f"print(ensure_key(Path({str(tmp_path / 'data')!r}), {PEPPER!r}) or '')"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    told = [process.communicate()[0].strip() for process in processes]

    made = [secret for secret in told if secret]
    assert len(made) == 1
    assert [key.digest for key in DiskKeys.load(tmp_path / "data", PEPPER).keys] == [digest_of(made[0], PEPPER)]


def test_where_no_file_is_there_are_no_keys(tmp_path: Path) -> None:
    """A folder that is not there holds no keys, and is not made."""
    assert DiskKeys.load(tmp_path / "none", PEPPER).keys == ()
    assert not (tmp_path / "none").exists()


def good_file() -> dict[str, object]:
    """Return the content of a good file."""
    content: dict[str, object] = json.loads(key_file([key_of("secret")], PEPPER))
    return content


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 1}',
        "\x00" * 100,
        "[" * 100_000,
        json.dumps({**good_file(), "keys": []}),
        json.dumps({**good_file(), "keys": {}}),
        json.dumps({**good_file(), "version": 2}),
        json.dumps({**good_file(), "more": 1}),
        json.dumps({**good_file(), "keys": [{"id": "key-1", "digest": "00"}]}),
        json.dumps({**good_file(), "keys": [{"id": "key-1", "digest": "no hexadecimal digits"}]}),
        json.dumps({**good_file(), "keys": [{"id": "", "digest": "00" * 32}]}),
        json.dumps({**good_file(), "keys": [{"id": "key-1", "digest": "00" * 32, "weight": 0}]}),
        json.dumps({**good_file(), "keys": [{"id": "key-1", "digest": "00" * 32}] * 2}),
    ],
)
def test_a_damaged_file_is_an_error_and_is_left_alone(tmp_path: Path, text: str) -> None:
    """A gateway whose keys are unreadable neither opens to all nor forgets them."""
    path = tmp_path / "keys.json"
    path.write_text(text)

    with pytest.raises(DataError, match=r"keys\.json"):
        DiskKeys.load(tmp_path, PEPPER)
    assert ensure_key(tmp_path, PEPPER) is None
    assert path.read_text() == text


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_damage_is_found_or_harmless(tmp_path_factory: pytest.TempPathFactory, noise: bytes, at: int) -> None:
    """Bytes written into the file anywhere lead to a DataError, or to the same digest as before."""
    folder = tmp_path_factory.mktemp("data")
    key = key_of("secret")
    good = key_file([key], PEPPER)
    (folder / "keys.json").write_bytes(good[:at] + noise + good[at + len(noise) :])

    try:
        keys = DiskKeys.load(folder, PEPPER).keys
    except DataError as error:
        assert "secret" not in str(error)  # noqa: PT017 - most examples end here, and not all
        return
    assert len(keys) == 1


def test_a_message_quotes_nothing_of_the_file(tmp_path: Path) -> None:
    """What went wrong is said without what was there."""
    (tmp_path / "keys.json").write_text('{"version": 1, "pepper": "x", "keys": [{"id": "canary-1", "digest": 7}]}')

    with pytest.raises(DataError) as caught:
        DiskKeys.load(tmp_path, PEPPER)

    assert "canary" not in str(caught.value)


def test_another_pepper_is_an_error(tmp_path: Path) -> None:
    """Keys made with another pepper would all be refused: the operator is told why instead."""
    ensure_key(tmp_path, PEPPER)

    with pytest.raises(DataError, match="another pepper"):
        DiskKeys.load(tmp_path, b"another pepper of thirty-two bytes or more")


def test_a_link_that_leads_nowhere_is_not_replaced(tmp_path: Path) -> None:
    """A volume that is not mounted yet looks like that."""
    (tmp_path / "keys.json").symlink_to(tmp_path / "elsewhere")

    assert ensure_key(tmp_path, PEPPER) is None
    with pytest.raises(DataError, match="cannot be read"):
        DiskKeys.load(tmp_path, PEPPER)


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file where the folder should be, for one."""
    (tmp_path / "data").write_text("")

    with pytest.raises(DataError, match="DATA_DIR"):
        ensure_key(tmp_path / "data", PEPPER)


def test_without_the_lock_nothing_is_written(tmp_path: Path) -> None:
    """Where the lock cannot be had, no key is made."""
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / ".lock").mkdir()

    with pytest.raises(DataError):
        ensure_key(folder, PEPPER)

    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_what_fails_halfway_leaves_nothing(tmp_path: Path) -> None:
    """Where the file cannot take its place, the temporary one goes too."""
    (tmp_path / "keys.json").mkdir()

    with pytest.raises(OSError, match=r"keys\.json"):
        _replace(tmp_path / "keys.json", b"content")

    assert [path.name for path in tmp_path.iterdir()] == ["keys.json"]


def test_new_keys_have_form_and_entropy() -> None:
    """Keys begin with sk-gw-, carry more than 192 random bits, and differ in every place."""
    made = [new_secret() for _ in range(300)]

    assert all(has_form(secret) and secret.isascii() and secret.removeprefix("sk-gw-").isalnum() for secret in made)
    assert len(set(made)) == len(made)
    assert all(len({secret[place] for secret in made}) > 20 for place in range(6, 46))


@given(st.integers(0, 51), st.characters(codec="utf-8"))
def test_a_changed_letter_shows(place: int, letter: str) -> None:
    """A mistyped key is told from a key without asking anyone."""
    secret = new_secret()
    changed = secret[:place] + letter + secret[place + 1 :]

    assert has_form(changed) == (changed == secret)


@given(st.text())
def test_any_text_can_be_asked_for_its_form(text: str) -> None:
    """Nothing that is not made here has the form."""
    assert not has_form(text)
    assert not has_form("sk-gw-" + text)


def test_weights_and_names_survive(tmp_path: Path) -> None:
    """What is written is what is read."""
    keys = (Key("key-1", b"1" * 32, "one", 2.5), Key("key-2", b"2" * 32))
    (tmp_path / "keys.json").write_bytes(key_file(keys, PEPPER))

    assert DiskKeys.load(tmp_path, PEPPER).keys == keys
