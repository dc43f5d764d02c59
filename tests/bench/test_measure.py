"""The benchmark measures a gateway that really runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from bench.cells import CELLS
from bench.machine import Cores
from bench.measure import measure
from bench.programs import Programs, build
from bench.running import Mock, Place, Running, running_target
from bench.targets.direct import direct
from bench.targets.gateway import gateway
from bench.targets.target import Launch
from bench.trouble import Missing, Unusable
from tests.bench.canned import a_core

BY_NAME = {cell.name: cell for cell in CELLS}
SECONDS = 0.2


@pytest.fixture
def place(programs: Programs, mock: Mock, tmp_path: Path) -> Place:
    return Place(Cores(a_core(), a_core()), programs, tmp_path, mock)


@pytest.fixture
def ours(place: Place) -> Iterator[Running]:
    with running_target(gateway(), place) as running:
        yield running


def test_a_gateway_is_measured(ours: Running, place: Place) -> None:
    """Whole and streamed, without an error, and with CPU time that is its own."""
    samples = [measure(ours, BY_NAME[name], 0, SECONDS, place) for name in ("plain-32", "first-1")]

    assert [0, 0] == [sample.load.error_count for sample in samples]
    assert all(sample.load.requests > 0 and sample.cpu_s > 0 for sample in samples)
    assert 101 == samples[1].load.events / samples[1].load.requests
    assert ours.cold_start_s > 0


def test_a_target_that_ends_at_its_start_is_named_with_its_last_words(place: Place) -> None:
    """It is missing from the report with this reason."""
    broken = attrs.evolve(direct(), name="broken", launch=lambda _: Launch(("sh", "-c", "echo no licence >&2; exit 3")))

    with (
        pytest.raises(Unusable, match="broken: ended at its start, its last words: no licence"),
        running_target(broken, place),
    ):
        pass


def test_without_a_compiler_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is measured with programs that are not there."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(Missing, match=r"A C compiler is missing\. Install it: apt-get install gcc"):
        build(tmp_path)
