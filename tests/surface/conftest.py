"""One gateway process for all tests of the surface that do not end it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.process import GatewayProcess, gateway_process


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Return a running gateway that answers from the built-in custom provider."""
    with gateway_process(tmp_path_factory.mktemp("gateway")) as running:
        yield running
