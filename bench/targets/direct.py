"""The upstream itself, without anything in front of it: what latencies are compared with."""

from __future__ import annotations

from bench.targets.target import Target


def direct() -> Target:
    """Return the target."""
    return Target("direct", "the mock upstream itself", lambda: "", None)
