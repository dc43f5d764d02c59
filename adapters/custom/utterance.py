"""What one choice of an answer says: a text or calls of tools, token by token."""

from __future__ import annotations

from collections.abc import Iterable

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


def say(text: str, most: int, stops: tuple[str, ...]) -> Utterance:
    """Return a text as an utterance: cut after `most` tokens, and before the first of the stops."""
    pieces = tokens(text, most)
    said = "".join(pieces)
    places = [place for place in (said.find(stop) for stop in stops) if place >= 0]
    if places:
        return Utterance(tuple(tokens(said[: min(places)])))
    return Utterance(tuple(pieces), finish_reason="length" if len(said) < len(text) else "stop")


def call(calls: Iterable[ToolCall], most: int) -> Utterance:
    """Return calls of tools as an utterance, cut after `most` tokens: in the middle of arguments, as a model is."""
    kept: list[ToolCall] = []
    for one in calls:
        if most < one.tokens:
            cut = [attrs.evolve(one, pieces=one.pieces[: most - 1])] if most else []
            return Utterance((), (*kept, *cut), "length")
        kept.append(one)
        most -= one.tokens
    return Utterance((), tuple(kept), "tool_calls")
