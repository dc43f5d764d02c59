"""What one choice of an answer says: a text or calls of tools, token by token."""

from __future__ import annotations

import attrs

from adapters.custom.logprobs import Logprob
from adapters.custom.tokens import tokens


@attrs.frozen
class ToolCall:
    """
    A call of a tool; `pieces` are the tokens of its arguments, or of a custom tool's input.

    Its name counts as one token, whatever its length, as a name that a model can only say as a whole.
    """

    id: str
    kind: str
    name: str
    pieces: tuple[str, ...]

    @property
    def tokens(self) -> int:
        """How many tokens it takes."""
        return 1 + len(self.pieces)


@attrs.frozen
class Utterance:
    """
    What a choice says, and why it ends.

    `pieces` is the text by its tokens, empty where tools are called; `logprobs` has an entry for each, or is None where
    they are not wanted.
    """

    pieces: tuple[str, ...]
    calls: tuple[ToolCall, ...] = ()
    finish_reason: str = "stop"
    logprobs: tuple[Logprob, ...] | None = None

    @property
    def tokens(self) -> int:
        """How many tokens it takes."""
        return len(self.pieces) + sum(call.tokens for call in self.calls)


def say(text: str, most: int | None, stops: tuple[str, ...]) -> Utterance:
    """Return a text as an utterance: cut after `most` tokens, and before the first of the stops."""
    pieces = tokens(text)
    cut = most is not None and len(pieces) > most
    said = "".join(pieces[:most]) if cut else text
    places = [place for place in (said.find(stop) for stop in stops) if place >= 0]
    if places:
        return Utterance(tuple(tokens(said[: min(places)])))
    return Utterance(tuple(pieces[:most]), finish_reason="length" if cut else "stop")


def call(calls: tuple[ToolCall, ...], most: int | None) -> Utterance:
    """Return calls of tools as an utterance, cut after `most` tokens: in the middle of arguments, as a model is."""
    left = sum(one.tokens for one in calls) if most is None else most
    kept = []
    cut = False
    for one in calls:
        if left < one.tokens:
            cut = True
        if left > 0:
            kept.append(attrs.evolve(one, pieces=one.pieces[: left - 1]))
        left -= one.tokens
    return Utterance((), tuple(kept), "length" if cut else "tool_calls")
