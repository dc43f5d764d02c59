"""When a streamed answer is complete."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from domain.chat import ChoiceStep


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
        """Take note of what one chunk said."""
        for step in choices:
            if step.finish_reason is not None:
                self._finished.add(step.index)
                self._open.discard(step.index)
            elif step.index not in self._finished:
                self._open.add(step.index)

    @property
    def complete(self) -> bool:
        """Whether every choice seen has finished, and there was one."""
        return bool(self._finished) and not self._open

    @property
    def only_first_is_open(self) -> bool:
        """Whether the first choice is under way, and there is no other."""
        return self._open == _FIRST and not self._finished


_FIRST = {0}
