"""`POST /api/chat`, the answer: bytes → OpenAI's dialect, whole or line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from adapters.wire.jsontext import render, text_of
from adapters.wire.ollama.plain_lines import passage_of_lines
from adapters.wire.ollama.said import (
    Calls,
    Naming,
    finish_reason,
    logprobs_of,
    native_of,
    others,
    spoken,
    usage_member,
    usage_of,
)
from adapters.wire.openai.chat_response import parse_chunk
from adapters.wire.openai.passage import Frame, Passage
from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.document import NULL, Document
from domain.errors import Malformed, StreamBroken


def parse_response(body: bytes, naming: Naming) -> ChatResponse:
    """Read a whole answer; raises `Malformed` where it is none, and the failure that stands in its place."""
    native = native_of(body)
    if native.get("done") != b"true":
        raise Malformed("an answer that is not done")
    calls = Calls(naming)
    said = spoken(native, calls, indexed=False)
    content = said.pop("content")
    message = {"role": b'"assistant"', "content": content, "refusal": NULL, **said}
    usage = usage_of(native)
    members = {
        **naming.fixed(native, "chat.completion"),
        "choices": _choice(b"message", message, logprobs_of(native), finish_reason(native, calls)),
        **usage_member(usage),
    }
    return ChatResponse(Document({**members, **others(native)}), usage)


@attrs.define
class ChatLineReader:
    """
    Reads the lines of a streamed answer as chunks; `done` once a line said so.

    The first chunk says who speaks, and the last two are those that OpenAI ends with: one with the reason and nothing
    said, which also has what Ollama told at the end, and one with the usage alone.
    """

    _naming: Naming
    done: bool = False
    _calls: Calls = attrs.field(init=False)
    _fixed: dict[str, bytes] = attrs.field(factory=dict)
    _frame: Frame | None = None

    def __attrs_post_init__(self) -> None:
        self._calls = Calls(self._naming)

    @property
    def learning(self) -> bool:
        """Whether the next line is the first, which says what all pieces share."""
        return not self._fixed

    def passage(self, lines: bytes) -> tuple[Passage | None, bytes]:
        """Return what can be translated at once at the beginning of whole lines, and those left to be read singly."""
        if not self._fixed:
            return None, lines  # the first says more
        if self._frame is None:
            document = Document(self._fixed)
            self._frame = Frame(render(document)[:-1] + b',"choices":', b"", document)
        return passage_of_lines(lines, self._frame, parse_chunk)

    def read(self, message: bytes) -> Sequence[ChatChunk]:
        """Return the chunks of a line; raises `Malformed` where it is none, and the failure that it tells of."""
        native = native_of(message)
        first = not self._fixed
        if first:
            self._fixed = self._naming.fixed(native, "chat.completion.chunk")
        said = spoken(native, self._calls, indexed=True)
        logprobs = logprobs_of(native)
        if native.get("done") != b"true":
            return [self._said(said, logprobs, others(native), first=first)]
        self.done = True
        found = [self._said(said, logprobs, {}, first=first)] if said != {"content": b'""'} or logprobs != NULL else []
        return [*found, *self._end(native)]

    def end(self) -> None:
        """Note that the bytes ended, which they may not before a line said so."""
        if not self.done:
            raise StreamBroken

    def _said(self, said: Mapping[str, bytes], logprobs: bytes, more: Mapping[str, bytes], *, first: bool) -> ChatChunk:
        delta = dict(said)
        if first:
            delta = {"role": b'"assistant"', **delta}
        elif len(delta) > 1 and delta["content"] in {NULL, b'""'}:
            del delta["content"]
        document = {**self._fixed, "choices": _choice(b"delta", delta, logprobs, None), **more}
        return ChatChunk(Document(document), (ChoiceStep(role=first),))

    def _end(self, native: Document) -> Sequence[ChatChunk]:
        reason = finish_reason(native, self._calls)
        usage = usage_of(native)
        last = {**self._fixed, "choices": _choice(b"delta", {}, NULL, reason), **others(native)}
        finish = ChatChunk(Document(last), (ChoiceStep(finish_reason=reason),))
        if usage is None:
            return [finish]
        used = {**self._fixed, "choices": b"[]", **usage_member(usage)}
        return [finish, ChatChunk(Document(used), usage=usage)]


def _choice(name: bytes, said: Mapping[str, bytes], logprobs: bytes, reason: str | None) -> bytes:
    """Return the text of `choices`: there is always one."""
    parts = (name, render(Document(said)), logprobs, text_of(reason))
    return b'[{"index":0,"%b":%b,"logprobs":%b,"finish_reason":%b}]' % parts
