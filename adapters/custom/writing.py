"""Utterances as OpenAI's documents: a whole answer, or the chunks of one. Both say the same."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Any

import attrs

from adapters.custom.utterance import ToolCall, Utterance
from adapters.wire.jsontext import document_of, text_of
from adapters.wire.openai.usage import usage_values
from domain.chat import ChatChunk, ChatResponse, ChoiceStep
from domain.document import Document
from domain.usage import Usage

FINGERPRINT = "fp_custom_1"
"""Another number when a release makes the engine say something else to the same request."""


@attrs.frozen
class Answer:
    """An answer ready to be written; `created` is in seconds since 1970."""

    id: str
    created: int
    model: str
    utterances: Sequence[Utterance]
    prompt_tokens: int

    @property
    def usage(self) -> Usage:
        """The tokens of the prompt and of all choices."""
        return Usage(self.prompt_tokens, sum(utterance.tokens for utterance in self.utterances))

    def response(self) -> ChatResponse:
        """Return the answer as a whole."""
        choices = [
            {
                "index": index,
                "message": _message(utterance),
                "logprobs": _logprobs(utterance, slice(None)),
                "finish_reason": utterance.finish_reason,
            }
            for index, utterance in enumerate(self.utterances)
        ]
        members = {"choices": text_of(choices), "usage": text_of(usage_values(self.usage))}
        return ChatResponse(self._head("chat.completion").having(members), self.usage)

    def chunks(self) -> Iterator[ChatChunk]:
        """Give the answer in chunks: the choices in turn, the usage last."""
        head = self._head("chat.completion.chunk")
        streams = [_choice_chunks(head, index, utterance) for index, utterance in enumerate(self.utterances)]
        for together in zip_longest(*streams):
            yield from (chunk for chunk in together if chunk is not None)
        members = {"choices": b"[]", "usage": text_of(usage_values(self.usage))}
        yield ChatChunk(head.having(members), (), self.usage)

    def _head(self, kind: str) -> Document:
        """Return the members that all parts of the answer share."""
        return document_of(
            {
                "id": self.id,
                "object": kind,
                "created": self.created,
                "model": self.model,
                "service_tier": "default",
                "system_fingerprint": FINGERPRINT,
            }
        )


def _choice_chunks(head: Document, index: int, utterance: Utterance) -> Iterator[ChatChunk]:
    opening = {"role": "assistant", "content": None if utterance.calls else ""}
    yield _chunk(head, ChoiceStep(index, role=True), opening)
    for place, piece in enumerate(utterance.pieces):
        yield _chunk(head, ChoiceStep(index), {"content": piece}, _logprobs(utterance, slice(place, place + 1)))
    for place, call in enumerate(utterance.calls):
        for delta in _call_deltas(place, call):
            yield _chunk(head, ChoiceStep(index), {"tool_calls": [delta]})
    yield _chunk(head, ChoiceStep(index, finish_reason=utterance.finish_reason), {})


def _chunk(head: Document, step: ChoiceStep, delta: dict[str, Any], logprobs: object = None) -> ChatChunk:
    choice = {"index": step.index, "delta": delta, "logprobs": logprobs, "finish_reason": step.finish_reason}
    return ChatChunk(head.having({"choices": text_of([choice])}), (step,))


def _message(utterance: Utterance) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if utterance.calls else "".join(utterance.pieces),
        "refusal": None,
        "annotations": [],
    }
    if utterance.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": call.kind, call.kind: {"name": call.name, _said(call): "".join(call.pieces)}}
            for call in utterance.calls
        ]
    return message


def _call_deltas(place: int, call: ToolCall) -> Iterator[dict[str, Any]]:
    """Give a call in pieces: its name first, with nothing said, then what it says."""
    yield {"index": place, "id": call.id, "type": call.kind, call.kind: {"name": call.name, _said(call): ""}}
    for piece in call.pieces:
        yield {"index": place, call.kind: {_said(call): piece}}


def _said(call: ToolCall) -> str:
    """Return the member that holds what a call says."""
    return "input" if call.kind == "custom" else "arguments"


def _logprobs(utterance: Utterance, part: slice) -> dict[str, Any] | None:
    return None if utterance.logprobs is None else {"content": utterance.logprobs[part], "refusal": None}
