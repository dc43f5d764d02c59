"""Fixtures: one gateway in front of doubles of its providers, for all tests that ask for it by `pytest_plugins`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.surface.providers import Site, running_site, wait_for_models


@pytest.fixture(scope="session")
def standing_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run the gateway and its doubles for as long as the tests run."""
    with running_site(tmp_path_factory.mktemp("site")) as site:
        wait_for_models(site)
        yield site


@pytest.fixture
def site(standing_site: Site) -> Site:
    """Return the gateway and its doubles, which have seen nothing yet."""
    standing_site.forget()
    return standing_site
