"""Writes docs/reference/configuration.md from the settings classes: `python -m entrypoints.settings_reference > …`."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal, Union, get_args, get_origin

import attrs

from entrypoints.environment import Overrides, Process
from entrypoints.schema import (
    Alias,
    AliasTarget,
    Auth,
    Provider,
    RetrySettings,
    Routing,
    Server,
    StaticKey,
    TimeoutSettings,
)
from entrypoints.secret import Secret
from entrypoints.variables import Variable

INTRODUCTION = """\
# Configuration

<!-- Generated: change the texts in entrypoints/, then run `python -m entrypoints.settings_reference`. -->

The gateway runs without any configuration.
What can be set, is set by flags of the command line, environment variables and one file, `gateway.toml`.
A flag goes before the environment, the environment before the file, the file before the defaults.
Settings are read once, at start, and checked as a whole:
where something is wrong, the gateway does not start and names every problem at once, each with its path or variable.
An unknown key in the file is a problem too.
`ai-gateway config check` does the same without starting anything, and warns of secrets that stand in the file itself.

`gateway.example.toml` shows every key.
"""

SECRETS = """\
## Secrets

Wherever the type is *secret*, the value is a reference to the secret or the secret itself.
References are resolved once, at start; one that leads nowhere is a problem.

| Form | Leads to |
| --- | --- |
| `env://NAME` | the environment variable `NAME` |
| `os.environ/NAME` | the same |
| `file:///path` | the content of a file, without the white space around it |
| anything else | itself; `ai-gateway config check` warns of it |
"""

ENVIRONMENT = """\
## Environment

A variable that is blank counts as unset.
Booleans are `true`, `false`, `1`, `0`, `yes` or `no`.
"""

FILE = """\
## gateway.toml

The file is the one that `--config` or `GATEWAY_CONFIG` names, or `gateway.toml` in the working folder.
"""

PROVIDER_NAMES = """\
`<name>` is yours: letters, digits, `-` and `_`.
It is the first segment of the provider's own paths (`/<name>/v1/…`), and so must not be
`v1`, `admin`, `docs`, `metrics`, `healthz`, `livez`, `readyz` or `openapi.json`.
A provider `custom` of kind `custom` is always there unless you declare one of that name.
"""

ALIAS_NAMES = """\
`<name>` is the model name that callers send; quote it where it holds more than letters, digits, `-` and `_`.
Targets of the lowest `priority` are tried first, each in its turn by `weight`; then those of the next.
"""

TABLES: tuple[tuple[str, type, str], ...] = (
    ("`[server]`", Server, ""),
    ("`[auth]`", Auth, "Keys may also be tables, each with a name of its own:\n"),
    ("Keys as tables, in `auth.keys` and `auth.admin_keys`", StaticKey, ""),
    ("`[providers.<name>]`", Provider, PROVIDER_NAMES),
    ("`[models.<name>]`", Alias, ALIAS_NAMES),
    ("Targets, in `models.<name>.targets`", AliasTarget, ""),
    ("Timeouts, in `providers.<name>.timeouts` and `models.<name>.timeouts`", TimeoutSettings, "In seconds.\n"),
    ("Retries, in `models.<name>.retry`", RetrySettings, ""),
    ("`[routing]`", Routing, ""),
)

_WORDS: dict[Any, str] = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "boolean",
    Secret: "secret",
    AliasTarget: "table",
    RetrySettings: "table",
    StaticKey: "secret or table",
    TimeoutSettings: "table",
}
_PLURALS = {"table": "tables", "secret or table": "secrets or tables", "secret": "secrets", "text": "texts"}


def reference() -> str:
    """Return the page."""
    return "\n".join((INTRODUCTION, SECRETS, *_environment(), FILE, *_file())).rstrip("\n") + "\n"


def variables() -> list[str]:
    """Return the names of all environment variables that are read."""
    return [each.name for each in _variables()]


def _variables() -> list[Variable]:
    return [field.metadata["variable"] for field in (*attrs.fields(Overrides), *attrs.fields(Process))]


def _environment() -> Iterator[str]:
    yield ENVIRONMENT
    yield "| Variable | Type | Default | Meaning |\n| --- | --- | --- | --- |"
    for each in _variables():
        yield _row(f"`{each.name}`", each.type, each.default, each.meaning)
    yield ""


def _file() -> Iterator[str]:
    for title, table, words in TABLES:
        yield f"### {title}\n"
        if words:
            yield words
        attrs.resolve_types(table)
        yield "| Key | Type | Default | Meaning |\n| --- | --- | --- | --- |"
        for field in attrs.fields(table):
            yield _row(f"`{field.name}`", type_in_words(field.type), _default(field), field.metadata["meaning"])
        yield ""


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def type_in_words(type_: Any) -> str:
    """Return a field's type as a reader of the file thinks of it."""
    origin, arguments = get_origin(type_), get_args(type_)
    if origin in {Union, types.UnionType}:
        return type_in_words(next(each for each in arguments if each is not type(None)))
    if origin is tuple:
        return f"list of {_PLURALS[type_in_words(arguments[0])]}"
    if origin is Literal:
        return "word"
    if origin is Mapping:
        return "table"
    return _WORDS[type_]


def _default(field: attrs.Attribute[Any]) -> str:
    told: str = field.metadata["default"]
    if told:
        return told
    if field.default is attrs.NOTHING:
        return "none: it is required"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{json.dumps(field.default)}`"


if __name__ == "__main__":
    sys.stdout.write(reference())
