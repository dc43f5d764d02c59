"""Whatever stands in the file and the environment, settings are good or a SettingsError."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entrypoints.addresses import is_loopback
from entrypoints.conversion import route_table, static_keys
from entrypoints.secret import References
from entrypoints.settings import Settings, SettingsError, config_warnings, load_settings
from entrypoints.settings_file import spelled, structure
from entrypoints.settings_reference import TABLES, variables

NAMES = st.sampled_from(
    sorted(field.name for _, table, _ in TABLES for field in attrs.fields(table))
) | st.sampled_from(
    ["server", "auth", "providers", "models", "routing", "lab", "custom", "cerebras", "ollama", "fast", "v1"]
)
SCALARS = (
    st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(st.characters(codec="utf-8"), max_size=10)
    | st.sampled_from(
        ["custom", "openai", "cerebras", "ollama", "weighted", "env://A", "https://host/v1", "lab", "a:B"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(), inner, max_size=4),
    max_leaves=30,
)
TARGETS = st.lists(
    st.fixed_dictionaries({}, optional={"provider": NAMES | VALUES, "model": VALUES, "weight": VALUES, "set": VALUES}),
    max_size=3,
)
TREES = st.fixed_dictionaries(
    {},
    optional={
        "server": st.dictionaries(NAMES, VALUES, max_size=3),
        "auth": st.dictionaries(st.sampled_from(["keys", "admin_keys"]), st.lists(VALUES, max_size=3)) | VALUES,
        "providers": st.dictionaries(NAMES, st.dictionaries(NAMES, VALUES, max_size=4), max_size=3) | VALUES,
        "models": st.dictionaries(
            st.text(),
            st.fixed_dictionaries({"targets": TARGETS | VALUES}, optional={"retry": VALUES, "timeouts": VALUES}),
            max_size=2,
        )
        | VALUES,
        "routing": st.fixed_dictionaries({"default_provider": NAMES | VALUES}) | VALUES,
        "other": VALUES,
    },
)
SOME = settings(max_examples=settings().max_examples // 4)
"""Each example reads whole settings, which takes ten milliseconds."""
TEXTS = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    ["true", "0", "127.0.0.1", "0.0.0.0", "https://host", "k-1,k-2", '["a"]', "600", "x" * 40]  # noqa: S104 - only a text
)


@SOME
@given(TREES)
def test_any_tree_is_read_or_told_of(tree: dict[str, Any]) -> None:
    """A tree is structured as far as it can be, and each problem has a place and words."""
    _, problems = structure(tree, References({"A": "secret"}))

    assert all(spelled(place) and text for place, text in problems)
    assert len(problems) == len(set(problems))


@SOME
@given(
    st.text(st.characters(codec="utf-8")) | st.text("[]={}\"'.#\n ak1"),
    st.dictionaries(st.sampled_from(variables()), TEXTS),
)
def test_any_file_and_environment_are_good_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, text: str, environ: dict[str, str]
) -> None:
    """Nothing else is raised; and what is good never leaves the gateway open to others."""
    folder = tmp_path_factory.mktemp("settings")
    (folder / "gateway.toml").write_text(text)

    check(environ, folder)


@SOME
@given(st.dictionaries(st.sampled_from(variables()), TEXTS))
def test_any_environment_is_good_or_a_settings_error(environ: dict[str, str]) -> None:
    """Without a file too."""
    check(environ, Path("/nowhere"))


@SOME
@given(TREES, st.dictionaries(st.sampled_from(variables()), TEXTS, max_size=3))
def test_any_tree_and_environment_are_good_or_a_settings_error(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any], environ: dict[str, str]
) -> None:
    """Trees of the right shape with wrong things in them reach the checks between settings too."""
    folder = tmp_path_factory.mktemp("settings")
    text = "\n".join(f"{toml(name)} = {toml(value)}" for name, value in tree.items())
    (folder / "gateway.toml").write_text(text, encoding="utf-8")
    assert repr(tree) == repr(tomllib.loads(text))  # not ==, for the sake of NaN

    check({**environ, "GATEWAY_CONFIG": ""}, folder)


def toml(value: object) -> str:
    """Return a value as TOML."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{toml(name)} = {toml(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    return str(value).lower() if isinstance(value, bool) else str(value)


def check(environ: dict[str, str], folder: Path) -> None:
    loaded: Settings | None = None
    problems: tuple[str, ...] = ()
    try:
        loaded = load_settings({}, environ, folder)
    except SettingsError as error:
        problems = error.problems
    if loaded is None:
        assert problems
        assert all(": " in problem for problem in problems)
        return
    open_to_all = loaded.process.development_mode or not loaded.process.require_auth
    assert not open_to_all or is_loopback(loaded.server.host)
    assert all(key.digest for key in static_keys(loaded.auth.keys, b"pepper"))
    assert set(route_table(loaded).providers) == set(loaded.providers)
    config_warnings(loaded)


@given(st.lists(st.text(min_size=1) | st.integers(0, 99), min_size=1, max_size=4))
def test_a_place_is_spelled_as_toml_spells_it(parts: list[str | int]) -> None:
    """What is read out of the message is the key that stands in the file."""
    text = spelled(tuple(part for part in parts if isinstance(part, str)))
    if not text or any("\x7f" in part for part in parts if isinstance(part, str)):
        return

    node: Any = tomllib.loads(f"{text} = 1")
    for part in parts:
        if isinstance(part, str):
            node = node[part]

    assert node == 1
