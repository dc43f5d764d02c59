"""What is measured: each cell is one kind of load."""

from __future__ import annotations

import json
from pathlib import Path

import attrs

SMALL_BYTES = 1_000
LARGE_BYTES = 22_000
PACE_US = 10_000
RAMP_S = 1.0
_WORDS = "Tell me, step by step and in plain words, what a careful reader should know about tides. "


@attrs.frozen
class Cell:
    """
    One kind of load: so many connections, each with one request at a time.

    `pace_us` is the time between two events of a stream; 0 is a flood. `ramp_s` is over how long the connections begin,
    one after another: streams take their time, and would otherwise all begin anew at once, again and again.
    """

    name: str
    about: str
    connections: int
    prompt_bytes: int = SMALL_BYTES
    stream: bool = False
    pace_us: int = 0
    ramp_s: float = 0.0


CELLS = (
    Cell("plain-1", "1 KB, not streamed, c = 1", 1),
    Cell("plain-32", "1 KB, not streamed, c = 32", 32),
    Cell("plain-256", "1 KB, not streamed, c = 256", 256),
    Cell("large-1", "22 KB, not streamed, c = 1", 1, LARGE_BYTES),
    Cell("large-32", "22 KB, not streamed, c = 32", 32, LARGE_BYTES),
    Cell("large-256", "22 KB, not streamed, c = 256", 256, LARGE_BYTES),
    Cell("first-1", "one stream after another, an event every 0.25 ms", 1, stream=True, pace_us=250),
    Cell("paced-64", "64 streams, an event every 10 ms", 64, stream=True, pace_us=PACE_US, ramp_s=RAMP_S),
    Cell("flood-32", "32 streams, as fast as they go", 32, stream=True),
)


def body(cell: Cell, model: str) -> bytes:
    """Return the body of the cell's request: always the same one, with a prompt of about the cell's size."""
    turns = max(1, cell.prompt_bytes // 2_000)
    text = (_WORDS * (cell.prompt_bytes // len(_WORDS) + 1))[: cell.prompt_bytes // turns - 60]
    messages = [{"role": "system", "content": "You are a helpful assistant."}]
    messages += [{"role": "assistant" if turn % 2 else "user", "content": text} for turn in range(turns)]
    request: dict[str, object] = {"model": model, "messages": messages, "temperature": 0.7, "max_tokens": 256}
    if cell.stream:
        request |= {"stream": True, "stream_options": {"include_usage": True}}
    return json.dumps(request).encode()


def write_body(cell: Cell, model: str, folder: Path) -> Path:
    """Write the body where the load client reads it."""
    path = folder / f"{cell.name}.{model.replace('/', '-')}.json"
    path.write_bytes(body(cell, model))
    return path
