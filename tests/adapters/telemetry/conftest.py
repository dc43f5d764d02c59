"""What the tests of telemetry share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.adapters.telemetry.records import Written
from tests.fakes.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def written(tmp_path: Path) -> Written:
    return Written.to(tmp_path / "log")
