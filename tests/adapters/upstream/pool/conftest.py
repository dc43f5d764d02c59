"""What the proofs of the pool share: they run on the gateway's event loop, those about transports on both."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from adapters.upstream import dialing
from adapters.upstream.pool import Pool
from tests.adapters.upstream.pool.pooling import UVLOOP
from tests.lab.certificates import Certificates


@pytest.fixture(scope="session")
def anyio_backend() -> Any:
    return UVLOOP


@pytest.fixture
async def pool() -> AsyncIterator[Pool]:
    pool = Pool()
    yield pool
    await pool.aclose()


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return Certificates()


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Certificates:
    """Give an authority that the pool trusts, as it does those of the system."""
    client = certificates.client
    monkeypatch.setattr(dialing, "verified_context", lambda: client)
    return certificates
