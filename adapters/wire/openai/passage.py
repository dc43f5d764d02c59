"""
Many chunks of a stream at once: what all of them share is looked at once, and what differs passes as it came.

Most of a streamed answer is hundreds of events that go on with one choice and differ in a few letters. To take each of
them apart and put it together again would cost more than everything else that the gateway does for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal, overload

import attrs
import msgspec
from typing_extensions import override

from adapters.wire.jsontext import NotJson, parse_object, render
from domain.chat import ChatChunk, Continuation
from domain.document import NULL, Document

MAX_LESSONS = 3
"""How often a stream is asked what its events share; one whose events share nothing is read singly."""
MAX_PASSAGE_BYTES = 1 << 20
SHARED = ("id", "object", "created", "model")
"""What is the same in every chunk that a caller gets, and so may be written anew in all of them at once."""

_END = b"\n\n"
_DATA = b"data: "
_FINISHED = b'"finish_reason":"'
_USAGE = b'"usage"'
_NO_USAGE = b',"usage":null'


@attrs.frozen
class Frame:
    """
    What the events of one stream have in common: the text before their `choices`, and the text behind.

    `after` is b"" where nothing behind is written anew, so that it need not be the same in all of them. `document` has
    the common members; `behind` names those that stand in `after`.
    """

    before: bytes
    after: bytes
    document: Document
    behind: frozenset[str] = frozenset()

    def renewed(self, fixed: Mapping[str, bytes]) -> Frame:
        """Return the frame with these members in it, in the shortest writing."""
        whole = self.document.having(fixed)
        ahead = {**whole.without(*self.behind).members, "choices": b""}
        after = b""
        if self.after:
            after = b"," + render(Document({name: whole.members[name] for name in self.behind}))[1:]
        return Frame(render(Document(ahead))[:-1], after, whole, self.behind)


NO_FRAME = Frame(b"", b"", Document({}))


class _Nothing(msgspec.Struct):
    """An object, whatever is in it."""


class _GoingOn(msgspec.Struct):
    index: Literal[0]
    finish_reason: None
    delta: _Nothing | None = None


class _Event(msgspec.Struct):
    choices: tuple[_GoingOn]
    usage: None = None
    error: None = None


class _EventWithUsage(msgspec.Struct):
    choices: tuple[_GoingOn]
    usage: None
    error: None = None


_events = msgspec.json.Decoder(list[_Event]).decode
_events_with_usage = msgspec.json.Decoder(list[_EventWithUsage]).decode


@attrs.frozen
class Passage(Continuation):
    """Events that only go on with a stream's one choice: their text as it came, and the frame that they share."""

    text: bytes = attrs.field(repr=False)
    frame: Frame
    says_no_usage: bool
    """Each event holds `"usage":null`."""
    _parse: Callable[[bytes], ChatChunk] = attrs.field(repr=False)

    def rendered(self, frame: Frame, *, include_usage: bool) -> bytes:
        """Write the events with another frame, and with or without their `"usage":null`."""
        text = self.text.replace(_DATA + self.frame.before, _DATA + frame.before)
        if self.frame.after:
            text = text.replace(self.frame.after + _END, frame.after + _END)
        if include_usage and not self.says_no_usage:
            return text.replace(b"}" + _END, _NO_USAGE + b"}" + _END)
        if self.says_no_usage and not include_usage:
            return text.replace(_NO_USAGE, b"")
        return text

    def __bool__(self) -> bool:
        """There is always something in it, which need not be counted."""
        return True

    @override
    def __len__(self) -> int:
        """How many chunks these are."""
        return self.text.count(_END)

    @overload
    def __getitem__(self, index: int) -> ChatChunk: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ChatChunk]: ...
    @override
    def __getitem__(self, index: int | slice) -> ChatChunk | Sequence[ChatChunk]:
        """Return one chunk, or some."""
        return list(self)[index]

    @override
    def __iter__(self) -> Iterator[ChatChunk]:
        """Take the events apart."""
        return (self._parse(event.removeprefix(_DATA)) for event in self.text.removesuffix(_END).split(_END))


def frame_of(message: bytes, document: Document) -> Frame | None:
    """Return the frame that an event's data shows, None where it has none to show."""
    choices = document.get("choices")
    if choices is None or choices == b"[]" or not document.members.keys() >= {"model"}:
        return None
    begin = message.find(choices)
    before, after = message[:begin], message[begin + len(choices) :]
    try:
        common = parse_object(before + NULL + after)
        first = parse_object(before + NULL + b"}")
    except NotJson:
        return None  # the same text stands in it twice, or it came on several lines
    if {**document.members, "choices": NULL} != common.members or b"\n" in message:
        return None
    behind = common.members.keys() - first.members.keys()
    if behind.isdisjoint(SHARED):
        return Frame(before, b"", first.without("choices"))
    return Frame(before, after, common.without("choices"), frozenset(behind))


def passage_of(events: bytes, frame: Frame, parse: Callable[[bytes], ChatChunk]) -> tuple[Passage | None, bytes]:
    """
    Return the events at the beginning that only go on with the stream, and the text of those left.

    Whatever is not exactly as the frame says, and valid JSON, is left to be read singly.
    """
    finish = events.find(_FINISHED)
    end = len(events) if finish < 0 else events.rfind(_END, 0, finish) + len(_END)
    text, rest = (events, b"") if end == len(events) else (events[:end], events[end:])
    with_usage = _USAGE in text
    if not text.startswith(_DATA) or not _fits(text, frame, with_usage=with_usage):
        return None, events
    return Passage(text, frame, with_usage, parse), rest


def _fits(text: bytes, frame: Frame, *, with_usage: bool) -> bool:
    """Whether each of the events has this frame, and nothing in it that would have to be acted upon."""
    count = text.count(_END)
    if text.count(_DATA + frame.before) != count or text.count(b'"model":') != count or len(text) > MAX_PASSAGE_BYTES:
        return False
    if frame.after and text.count(frame.after + _END) != count:
        return False
    if with_usage and text.count(_NO_USAGE) != count:
        return False
    listed = b"[" + text[len(_DATA) : -len(_END)].replace(_END + _DATA, b",") + b"]"
    try:
        if not listed.isascii():
            listed.decode()
        found = (_events_with_usage if with_usage else _events)(listed)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return len(found) == count
