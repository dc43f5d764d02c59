"""Answers and chunks of chats, as those of the legacy text completion that asked for them."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import msgspec

from adapters.wire.jsontext import text_of
from adapters.wire.openai.completions_as_chat import Chats, decoded
from adapters.wire.openai.usage import usage_values
from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.document import NULL, Document
from domain.errors import Malformed
from domain.usage import Usage

_KIND = b'"text_completion"'


class _Said(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw(NULL)


class _Likely(msgspec.Struct):
    token: str
    logprob: msgspec.Raw


class _Token(msgspec.Struct):
    token: str
    logprob: msgspec.Raw
    top_logprobs: list[_Likely] | None = None


class _Logprobs(msgspec.Struct):
    content: list[_Token] | None = None


class _Choice(msgspec.Struct):
    index: int | None = None
    message: _Said | None = None
    delta: _Said | None = None
    logprobs: _Logprobs | None = None
    finish_reason: msgspec.Raw = msgspec.Raw(NULL)


_choices = msgspec.json.Decoder(list[_Choice]).decode


def as_completion(chats: Chats, answers: Sequence[ChatResponse]) -> ChatResponse:
    """Return the completion that the answers to all the chats make; raises `Malformed` where one has no choices."""
    found: list[dict[str, object]] = []
    for number, answer in enumerate(answers):
        found += _Texts(chats, number).choices(answer.document)
    first = answers[0]
    completion = _completion(first.document, found, _id(first.document))
    if len(answers) == 1:
        return ChatResponse(completion, first.usage)
    usage = summed([answer.usage for answer in answers])
    known = {} if usage is None else {"usage": text_of(usage_values(usage))}
    return ChatResponse(completion.without("usage").having(known), usage)


@attrs.define
class CompletionStream:
    """
    Reads the chunks of all the chats, one chat after the other, as those of one completion.

    Every chunk has the first one's id, and usage counts on from chat to chat.
    """

    _chats: Chats
    _texts: _Texts = attrs.field(init=False)
    _id: bytes | None = None
    _before: Usage | None = None
    _usage: Usage | None = None

    def begin(self, number: int) -> None:
        """Note that the chunks of the chat with this number follow."""
        self._texts = _Texts(self._chats, number)
        self._before = self._usage

    def read(self, chunk: ChatChunk) -> ChatChunk:
        """Return a chat's chunk as the completion's; raises `Malformed` where it is none."""
        if self._id is None:
            self._id = _id(chunk.document)
        completion = _completion(chunk.document, self._texts.choices(chunk.document), self._id)
        steps = tuple(
            ChoiceStep(self._texts.place(step.index), finish_reason=step.finish_reason) for step in chunk.choices
        )
        if chunk.usage is None:
            return ChatChunk(completion, steps)
        self._usage = summed([self._before, chunk.usage])
        if self._before is not None and self._usage is not None:
            completion = completion.having({"usage": text_of(usage_values(self._usage))})
        return ChatChunk(completion, steps, self._usage)


@attrs.define
class _Texts:
    """The choices of one chat, as texts; knows how much of each text has gone out."""

    _chats: Chats
    _number: int
    _begun: set[int] = attrs.field(factory=set)
    _offsets: dict[int, int] = attrs.field(factory=dict)

    def place(self, index: int) -> int:
        """Return a choice's place among the choices of all prompts."""
        return self._number * self._chats.choices + index

    def choices(self, document: Document) -> list[dict[str, object]]:
        """Return the choices of a chat's answer or chunk."""
        try:
            return [self._choice(choice) for choice in _choices(document.get("choices") or b"[]")]
        except msgspec.DecodeError:
            raise Malformed("choices that make no sense") from None

    def _choice(self, choice: _Choice) -> dict[str, object]:
        place = self.place(choice.index or 0)
        said = choice.message or choice.delta
        text = bytes(said.content) if said is not None else NULL
        if not text.startswith(b'"'):
            text = b'""'
        echoed = self._chats.echoed[self._number]
        if place not in self._begun and echoed:
            text = text_of(echoed + decoded(text))
        self._begun.add(place)
        return {
            "text": msgspec.Raw(text),
            "index": place,
            "logprobs": self._logprobs(place, choice.logprobs),
            "finish_reason": choice.finish_reason,
        }

    def _logprobs(self, place: int, logprobs: _Logprobs | None) -> dict[str, object] | None:
        """Return the legacy object: one list a column, and where in the returned text each token begins."""
        if logprobs is None or logprobs.content is None:
            return None
        tokens = logprobs.content
        offset = self._offsets.get(place, len(self._chats.echoed[self._number]))
        offsets = []
        for token in tokens:
            offsets.append(offset)
            offset += len(token.token)
        self._offsets[place] = offset
        return {
            "tokens": [token.token for token in tokens],
            "token_logprobs": [token.logprob for token in tokens],
            "top_logprobs": [_top(token) for token in tokens] if self._chats.top_logprobs else None,
            "text_offset": offsets,
        }


def summed(usages: Sequence[Usage | None]) -> Usage | None:
    """Return what calls used together, None where none of them is known."""
    known = [usage for usage in usages if usage is not None]
    if not known:
        return None
    return Usage(*map(sum, zip(*[attrs.astuple(usage) for usage in known], strict=True)))


def _completion(chat: Document, choices: Sequence[object], name: bytes) -> Document:
    """Return a chat's answer or chunk with these choices in the place of its own; an empty `name` is no id."""
    changes = {"object": _KIND, "choices": text_of(choices)}
    return chat.having({**changes, "id": name}) if name else chat.without("id").having(changes)


def _id(chat: Document) -> bytes:
    """Return the completion's id, made of the chat's: a JSON text, empty where the chat has none."""
    text = chat.get("id")
    if text is None or not text.startswith(b'"'):
        return b""
    return text_of("cmpl-" + decoded(text).removeprefix("chatcmpl-").removeprefix("cmpl-"))


def _top(token: _Token) -> dict[str, msgspec.Raw]:
    """Return the likeliest tokens in their order; the chosen one belongs to them, likely or not."""
    found: dict[str, msgspec.Raw] = {}
    for likely in (*(token.top_logprobs or ()), token):
        found.setdefault(likely.token, likely.logprob)
    return found
