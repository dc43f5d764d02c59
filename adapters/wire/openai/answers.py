"""Answers for a caller who speaks OpenAI: domain → bytes, whole or as a stream of events."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from adapters.wire.jsontext import render, text_of
from adapters.wire.openai.passage import NO_FRAME, Frame, Passage
from domain.chat import ChatChunk, ChatResponse
from domain.document import Document

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"

_BLANK = frozenset({b'""', b"0"})
"""What Azure's first chunk has for an id and a time; it tells of filters only."""

_ALWAYS = ("id", "object", "created")
_ROLE_DELTA = msgspec.Raw(b'{"role":"assistant","content":""}')


@attrs.frozen
class Identity:
    """
    What is the same in every piece of one answer: the name of the model that the caller sent, and what stands in
    for an id and a time (seconds since 1970) where the upstream gives none. `kind` is the `object` of the pieces.
    """

    model: str
    id: str
    created: int
    kind: str

    def defaults(self) -> dict[str, bytes]:
        """Return the members that every answer has."""
        return {"id": text_of(self.id), "object": text_of(self.kind), "created": text_of(self.created)}


def render_response(response: ChatResponse, identity: Identity) -> bytes:
    """Write a whole answer: the upstream's, with the caller's name of the model."""
    document = response.document
    lacking = any(document.get(name) is None for name in _ALWAYS)
    changes = {"model": text_of(identity.model)}
    return render(document.defaulting(identity.defaults()).having(changes) if lacking else document.having(changes))


def event(data: bytes) -> bytes:
    """Write one server-sent event; the line ends of JSON text that came on several lines are spaces to it."""
    return b"data: " + data.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n\n"


@attrs.define
class ChatStreamRenderer:
    """
    Writes a stream as OpenAI's clients expect it, whatever the upstream's was like.

    One `id`, `created` and `model` in every chunk; the role first; usage in one last chunk without choices, and
    only where the caller asked for it. Everything else stands as it came.
    """

    _identity: Identity
    _include_usage: bool
    _fixed: dict[str, bytes] = attrs.field(factory=dict)
    _spoken: set[int] = attrs.field(factory=set)
    _usage: bytes | None = None
    _seen: Frame | None = None
    _written: Frame = NO_FRAME

    def render(self, chunks: Sequence[ChatChunk]) -> bytes:
        """Write chunks as events; b"" where none of them is for the caller."""
        if isinstance(chunks, Passage) and self._fixed:
            return chunks.rendered(self._renewed(chunks.frame), include_usage=self._include_usage)
        return b"".join([part for chunk in chunks for part in self._events(chunk)])

    def end(self) -> bytes:
        """Write what follows the last chunk of a complete answer."""
        if not self._include_usage or self._usage is None:
            return DONE
        return event(render(Document({**self._fixed, "choices": b"[]", "usage": self._usage}))) + DONE

    def _events(self, chunk: ChatChunk) -> list[bytes]:
        document = chunk.document
        if not self._fixed:
            self._fixed = self._fix(document)
        if chunk.usage is not None:
            self._usage = document.get("usage")
        if not chunk.choices and (document.get("usage") is not None or not self._include_usage):
            return []
        events = [self._role(step.index) for step in chunk.choices if self._unspoken(step.index, role=step.role)]
        changes = dict(self._fixed)
        if self._include_usage:
            changes["usage"] = b"null"
        elif "usage" in document.members:
            document = document.without("usage")
        events.append(event(render(document.having(changes))))
        return events

    def _renewed(self, frame: Frame) -> Frame:
        """Return a frame as the caller gets it: made once for each that the stream shows."""
        if self._seen is not frame:
            self._seen, self._written = frame, frame.renewed(self._fixed)
        return self._written

    def _fix(self, first: Document) -> dict[str, bytes]:
        """Settle what all chunks share: the upstream's id and time where its first chunk has them."""
        fixed = self._identity.defaults()
        for name in fixed:
            text = first.get(name)
            if text is not None and text not in _BLANK:
                fixed[name] = text
        return {**fixed, "object": text_of(self._identity.kind), "model": text_of(self._identity.model)}

    def _unspoken(self, index: int, *, role: bool) -> bool:
        """Whether a choice begins without saying who speaks."""
        if index in self._spoken:
            return False
        self._spoken.add(index)
        return not role and self._identity.kind == "chat.completion.chunk"

    def _role(self, index: int) -> bytes:
        choice = {"index": index, "delta": _ROLE_DELTA, "logprobs": None, "finish_reason": None}
        members = {**self._fixed, "choices": text_of([choice])}
        if self._include_usage:
            members["usage"] = b"null"
        return event(render(Document(members)))
