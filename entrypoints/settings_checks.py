"""What must hold between settings, beyond what each value says for itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import attrs

from entrypoints.addresses import is_loopback, normal_base_url
from entrypoints.environment import Process
from entrypoints.schema import Alias, Auth, Provider
from entrypoints.settings_file import Place, Tree

Problem = tuple[Place, str]

RESERVED_NAMES = frozenset({"v1", "admin", "docs", "metrics", "healthz", "livez", "readyz", "openapi.json"})
"""First segments of paths that are not providers'."""
DEFAULT_URLS = {"cerebras": "https://api.cerebras.ai", "ollama": "http://127.0.0.1:11434"}

_PROVIDER_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def finished(provider: Provider) -> Provider:
    """Return a provider with its defaults worked out and its URL in one spelling; raises `ValueError` for a bad URL."""
    allow_private = provider.kind == "ollama" if provider.allow_private is None else provider.allow_private
    url = provider.base_url or DEFAULT_URLS.get(provider.kind, "")
    if url:
        url = normal_base_url(url, allow_private=allow_private)
        # Both add their own paths; a /v1 at the end is what other clients of theirs are given.
        url = url if provider.kind == "openai" else url.removesuffix("/v1")
    return attrs.evolve(provider, allow_private=allow_private, base_url=url)


def check_providers(providers: Mapping[str, Provider], declared: Tree) -> Iterator[Problem]:
    """Check the providers; `declared` holds those too whose tables could not be read."""
    for name in declared:
        if name.lower() in RESERVED_NAMES:
            yield ("providers", name), "is a name that paths of the gateway itself begin with; choose another"
        elif not _PROVIDER_NAME.fullmatch(name):
            yield ("providers", name), "must be at most 64 letters, digits, - or _, and begin with a letter or digit"
    for name, provider in providers.items():
        for key, text in _provider(name, provider):
            yield ("providers", name, key), text


def _provider(name: str, provider: Provider) -> Iterator[tuple[str, str]]:
    yield from _credentials(name, provider)
    if provider.kind == "custom":
        for key in ("base_url", "api_key", "api_keys", "allow_private"):
            if getattr(provider, key) not in {None, ""}:
                yield key, "means nothing for kind custom, which asks no one; remove it"
        return
    if provider.handler:
        yield "handler", "is for kind custom only; remove it, or set kind to custom"
    if provider.kind == "openai" and not provider.base_url:
        yield "base_url", "is missing; kind openai needs one, such as http://127.0.0.1:9000/v1"
    try:
        finished(provider)
    except ValueError as error:
        yield "base_url", str(error)


def _credentials(name: str, provider: Provider) -> Iterator[tuple[str, str]]:
    if provider.api_key and provider.api_keys is not None:
        yield "api_keys", "cannot stand beside api_key; remove one of them"
    elif provider.api_keys is not None and len(provider.api_keys) != 1:
        many = (
            "holds several credentials, which is not supported yet; give one"
            if provider.api_keys
            else "is empty; give one"
        )
        yield "api_keys", many
    elif provider.kind == "cerebras" and provider.credential is None:
        remedy = "set CEREBRAS_API_KEY" if name == "cerebras" else 'write api_key = "env://NAME" and set that variable'
        yield "api_key", f"is missing; {remedy}"


def check_aliases(models: Mapping[str, Alias], tree: Tree) -> Iterator[Problem]:
    """Check the aliases; `tree` is the file as it was written, so that places are those that the operator sees."""
    declared = tree.get("providers")
    for name, alias in models.items():
        if not name.strip() or not name.isprintable():
            yield ("models", name), "must have a name, without control characters"
        if not alias.targets and not tree["models"][name]["targets"]:
            yield ("models", name, "targets"), "is empty; give at least one target"
    for name, table in _tables(tree.get("models")):
        targets = table.get("targets")
        for index, target in enumerate(targets if isinstance(targets, list) else ()):
            provider = target.get("provider") if isinstance(target, dict) else None
            if isinstance(provider, str) and isinstance(declared, dict) and provider not in declared:
                yield ("models", name, "targets", index, "provider"), _unknown(provider, declared)


def check_routing(default_provider: str, tree: Tree) -> Iterator[Problem]:
    """Check that the default provider is one."""
    declared = tree.get("providers")
    if default_provider and isinstance(declared, dict) and default_provider not in declared:
        yield ("routing", "default_provider"), _unknown(default_provider, declared)


def check_auth(auth: Auth) -> Iterator[Problem]:
    """Check that every key belongs to one caller, and every name to one key."""
    entries = [
        (("auth", table, index), entry)
        for table in ("keys", "admin_keys")
        for index, entry in enumerate(getattr(auth, table))
    ]
    for number, (place, entry) in enumerate(entries):
        for earlier, other in entries[:number]:
            if entry.key == other.key:
                yield place, f"is the same key as {earlier[1]}[{earlier[2]}]; remove one, or change it"
            if entry.name and entry.name == other.name and earlier[1] == place[1]:
                yield (*place, "name"), f"is the name of {earlier[1]}[{earlier[2]}] too; choose another"


def check_openness(process: Process, host: str) -> Iterator[tuple[str, str]]:
    """Check that a gateway without keys is reached from this machine alone; gives names of variables."""
    if is_loopback(host):
        return
    text = f"leaves the gateway open to other machines while it listens on {host}; listen on 127.0.0.1, or unset it"
    if process.development_mode:
        yield "DEVELOPMENT_MODE", text
    if not process.require_auth:
        yield "REQUIRE_AUTH", text


def _tables(node: object) -> Iterator[tuple[str, Tree]]:
    for name, table in node.items() if isinstance(node, dict) else ():
        if isinstance(table, dict):
            yield name, table


def _unknown(name: str, declared: Tree) -> str:
    return f"{name!r} is no provider here; there are: {', '.join(sorted(declared))}"
