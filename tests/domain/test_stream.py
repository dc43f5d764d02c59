"""When a streamed answer is complete."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.chat import ChoiceStep
from domain.policy.stream import StreamTrack

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
