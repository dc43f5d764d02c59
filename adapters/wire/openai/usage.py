"""OpenAI's `usage` object ⇄ `Usage`."""

from __future__ import annotations

import msgspec

from domain.usage import Usage

_MOST = 1 << 40
"""No call uses as many tokens: a larger count is a fault of whoever counted."""


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class WrittenUsage(msgspec.Struct):
    """OpenAI's `usage`, as far as it is counted."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens_details: _CompletionDetails | None = None


_decode = msgspec.json.Decoder(WrittenUsage).decode


def parse_usage(text: bytes | None) -> Usage | None:
    """Return what the text of a `usage` member says, None where it is absent or makes no sense."""
    if text is None:
        return None
    try:
        return usage_of(_decode(text))
    except (msgspec.DecodeError, RecursionError):
        return None


def usage_of(found: WrittenUsage | None) -> Usage | None:
    """Return what a decoded `usage` says, None where it is absent or makes no sense."""
    if found is None or (found.prompt_tokens is None and found.completion_tokens is None):
        return None
    cached = found.prompt_tokens_details and found.prompt_tokens_details.cached_tokens
    reasoning = found.completion_tokens_details and found.completion_tokens_details.reasoning_tokens
    counts = (found.prompt_tokens or 0, found.completion_tokens or 0, cached or 0, reasoning or 0)
    return Usage(*counts) if min(counts) >= 0 and max(counts) <= _MOST else None


def usage_values(usage: Usage) -> dict[str, object]:
    """Return `usage` as OpenAI writes it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }
