"""When a streamed answer is complete."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from domain.chat import ChoiceStep
from domain.errors import Malformed

MAX_CHOICES = 16_384
"""Choices of one stream. OpenAI has 128 at most, and others answer many prompts of a text completion at once."""


@attrs.define
class StreamTrack:
    """
    Follows the choices of one stream, to tell a complete answer from one that broke off.

    A stream is complete when the upstream said so (`[DONE]`), or when it ended cleanly after a
    `finish_reason` for every choice seen, and at least one was.
    """

    _open: set[int] = attrs.field(factory=set)
    _finished: set[int] = attrs.field(factory=set)

    def saw(self, choices: Iterable[ChoiceStep]) -> None:
        """
        Take note of what one chunk said.

        Raises `Malformed` at more than `MAX_CHOICES` choices: whoever follows a stream keeps something of each.
        """
        for step in choices:
            if step.finish_reason is not None:
                self._finished.add(step.index)
                self._open.discard(step.index)
            elif step.index not in self._finished:
                self._open.add(step.index)
        if len(self._open) + len(self._finished) > MAX_CHOICES:
            raise Malformed(f"more than {MAX_CHOICES} choices")

    @property
    def complete(self) -> bool:
        """Whether every choice seen has finished, and there was one."""
        return bool(self._finished) and not self._open

    @property
    def only_first_is_open(self) -> bool:
        """Whether the first choice is under way, and there is no other."""
        return self._open == _FIRST and not self._finished


_FIRST = {0}
