"""An upstream's whole answer and its chunks in OpenAI's dialect: bytes → domain."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from adapters.wire.jsontext import NotJson, parse_object, text_of, value_of
from adapters.wire.openai.errors import error_of, status_of
from adapters.wire.openai.passage import MAX_LESSONS, Frame, Passage, frame_of, passage_of
from adapters.wire.openai.usage import WrittenUsage, parse_usage, usage_of
from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.document import NULL, Document
from domain.errors import CredentialRefused, Malformed, StreamBroken
from domain.policy.stream import StreamTrack


class _Delta(msgspec.Struct):
    role: str | None = None


class _Choice(msgspec.Struct):
    index: int | msgspec.UnsetType | None = msgspec.UNSET
    finish_reason: str | msgspec.UnsetType | None = msgspec.UNSET
    delta: _Delta | None = None

    def whole(self) -> bool:
        """Whether the members are there that clients rely on."""
        return type(self.index) is int and self.finish_reason is not msgspec.UNSET

    def step(self) -> ChoiceStep:
        """Return what the gateway acts upon."""
        role = self.delta is not None and self.delta.role is not None
        return ChoiceStep(self.index or 0, role, self.finish_reason or None)


class _AnyObject(msgspec.Struct):
    """An object, whatever is in it."""


class _Sound(msgspec.Struct):
    choices: list[_AnyObject]
    usage: WrittenUsage | None = None
    error: None = None


_sound = msgspec.json.Decoder(_Sound).decode
_steps = msgspec.json.Decoder(list[_Choice]).decode
_choices = msgspec.json.Decoder(list[dict[str, msgspec.Raw]]).decode


def parse_response(body: bytes) -> ChatResponse:
    """Read a whole answer; raises `Malformed` where it is none, `UpstreamError` where it is an error in disguise."""
    document = _object(body)
    try:
        sound = _sound(body)
    except (msgspec.DecodeError, RecursionError):
        return _closely_read(document)
    return _closely_read(document) if not sound.choices else ChatResponse(document, usage_of(sound.usage))


def _closely_read(document: Document) -> ChatResponse:
    """Find out what an answer is that is not as most are."""
    _raise_error(document)
    try:
        choices = _choices(document.get("choices") or b"null")
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("an answer without choices") from None
    if not choices:
        raise Malformed("an answer without choices")
    return ChatResponse(document, parse_usage(document.get("usage")))


def parse_chunk(data: bytes) -> ChatChunk:
    """Read one chunk of a stream; raises `Malformed` where it is none, `UpstreamError` where it reports an error."""
    document = _object(data)
    _raise_error(document)
    try:
        steps = _steps(document.get("choices") or b"[]")
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("a chunk with malformed choices") from None
    if not all(step.whole() for step in steps):
        document = document.having({"choices": _completed(document.members["choices"])})
    return ChatChunk(document, tuple(step.step() for step in steps), parse_usage(document.get("usage")))


@attrs.define
class ChatChunkReader:
    """Reads the events of a chat's or a text completion's stream; `done` once the upstream sent `[DONE]`."""

    done: bool = False
    _track: StreamTrack = attrs.field(factory=StreamTrack)
    _frame: Frame | None = None
    _lessons: int = MAX_LESSONS

    def read(self, message: bytes) -> Sequence[ChatChunk]:
        """Return the chunk of one event's data; raises as `parse_chunk` does."""
        if message.strip() == b"[DONE]":
            self.done = True
            return ()
        chunk = parse_chunk(message)
        self._track.saw(chunk.choices)
        if self._lessons:
            self._lessons -= 1
            self._frame = frame_of(message, chunk.document) or self._frame
        return (chunk,)

    @property
    def learning(self) -> bool:
        """Whether the next event may show what all of them share."""
        return self._frame is None and self._lessons > 0

    def passage(self, events: bytes) -> tuple[Passage | None, bytes]:
        """
        Return what can be read at once at the beginning of whole events, and those left to be read singly.

        There is something once an event has shown what all of them share.
        """
        if self._frame is None or not self._track.only_first_is_open:
            return None, events
        return passage_of(events, self._frame, parse_chunk)

    def end(self) -> None:
        """Note that the bytes ended; raises `StreamBroken` unless every choice seen had finished."""
        if not self._track.complete:
            raise StreamBroken


def _completed(choices: bytes) -> bytes:
    """Fill in the members of choices that clients rely on and some servers leave out."""
    missing = {"index": msgspec.Raw(b"0"), "finish_reason": msgspec.Raw(NULL)}
    found = [{**missing, **choice} for choice in _choices(choices)]
    for choice in found:
        if bytes(choice["index"]) == NULL:
            choice["index"] = missing["index"]
    return text_of(found)


def _object(body: bytes) -> Document:
    if not body.strip():
        raise Malformed("an empty answer")
    try:
        return parse_object(body, unique=False)
    except NotJson:
        raise Malformed("something that is no JSON object") from None


def _raise_error(document: Document) -> None:
    """Raise the error that stands in a successful answer: some servers send their failures so."""
    error = document.get("error")
    if error is None or error in {b'""', b"false", b"{}"}:
        return
    said = {name: _readable(text) for name, text in document.members.items() if name in {"error", "status_code"}}
    status = status_of(said)
    raise CredentialRefused(status) if status in {401, 403} else error_of(said, status)


def _readable(text: bytes) -> object:
    try:
        return value_of(text)
    except NotJson:
        return None
