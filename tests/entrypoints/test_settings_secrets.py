"""Secrets are found by reference and never show."""

from __future__ import annotations

import copy
import json
import pickle
import pprint
import traceback
from collections.abc import Callable
from pathlib import Path

import attrs
import cattrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entrypoints.secret import LITERAL, References, Secret
from entrypoints.settings import SettingsError, load_settings

TEXT = "canary-canary"
SHOWN: dict[str, Callable[[Secret], object]] = {
    "repr": repr,
    "str": str,
    "format": lambda secret: f"{secret} {secret!r} {secret!s} {secret:>50}",
    "percent": lambda secret: "%s %r" % (secret, secret),  # noqa: UP031 - what some library may do
    "pprint": pprint.pformat,
    "in a list": lambda secret: str([secret, {"a": secret}]),
    "attrs": lambda secret: (attrs.asdict(Holder(secret)), attrs.astuple(Holder(secret)), Holder(secret)),
    "cattrs": lambda secret: cattrs.unstructure(Holder(secret)),
    "exception": lambda secret: "".join(traceback.format_exception(ValueError(secret))),
}
REFUSING: dict[str, Callable[[Secret], object]] = {
    "pickle": pickle.dumps,
    "oldest pickle": lambda secret: pickle.dumps(secret, 0),
    "pickle within": lambda secret: pickle.dumps([Holder(secret)]),
    "json": json.dumps,
    "msgspec": msgspec.json.encode,
    "msgspec within": lambda secret: msgspec.json.encode(Holder(secret)),
    "state": lambda secret: secret.__getstate__(),
    "vars": vars,
}


@attrs.frozen
class Holder:
    secret: Secret


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
@given(text=st.text(min_size=3))
def test_a_secret_does_not_show(show: Callable[[Secret], object], text: str) -> None:
    """Whatever is made of it, its text is not in there."""
    marked = f"canary{text}"

    assert marked not in str(show(Secret(marked)))
    assert "canary" not in str(show(Secret(marked)))


@pytest.mark.parametrize("store", REFUSING.values(), ids=REFUSING)
def test_a_secret_is_not_stored(store: Callable[[Secret], object]) -> None:
    """What would have to hold the text refuses, and does not quote it."""
    with pytest.raises(TypeError) as caught:
        store(Secret(TEXT))

    assert "canary" not in str(caught.value)


def test_a_secret_is_a_value() -> None:
    """It compares and hashes by its text, wherever it came from, and its copies are itself."""
    secret = Secret(TEXT, "env://A")

    assert secret == Secret(TEXT)
    assert hash(secret) == hash(Secret(TEXT))
    assert secret != Secret("other")
    assert secret != TEXT
    assert copy.deepcopy(secret) is secret
    assert copy.copy(secret) is secret
    assert secret.reveal() == TEXT


def test_a_secret_is_never_empty() -> None:
    """Nothing would be compared with nothing."""
    with pytest.raises(ValueError, match="never empty"):
        Secret("")


def test_references_lead_to_secrets(tmp_path: Path) -> None:
    """By variable, by variable in another spelling, by file; the white space around them is none of theirs."""
    (tmp_path / "secret").write_text(f"\n{TEXT} \n")
    references = References({"NAME": f" {TEXT}\n"})

    found = {ref: references.resolve(ref) for ref in ("env://NAME", "os.environ/NAME", f"file://{tmp_path}/secret")}

    assert {TEXT} == {secret.reveal() for secret in found.values()}
    assert list(found) == [secret.origin for secret in found.values()]
    assert references.resolve("a literal one").origin == LITERAL


def test_what_a_reference_leads_to_is_no_reference() -> None:
    """A secret that looks like one is taken as it stands."""
    assert References({"A": "env://B"}).resolve("env://A").reveal() == "env://B"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        " k",
        "k ",
        "env:NAME",
        "env::NAME",
        "env.NAME",
        "ENV://NAME",
        "file:/x",
        "$NAME",
        "${NAME}",
        "vault://x",
    ],
)
def test_what_looks_like_a_reference_is_no_secret(text: str) -> None:
    """A slip in writing must not become a key that everyone can guess."""
    with pytest.raises(ValueError, match=r"reference|empty|white space"):
        References({"NAME": TEXT}).resolve(text)


@pytest.mark.parametrize(
    "reference",
    [
        "env://",
        "env://NONE",
        "env://BLANK",
        "os.environ/",
        "os.environ/NONE",
        "file://x",
        "file:///none",
        "file:///tmp",
    ],
)
def test_a_reference_that_leads_nowhere_is_named(reference: str) -> None:
    """With what to do about it."""
    with pytest.raises(ValueError, match="^" + reference) as caught:
        References({"BLANK": " "}).resolve(reference)

    assert str(caught.value).startswith(reference)


@pytest.mark.parametrize("content", [b"", b" \n", b"canary\xff", b"canary" * 20_000])
def test_a_file_must_hold_the_secret_alone(tmp_path: Path, content: bytes) -> None:
    """Empty, no text, or far too long: a problem that quotes nothing."""
    (tmp_path / "secret").write_bytes(content)

    with pytest.raises(ValueError, match=r"^file:///") as caught:
        References({}).resolve(f"file://{tmp_path}/secret")

    assert "canary" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("value", [TEXT, "file:///none-at-all-but-longer-than-32-bytes"])
def test_a_pepper_that_can_be_guessed_is_refused(tmp_path: Path, value: str) -> None:
    """Too short, or a reference that leads nowhere: never the text of the reference itself."""
    with pytest.raises(SettingsError) as caught:
        load_settings({}, {"KEY_PEPPER": value}, tmp_path)

    (problem,) = caught.value.problems
    assert problem.startswith("KEY_PEPPER: ")
    assert TEXT not in problem


def test_a_pepper_may_be_a_reference(tmp_path: Path) -> None:
    """As any secret."""
    (tmp_path / "pepper").write_text("p" * 32)

    settings = load_settings({}, {"KEY_PEPPER": f"file://{tmp_path}/pepper"}, tmp_path)

    assert settings.process.key_pepper == Secret("p" * 32)
