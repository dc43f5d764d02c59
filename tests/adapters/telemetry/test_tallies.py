"""What is counted between two scrapes arrives as if it had been counted one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram

from adapters.telemetry.tallies import Spread, Total

BOUNDS = (0.1, 1.0, 10.0)
VALUES = st.lists(
    st.sampled_from([0.0, 0.05, 0.1, 0.1000001, 1.0, 5.0, 10.0, 10.5, 1e9]) | st.floats(0, 100), max_size=20
)


@given(VALUES, VALUES)
def test_values_are_in_the_buckets_where_the_library_puts_them(first: list[float], second: list[float]) -> None:
    """Also where some are handed over before others."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    one_by_one = Histogram("h", "h", buckets=BOUNDS, registry=theirs)
    spread = Spread(Histogram("h", "h", buckets=BOUNDS, registry=ours))
    for values in (first, second):
        for value in values:
            spread.take(value)
            one_by_one.observe(value)
        spread.hand_over()
        spread.hand_over()

    for bound in (*BOUNDS, float("inf")):
        labels = {"le": str(bound) if bound < float("inf") else "+Inf"}
        assert theirs.get_sample_value("h_bucket", labels) == ours.get_sample_value("h_bucket", labels)
    assert theirs.get_sample_value("h_count") == ours.get_sample_value("h_count")
    assert theirs.get_sample_value("h_sum") == pytest.approx(ours.get_sample_value("h_sum"))


def test_a_total_is_handed_over_once() -> None:
    """What was handed over is not counted again."""
    registry = CollectorRegistry()
    total = Total(Counter("c", "c", registry=registry))
    total.count += 3
    total.hand_over()
    total.hand_over()
    total.count += 2
    total.hand_over()

    assert 5 == registry.get_sample_value("c_total")
