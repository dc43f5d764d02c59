"""What a log says of an exception: its types and the way it came, never its words or values."""

from __future__ import annotations

from types import TracebackType
from typing import Any

MAX_FRAMES = 30
MAX_EXCEPTIONS = 10
MAX_DEPTH = 2


def told(error: BaseException) -> list[dict[str, Any]]:
    """
    Return an exception and what caused it, the last one first: type, frames as `module:line function`, a group's parts.

    Messages stay out, because those of libraries quote what they were given: a key, a URL, a prompt.
    """
    chain: list[dict[str, Any]] = []
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen and len(chain) < MAX_EXCEPTIONS:
        seen.add(id(current))
        chain.append(_one(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)
    return chain


def _one(error: BaseException, depth: int = MAX_DEPTH) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": type(error).__qualname__, "frames": _frames(error.__traceback__)}
    if isinstance(error, BaseExceptionGroup) and depth:
        entry["parts"] = [_one(part, depth - 1) for part in error.exceptions[:MAX_EXCEPTIONS]]
    return entry


def _frames(traceback: TracebackType | None) -> list[str]:
    frames = []
    while traceback is not None:
        frame = traceback.tb_frame
        module = frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{traceback.tb_lineno} {frame.f_code.co_qualname}")
        traceback = traceback.tb_next
    return frames[-MAX_FRAMES:]
