"""Samples of a running gateway count for the stage that was at work."""

from __future__ import annotations

import pytest

from bench.stages import REST, STAGES, shares, stage_of

LOOP = "run (asyncio/runners.py:118);"
EDGE = "Edge.__call__ (adapters/http/edge.py:51);"


@pytest.mark.parametrize(
    ("stack", "stage"),
    [
        (LOOP.rstrip(";"), REST),
        (LOOP + EDGE.rstrip(";"), STAGES["adapters/http/"]),
        (LOOP + EDGE + "parse_request (adapters/wire/openai/chat_request.py:97)", STAGES["adapters/wire/"]),
        (LOOP + EDGE + "Total.hand_over (adapters/telemetry/tallies.py:26);inc (prometheus_client/metrics.py:337)",
         STAGES["adapters/telemetry/"]),
        (LOOP + "Sweeper._sweep (adapters/sweeper.py:80)", STAGES["adapters/upstream/"]),
        (LOOP + "elsewhere (site-packages/adapters/http/edge.py:1)", REST),
    ],
)  # fmt: skip
def test_a_sample_is_of_the_innermost_function_of_ours(stack: str, stage: str) -> None:
    """A library works for whoever called it."""
    assert stage == stage_of(stack)


def test_shares_are_of_all_samples() -> None:
    """Stacks are counted as often as they were seen."""
    lines = [f"{LOOP}{EDGE.rstrip(';')} 3", f"{LOOP.rstrip(';')} 1"]

    assert {STAGES["adapters/http/"]: 0.75, REST: 0.25} == shares(lines)
