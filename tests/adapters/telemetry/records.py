"""Records and a readable sink for the tests of telemetry."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import attrs

from adapters.telemetry.sink import Sink
from domain.journey import Ending, Journey
from domain.ports.observer import RequestRecord
from domain.usage import Usage


@attrs.frozen
class Written:
    """A sink that writes to a file, and what has come out of it."""

    sink: Sink
    path: Path

    @classmethod
    def to(cls, path: Path) -> Written:
        """Open a file and a sink on it; the file stays open, as stdout does."""
        return cls(Sink(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)), path)

    def bytes(self) -> bytes:
        """Return what was written, after a flush."""
        self.sink.flush()
        return self.path.read_bytes()

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines that were written."""
        return [json.loads(line) for line in self.bytes().split(b"\n") if line]


def record(**changes: Any) -> RequestRecord:
    """Return the record of an ordinary request, with changes to it or to its journey."""
    fields = {field.name for field in attrs.fields(Journey)}
    journey: dict[str, Any] = {
        "request_id": "req-1",
        "caller": "ci",
        "provider": "lab",
        "model": "lab-small",
        "attempts": 1,
        "upstream_s": 0.25,
        "usage": Usage(prompt_tokens=11, completion_tokens=7, cached_tokens=3, reasoning_tokens=2),
        "ending": Ending.FINISHED,
    }
    outer: dict[str, Any] = {
        "method": "POST",
        "route": "/v1/chat/completions",
        "status": 200,
        "stream": False,
        "duration_s": 0.375,
        "error": "",
    }
    for name, value in changes.items():
        (journey if name in fields else outer)[name] = value
    return RequestRecord(**outer, journey=Journey(**journey))
