"""What is written about the settings is what the settings are."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import attrs

from entrypoints.environment import FLAGS
from entrypoints.schema import Document
from entrypoints.secret import Secret
from entrypoints.settings import config_warnings, load_settings
from entrypoints.settings_checks import RESERVED_NAMES
from entrypoints.settings_reference import TABLES, reference, variables

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "gateway.example.toml"
# What the example names in the environment and what stands in a file there.
ENVIRON = {"GATEWAY_KEY": "k-1", "GATEWAY_ADMIN_KEY": "k-2", "CEREBRAS_API_KEY": "csk", "LAB_KEY": "k-3"}
ALL_VARIABLES = (
    "SERVICE_HOST SERVICE_PORT LOG_LEVEL ALLOWED_API_KEYS REQUIRE_AUTH DEVELOPMENT_MODE CEREBRAS_API_KEY "
    "CEREBRAS_BASE_URL OLLAMA_HOST REQUEST_TIMEOUT_S ENABLE_SECURITY_HEADERS GATEWAY_CONFIG DATA_DIR DATABASE_URL "
    "REDIS_URL KEY_PEPPER"
)


def uncommented() -> str:
    """Return the example with all its settings in force: a # and one space begin words, any other # a setting."""
    lines = [line for line in EXAMPLE.read_text().splitlines() if not re.match(r"#( [^ ]|$)", line)]
    return "\n".join(line.removeprefix("#") for line in lines)


def keys_in(node: Any) -> set[str]:
    if isinstance(node, dict):
        return set(node) | {key for value in node.values() for key in keys_in(value)}
    return {key for value in node for key in keys_in(value)} if isinstance(node, list) else set()


def test_the_page_is_what_the_classes_say() -> None:
    """Whoever changes a setting runs `python -m entrypoints.settings_reference > docs/reference/configuration.md`."""
    assert (ROOT / "docs/reference/configuration.md").read_text() == reference()


def test_the_page_leaves_nothing_out() -> None:
    """Every class of the file has a table, and every variable a row; no more variables than there are to be."""
    page = reference()
    classes = {table for _, table, _ in TABLES}

    assert set(variables()) == set(ALL_VARIABLES.split())
    assert all(f"| `{name}` |" in page for name in variables())
    assert all(f"`{name}`" in page for name in RESERVED_NAMES)
    for table in (*classes, Document):
        attrs.resolve_types(table)
        for field in attrs.fields(table):
            told = str(field.type)
            mentioned = {each for each in re.findall(r"entrypoints\.schema\.(\w+)", told) if each != "Kind"}
            assert mentioned <= {each.__name__ for each in classes}
    assert set(FLAGS.values()) <= set(variables())


def test_the_example_as_it_stands_is_good(tmp_path: Path) -> None:
    """Copied and left alone, it needs nothing from the environment."""
    (tmp_path / "gateway.toml").write_text(EXAMPLE.read_text())

    settings = load_settings({}, {}, tmp_path)

    assert list(settings.providers) == ["custom"]


def test_the_example_with_everything_in_force_is_good(tmp_path: Path) -> None:
    """Each setting in it is one, with all secrets by reference."""
    secret = tmp_path / "ci"
    secret.write_text("k-4")
    (tmp_path / "gateway.toml").write_text(uncommented().replace("/run/secrets/ci", str(secret)))

    settings = load_settings({}, ENVIRON, tmp_path)

    assert [entry.key for entry in settings.auth.keys] == [Secret("k-1"), Secret("k-4")]
    assert set(settings.providers) == {"cerebras", "ollama", "lab", "mine", "custom"}
    assert set(settings.models) == {"fast"}
    assert config_warnings(settings) == ()


def test_the_example_shows_every_key() -> None:
    """What can be set is in it."""
    shown = keys_in(tomllib.loads(uncommented()))
    known = {field.name for table in (*(table for _, table, _ in TABLES), Document) for field in attrs.fields(table)}

    assert known - shown == set()
