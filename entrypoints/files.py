"""How many connections a process has files for."""

from __future__ import annotations

import resource

WANTED = 10_000
BESIDE = 64
"""Files that are no connections: the log, the keys, the listening socket, libraries."""
LEAST = 16


def raise_file_limit() -> None:
    """Let this process, and those that it starts, open as many files as they need, where the system allows it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = 2 * WANTED + BESIDE
    if hard != resource.RLIM_INFINITY:
        needed = min(needed, hard)
    if soft not in {resource.RLIM_INFINITY, needed} and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))


def room_for_connections() -> int:
    """Return how many callers may be connected at a time, if each may need a connection to a provider as well."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return WANTED
    return max(LEAST, min(WANTED, (soft - BESIDE) // 2))
