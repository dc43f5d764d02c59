"""Many lines of a stream at once: those that say nothing but a piece of the text, which are nearly all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from adapters.wire.openai.passage import MAX_PASSAGE_BYTES, Frame, Passage
from domain.chat import ChatChunk

_DONE = b'"done":true'
_OPENING = b'[{"index":0,"delta":{"content":'
_CLOSING = b'},"logprobs":null,"finish_reason":null}]}\n\n'


class _Message(msgspec.Struct, forbid_unknown_fields=True):
    content: msgspec.Raw
    role: Literal["assistant"] = "assistant"


class _Line(msgspec.Struct, forbid_unknown_fields=True):
    message: _Message
    done: bool
    model: msgspec.Raw = msgspec.Raw()
    created_at: msgspec.Raw = msgspec.Raw()


_lines = msgspec.json.Decoder(list[_Line]).decode


def passage_of_lines(lines: bytes, frame: Frame, parse: Callable[[bytes], ChatChunk]) -> tuple[Passage | None, bytes]:
    """
    Return the lines at the beginning that are plain, as OpenAI's events with this frame, and the text of those left.

    Whatever has another member, or is no valid JSON, is left to be read singly.
    """
    done = lines.find(_DONE)
    end = len(lines) if done < 0 else lines.rfind(b"\n", 0, done) + 1
    text, rest = (lines, b"") if end == len(lines) else (lines[:end], lines[end:])
    contents = _contents(text)
    if not contents:
        return None, lines
    between = _CLOSING + b"data: " + frame.before + _OPENING
    events = b"data: " + frame.before + _OPENING + between.join(contents) + _CLOSING
    return Passage(events, frame, says_no_usage=False, parse=parse), rest


def _contents(text: bytes) -> list[bytes]:
    """Return the JSON text of what each line says; nothing where one of them says more."""
    if not text or len(text) > MAX_PASSAGE_BYTES:
        return []
    try:
        if not text.isascii():
            text.decode()
        found = _lines(b"[" + text.rstrip(b"\n").replace(b"\n", b",") + b"]")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []
    contents = [bytes(line.message.content) for line in found if not line.done]
    if len(contents) < len(found) or not all(content.startswith(b'"') for content in contents):
        return []
    return contents
