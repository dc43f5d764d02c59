"""What can be measured: how it is installed, started, and asked."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs

KEY = "sk-bench-0123456789abcdef"
AUTHORIZATION = f"Authorization: Bearer {KEY}"


@attrs.frozen
class Site:
    """Where a target is started: a folder of its own, the port to listen on, and `host:port` of its upstream."""

    folder: Path
    port: int
    upstream: str


@attrs.frozen
class Launch:
    """A command that starts a target, and what it finds in its environment."""

    arguments: tuple[str, ...]
    environ: Mapping[str, str] = attrs.field(factory=dict)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def _nothing() -> None:
    """Install nothing."""


@attrs.frozen
class Target:
    """
    Something to measure.

    `install` raises `Missing` or `Unusable` where it cannot be had; `version` is asked after it; `launch` writes what
    the target reads into its site and says how to start it. `launch` is absent where the upstream itself is meant.
    In `headers`, `{upstream}` stands for the address of the upstream.
    `cells` are the names of the cells that say something about it; None is all. `most_streams` is how many streams
    at a time it can keep up with, where a cell asks for more.
    """

    name: str
    about: str
    version: Callable[[], str]
    launch: Callable[[Site], Launch] | None
    install: Callable[[], None] = _nothing
    path: str = "/v1/chat/completions"
    headers: tuple[str, ...] = (AUTHORIZATION,)
    model: str = "mock"
    start_s: float = 20.0
    starts: int = 3
    cells: frozenset[str] | None = None
    most_streams: int = 4096
