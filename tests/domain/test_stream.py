"""When a streamed answer is complete."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.chat import ChoiceStep
from domain.errors import Malformed
from domain.policy.stream import MAX_CHOICES, StreamTrack

steps = st.lists(
    st.builds(ChoiceStep, st.integers(0, 3), st.booleans(), st.sampled_from([None, None, "stop", "length"]))
)


@given(steps)
def test_complete_is_when_every_choice_seen_has_finished(seen: list[ChoiceStep]) -> None:
    """Compared with the rule written down plainly: some choice, and each of them with a finish reason."""
    track = StreamTrack()
    for step in seen:
        track.saw([step])

    indices = {step.index for step in seen}
    finished = {step.index for step in seen if step.finish_reason is not None}

    assert (bool(indices) and indices == finished) == track.complete


@pytest.mark.parametrize("finish_reason", [None, "stop"])
def test_a_stream_has_so_many_choices_at_most(finish_reason: str | None) -> None:
    """An upstream that begins one choice after the other, for ever, is stopped before it fills the memory."""
    track = StreamTrack()
    for index in range(MAX_CHOICES):
        track.saw([ChoiceStep(index, finish_reason=finish_reason)])

    with pytest.raises(Malformed, match="more than 16384 choices"):
        track.saw([ChoiceStep(-1, finish_reason=finish_reason)])
