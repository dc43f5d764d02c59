"""What all tests share."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

from tests.fakes import process

settings.register_profile(
    "quick",
    deadline=None,  # a busy machine is not a failure
    derandomize=False,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("soak", settings.get_profile("quick"), max_examples=5_000)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Take the option that has gateways served by one of uvicorn's own protocols."""
    parser.addoption("--http", choices=["httptools", "h11"], help="serve by this protocol of uvicorn's, not by ours")


def pytest_configure(config: pytest.Config) -> None:
    """Draw many more examples where the longer proofs are asked for."""
    if config.option.http:
        process.PLAIN.append(config.option.http)
    settings.load_profile("soak" if config.option.markexpr == "soak" else "quick")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, as the gateway runs; the session's scope serves async fixtures of any scope."""
    return "asyncio"
