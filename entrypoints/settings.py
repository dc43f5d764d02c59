"""The settings of a process: read once, at start, from flags, environment and file, and checked as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from entrypoints.environment import Given, Overrides, Process, given, read_variables
from entrypoints.schema import Document, Settings, SettingsError, StaticKey
from entrypoints.secret import LITERAL, References, Secret
from entrypoints.settings_checks import (
    Problem,
    check_aliases,
    check_auth,
    check_openness,
    check_providers,
    check_routing,
    finished,
)
from entrypoints.settings_file import Misread, Place, Tree, read_tree, spelled, structure

__all__ = ["Secret", "Settings", "SettingsError", "config_warnings", "load_settings"]

Labels = dict[Place, str]
"""What a place in the file is called where its value came from elsewhere: a variable or a flag."""


def load_settings(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> Settings:
    """
    Return the settings: a flag goes before the environment, the environment before the file, the file before defaults.

    `flags` are `config`, `host`, `port`, `log_level` and `data_dir`, as far as they were given. `cwd` is the absolute
    folder that relative paths start from. Raises `SettingsError` with all problems at once.
    """
    source = given(flags, environ)
    process, problems = read_variables(Process, source)
    overrides, more = read_variables(Overrides, source)
    problems += more
    try:
        tree, config_file = read_tree(overrides.config, cwd)
    except Misread as error:
        label = f"{source.label('GATEWAY_CONFIG')}: " if overrides.config else ""
        problems.append(f"{label}{error}")
        tree, config_file = {}, None
    else:
        tree.setdefault("routing", {} if config_file else {"default_provider": "custom"})
    labels = _overlay(tree, overrides, source)
    document, misread = structure(tree, References(environ))
    document = _with_keys(document, overrides.keys, labels, source)
    problems += _told([*misread, *_checked(document, tree, misread)], labels)
    problems += [f"{source.label(name)}: {text}" for name, text in check_openness(process, document.server.host)]
    if problems:
        raise SettingsError(tuple(problems))
    return _settled(document, process, config_file, cwd)


def config_warnings(settings: Settings) -> tuple[str, ...]:
    """Return what is allowed but not wise, each with its path: secrets that stand in the file itself."""
    places: list[tuple[Place, Secret | None]] = [
        (("auth", table, index), entry.key)
        for table in ("keys", "admin_keys")
        for index, entry in enumerate(getattr(settings.auth, table))
    ]
    for name, provider in settings.providers.items():
        places.append((("providers", name, "api_key"), provider.api_key))
        places += [(("providers", name, "api_keys", index), each) for index, each in enumerate(provider.api_keys or ())]
    return tuple(
        f"{spelled(place)}: stands in the file as it is; refer to it by env://NAME or file:///path instead"
        for place, secret in places
        if secret is not None and secret.origin == LITERAL
    )


def _overlay(tree: Tree, overrides: Overrides, source: Given) -> Labels:
    """Lay over the tree what the environment says of the same things; return what these are to be called."""
    labels: Labels = {}

    def put(value: object, variable: str, *place: str) -> None:
        *way, last = place
        node: Any = tree
        for part in way:
            node = node.setdefault(part, {}) if isinstance(node, dict) else None
        if isinstance(node, dict) and value is not None:
            node[last] = value
            labels[place] = source.label(variable)

    put(overrides.host, "SERVICE_HOST", "server", "host")
    put(overrides.port, "SERVICE_PORT", "server", "port")
    providers = tree.setdefault("providers", {})
    if not isinstance(providers, dict):
        return labels
    providers.setdefault("custom", {"kind": "custom"})
    if overrides.cerebras_key is not None and _is(providers.setdefault("cerebras", {"kind": "cerebras"}), "cerebras"):
        providers["cerebras"].pop("api_keys", None)
        put(overrides.cerebras_key, "CEREBRAS_API_KEY", "providers", "cerebras", "api_key")
    if _is(providers.get("cerebras"), "cerebras"):
        put(overrides.cerebras_url, "CEREBRAS_BASE_URL", "providers", "cerebras", "base_url")
    if overrides.ollama_url is not None and _is(providers.setdefault("ollama", {"kind": "ollama"}), "ollama"):
        put(overrides.ollama_url, "OLLAMA_HOST", "providers", "ollama", "base_url")
    return labels


def _is(table: object, kind: str) -> bool:
    return isinstance(table, dict) and table.get("kind") == kind


def _checked(document: Document, tree: Tree, misread: list[Problem]) -> list[Problem]:
    """Return the problems between settings, but for places that have one of their own already."""
    declared = tree["providers"]
    found = [
        *check_providers(document.providers, declared if isinstance(declared, dict) else {}),
        *check_aliases(document.models, tree),
        *check_routing(document.routing.default_provider, tree),
    ]
    if not any(place[0] == "auth" for place, _ in misread):
        found += check_auth(document.auth)
    return [problem for problem in found if not any(place[: len(problem[0])] == problem[0] for place, _ in misread)]


def _told(problems: list[Problem], labels: Labels) -> list[str]:
    return [f"{labels.get(place) or spelled(place)}: {text}" for place, text in problems]


def _with_keys(document: Document, secrets: tuple[Secret, ...], labels: Labels, source: Given) -> Document:
    """Add the keys of the environment to those of the file; what stands in both is one key."""
    keys = document.auth.keys
    held = {entry.key for entry in keys}
    added = [StaticKey(secret) for secret in dict.fromkeys(secrets) if secret not in held]
    labels |= {("auth", "keys", len(keys) + index): source.label("ALLOWED_API_KEYS") for index in range(len(added))}
    return attrs.evolve(document, auth=attrs.evolve(document.auth, keys=(*keys, *added)))


def _settled(document: Document, process: Process, config_file: Path | None, cwd: Path) -> Settings:
    """Put together what was found to be in order."""
    return Settings(
        server=attrs.evolve(document.server, host=document.server.host.removeprefix("[").removesuffix("]")),
        auth=document.auth,
        providers={name: finished(provider) for name, provider in document.providers.items()},
        models=document.models,
        routing=document.routing,
        process=attrs.evolve(process, data_dir=cwd / process.data_dir),
        config_file=config_file,
    )
