"""Ollama's times, RFC 3339 → OpenAI's, seconds since 1970."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec


def seconds_of(text: bytes | None, otherwise: int) -> int:
    """Return the whole seconds of a time, `otherwise` where there is none: to Go, a time never set is in the year 1."""
    try:
        found = datetime.fromisoformat(msgspec.json.decode(text or b"null", type=str))
    except (msgspec.DecodeError, ValueError):
        return otherwise
    seconds = int((found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp())
    return seconds if seconds > 0 else otherwise
