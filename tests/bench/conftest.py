from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.programs import Programs, build
from bench.running import Mock, running_mock
from tests.bench.canned import a_core

# What is measured by /proc and epoll can be measured on Linux only; elsewhere `make bench` says so.
collect_ignore = [] if sys.platform == "linux" else ["test_load.py", "test_measure.py", "test_mock.py", "test_trees.py"]


@pytest.fixture(scope="session")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    return build(tmp_path_factory.mktemp("bench"))


@pytest.fixture
def mock(programs: Programs) -> Iterator[Mock]:
    with running_mock(programs.mock, a_core()) as running:
        yield running


@pytest.fixture
def body(tmp_path: Path) -> Path:
    path = tmp_path / "body.json"
    path.write_bytes(b'{"model":"mock","messages":[]}')
    return path
