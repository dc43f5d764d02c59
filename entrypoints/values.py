"""
What single values of the settings must be.

Each check raises `ValueError` with what to do; it quotes no value, for that might be a secret in the wrong place.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from entrypoints.addresses import MAX_PORT, is_ip6

STRATEGIES = ("weighted", "lowest_latency", "least_busy", "cheapest")
SUPPORTED_STRATEGIES = ("weighted",)
MAX_TRIES = 3

_NAME = re.compile(r"[^\W_][\w .@:+-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,255}")
_HANDLER = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def must_be_host(value: str) -> None:
    """Refuse what no server could listen on."""
    inner = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not (is_ip6(inner) if ":" in value else _HOST.fullmatch(value)):
        raise ValueError("must be an address or a host name; write 127.0.0.1 for this machine alone")


def must_be_port(value: int) -> None:
    """Refuse what is no port."""
    if not 0 <= value <= MAX_PORT:
        raise ValueError(f"must be a whole number from 0 to {MAX_PORT}")


def must_be_positive(value: float | None) -> None:
    """Refuse 0 and less, and what is no number."""
    if value is not None and not (0 < value < math.inf):
        raise ValueError("must be a number greater than 0")


def must_not_be_negative(value: float) -> None:
    """Refuse less than 0, and what is no number."""
    if not (0 <= value < math.inf):
        raise ValueError("must be 0 or a greater number")


def must_be_attempts(value: int) -> None:
    """Refuse more tries than a request has."""
    if not 1 <= value <= MAX_TRIES:
        raise ValueError(f"must be a whole number from 1 to {MAX_TRIES}")


def must_be_key_name(value: str) -> None:
    """Refuse names that logs could not carry."""
    if not _NAME.fullmatch(value):
        raise ValueError(
            "must be 1 to 64 letters, digits, spaces or any of _ . @ : + - and begin with a letter or digit"
        )


def must_be_filled(value: str) -> None:
    """Refuse blanks and control characters."""
    if not value.strip() or not value.isprintable():
        raise ValueError("must not be empty, and hold no control characters")


def must_all_be_filled(values: tuple[str, ...] | None) -> None:
    """Refuse blanks in a list, and what it names twice."""
    for value in values or ():
        must_be_filled(value)
    if len(set(values or ())) < len(values or ()):
        raise ValueError("names something twice; remove one")


def must_be_handler(value: str) -> None:
    """Refuse what names no class."""
    if not _HANDLER.fullmatch(value):
        raise ValueError("must name a class as package.module:Class")


def must_be_strategy(value: str) -> None:
    """Refuse unknown strategies, and those that are not there yet."""
    if value in SUPPORTED_STRATEGIES:
        return
    if value in STRATEGIES:
        raise ValueError(f"{value!r} is not supported yet; use {' or '.join(SUPPORTED_STRATEGIES)}")
    raise ValueError(f"must be {' or '.join(SUPPORTED_STRATEGIES)}")


def must_be_free_members(value: Mapping[str, bytes]) -> None:
    """Refuse members that the gateway sets by itself."""
    for name in ("model", "stream", "stream_options"):
        if name in value:
            raise ValueError(f"must not hold {name!r}: the gateway sets it itself")
