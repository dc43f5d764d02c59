"""How the texts of environment variables are read."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import attrs

from entrypoints.addresses import MAX_PORT, ollama_base_url
from entrypoints.secret import References, Secret, must_be_sendable

LogLevel = Literal["debug", "info", "warning", "error", "critical"]

MIN_PEPPER_BYTES = 32

_TRUTHS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


@attrs.frozen
class Variable:
    """How a variable is read: `read` turns its text into its value, or raises `ValueError` with what to do."""

    name: str
    meaning: str
    type: str
    read: Callable[[str, References], Any] = attrs.field(repr=False)
    default: str = "unset"


def read_truth(text: str, _: References) -> bool:
    """Read a boolean."""
    if text.lower() not in _TRUTHS:
        raise ValueError("must be true, false, 1, 0, yes or no")
    return _TRUTHS[text.lower()]


def read_level(text: str, _: References) -> str:
    """Read how much is logged."""
    if text.lower() not in get_args(LogLevel):
        raise ValueError(f"must be one of {', '.join(get_args(LogLevel))}")
    return text.lower()


def read_port(text: str, _: References) -> int:
    """Read a port."""
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or int(text) > MAX_PORT:
        raise ValueError(f"must be a whole number from 0 to {MAX_PORT}")
    return int(text)


def read_seconds(text: str, _: References) -> float:
    """Read a duration."""
    if not _SECONDS.fullmatch(text) or float(text) <= 0:
        raise ValueError("must be a number of seconds greater than 0")
    return float(text)


def read_plain(text: str, _: References) -> str:
    """Take the text as it stands; what it must be is checked with the rest."""
    return text


def read_path(text: str, _: References) -> Path:
    """Read a path."""
    if "\0" in text:
        raise ValueError("is no path")
    return Path(text)


def read_pepper(text: str, references: References) -> Secret:
    """Read the pepper; what is short enough to be guessed is refused."""
    secret = references.resolve(text, "KEY_PEPPER")
    if len(secret.reveal().encode("utf-8", "surrogatepass")) < MIN_PEPPER_BYTES:
        raise ValueError(f"must hold at least {MIN_PEPPER_BYTES} bytes; make one with: openssl rand -hex 32")
    return secret


def read_credential(text: str, references: References) -> Secret:
    """Read the key for Cerebras."""
    secret = references.resolve(text, "CEREBRAS_API_KEY")
    must_be_sendable(secret)
    return secret


def read_keys(text: str, references: References) -> tuple[Secret, ...]:
    """Read a list of keys."""
    secrets = tuple(references.resolve(part, "ALLOWED_API_KEYS") for part in _parts(text))
    for secret in secrets:
        must_be_sendable(secret)
    return secrets


def _parts(text: str) -> list[str]:
    """Return the elements of a list, in JSON where it begins like one and comma-separated otherwise."""
    if text.startswith("["):
        try:
            parts = json.loads(text)
        except (ValueError, RecursionError):
            raise ValueError('is no JSON list; write ["key-1", "key-2"] or key-1,key-2') from None
        if not all(isinstance(part, str) for part in parts):
            raise ValueError('must hold strings only; write ["key-1", "key-2"]')
    else:
        try:
            parts = next(csv.reader([text], strict=True, skipinitialspace=True), [])
        except csv.Error:
            raise ValueError('is no comma-separated list; write key-1,key-2 or ["key-1", "key-2"]') from None
    stripped = [part.strip() for part in parts]
    if not stripped or not all(stripped):
        raise ValueError("has an empty element; remove it")
    return stripped


def read_unsupported(_text: str, _: References) -> None:
    """Refuse what is reserved."""
    raise ValueError("is not supported yet; unset it: the gateway keeps its state in memory and in DATA_DIR")


def read_ollama(text: str, _: References) -> str:
    """Read the address of an Ollama server as Ollama does."""
    return ollama_base_url(text)


def variable(
    name: str, kind: str, read: Callable[[str, References], Any], meaning: str, default: str = "unset"
) -> dict[str, Any]:
    """Return the metadata of a field that a variable sets."""
    return {"variable": Variable(name, meaning, kind, read, default)}
