"""The scenarios in which providers are tested, by what they are about; a name ending in `-N` stands for any number."""

from __future__ import annotations

ANSWERS = frozenset({"text", "tool", "tools", "reasoning", "choices", "length", "refusal", "odd-text", "long-line"})
"""Good answers of every kind."""

USAGES = frozenset(
    f"usage-{where}" for where in ("last-choice", "every-chunk", "final", "missing", "negative", "absurd", "words")
)
"""A good answer whose usage is told in different places, or makes no sense."""

EVENTS = frozenset(
    {
        *("crlf", "cr", "comments", "no-space", "fields", "multi-data", "bom", "no-done", "after-done"),
        *("role-missing", "ids-differ", "empty-choices"),
    }
)
"""A good answer whose stream is written in other ways that are legal, or usual."""

WIRE = frozenset(
    {
        *("split-N", "write-N", "split-utf8", "interim", "close-framed", "open-after-done", "hop-headers"),
        *("stale", "wrong-type"),
    }
)
"""A good answer that comes over the wire in other ways."""

STATUSES = frozenset(
    {
        *("400", "401", "402", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503", "504", "529"),
        *("429-bare", "429-quota", "429-date", "429-past", "429-year", "429-garbage", "400-context"),
        *(
            "413-unread",
            "400-html",
            "500-html",
            "503-html",
            "500-text",
            "500-empty",
            "400-echo",
            "401-echo",
            "500-echo",
        ),
        *("301", "302", "303", "307", "308"),
    }
)
"""Errors and redirects."""

NO_ANSWERS = frozenset(
    {"malformed", "empty", "html", "not-object", "no-choices", "error-first", "error-mid-stream", "other-form"}
)
"""Status 200, and no good answer."""

NETWORK = frozenset(
    {
        *("refused", "tls", "close-early", "reset-early", "cut-head", "early-eof", "reset", "cut-N", "reset-N"),
        *("gzip", "gzip-bomb", "huge-head", "endless-stream", "endless-line", "endless-pings", "endless-error"),
    }
)
"""Connections that fail, break or never end."""

SILENCE = frozenset({"slow", "head-only", "silence", "drip"})
"""Answers that come late or not at all."""

REQUESTS = frozenset({"sent"})
"""Good answers to requests that can be looked at."""

ALL = REQUESTS | ANSWERS | USAGES | EVENTS | WIRE | STATUSES | NO_ANSWERS | NETWORK | SILENCE
