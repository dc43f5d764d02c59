"""
How the provider contracts are run: the harness around a provider, and the choice of the scenarios that it can show.

A contract's test names the scenarios that it is about with `@about(…)`. It runs once for each of them that the
harness declares; what a provider cannot be made to show, its harness says in `cannot`, so that nothing is left out
unseen.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar, Protocol, Self, TypeVar

import pytest
from typing_extensions import override

from domain.ports.providers import Call
from tests.contracts.scenarios import ALL

Test = TypeVar("Test", bound=Callable[..., Any])


class Sent(Protocol):
    """One request as the answering side saw it."""

    @property
    def method(self) -> str:
        """The HTTP method."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, str]]:
        """The headers in their order."""
        ...

    @property
    def json(self) -> Any:
        """The body, decoded."""
        ...

    @property
    def taken(self) -> int:
        """How many bytes of the answer were taken."""
        ...


class Harness(Protocol):
    """
    A provider, and whoever answers it.

    `scenarios` are those in which it can be made to answer, `cannot` those in which it never will. `model` is the name
    that its calls give. `secret` is the credential that must never be shown, "" where there is none; `headers` are the
    names of all headers of its requests with a body, lower case, for a provider whose requests can be seen.
    """

    scenarios: ClassVar[frozenset[str]]
    cannot: ClassVar[frozenset[str]]
    model: ClassVar[str]
    secret: ClassVar[str]
    headers: ClassVar[frozenset[str]]

    @classmethod
    def opened(cls) -> AbstractAsyncContextManager[Self]:
        """Build everything, and tear it down at the end."""
        ...

    @property
    def provider(self) -> Any:
        """The provider under test, of whatever port the contract is about."""
        ...

    @property
    def sent(self) -> Sequence[Sent]:
        """The requests that arrived at the answering side; none for a provider that sends none."""
        ...

    @property
    def connections(self) -> int:
        """How many connections are open at the answering side."""
        ...

    async def script(self, scenario: str) -> None:
        """Make whoever answers do so in that scenario from now on; `provider` may be another one afterwards."""
        ...

    def request(self, kind: str, scenario: str, *, stream: bool) -> Any:
        """Return the request of the domain to ask with: `kind` is `chat`, `text` or `embeddings`."""
        ...

    async def holding(self) -> None:
        """Wait until an answer has come to the place where it stands still: before it begins, or in the middle."""
        ...

    async def quiet(self) -> None:
        """Wait until nothing is being answered any more."""
        ...


def about(*scenarios: str) -> Callable[[Test], Test]:
    """Run a test once in each of these scenarios."""

    def mark(test: Test) -> Test:
        test.__dict__["scenarios"] = scenarios
        return test

    return mark


class Contract:
    """What all contracts share: `harness_type` is all that a provider's own test gives."""

    harness_type: ClassVar[type[Harness]]
    ways: ClassVar[tuple[str, ...]] = ("whole",)
    """How the provider can be asked."""
    pytestmark = pytest.mark.anyio

    @override
    def __init_subclass__(cls) -> None:
        """Leave out the tests about nothing that the provider can show."""
        super().__init_subclass__()
        harness = getattr(cls, "harness_type", None)
        for name in dir(cls) if harness is not None else ():
            about_these = getattr(getattr(cls, name), "scenarios", None) if name.startswith("test_") else None
            if about_these is not None and harness is not None and harness.scenarios.isdisjoint(about_these):
                setattr(cls, name, None)

    @classmethod
    def pytest_generate_tests(cls, metafunc: pytest.Metafunc) -> None:
        """Draw the scenarios of a test, and the ways to ask."""
        if "scenario" in metafunc.fixturenames:
            able = [name for name in getattr(metafunc.function, "scenarios", ()) if name in cls.harness_type.scenarios]
            metafunc.parametrize("scenario", able)
        if "way" in metafunc.fixturenames:
            metafunc.parametrize("way", cls.ways)

    @pytest.fixture(scope="session")
    @classmethod
    def anyio_backend(cls) -> str:
        """Run on asyncio, as the gateway does."""
        return "asyncio"

    @pytest.fixture
    async def harness(self) -> AsyncIterator[Harness]:
        async with self.harness_type.opened() as harness:
            yield harness

    def test_what_it_cannot_be_shown_in_is_said(self) -> None:
        """Every scenario is one that the harness can play, or one that the provider can never meet."""
        told = self.harness_type.scenarios | self.harness_type.cannot

        assert set() == ALL - told
        assert set() == self.harness_type.scenarios & self.harness_type.cannot


def call_of(
    harness: Harness, *, connect_s: float = 5, first_byte_s: float = 5, idle_s: float = 5, total_s: float = 10
) -> Call:
    """Return one attempt, with deadlines that a sound answer never meets unless a test says otherwise."""
    return Call(
        harness.model,
        request_id="req-1",
        connect_s=connect_s,
        first_byte_s=first_byte_s,
        idle_s=idle_s,
        total_s=total_s,
    )
