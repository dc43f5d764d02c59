"""The provider for Cerebras keeps the contracts of its three ports."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from adapters.cerebras.provider import CerebrasProvider, cerebras_provider
from tests.contracts.providers import ChatProviderContract, CompletionProviderContract, ModelListerContract
from tests.contracts.scenarios import ALL
from tests.fakes.cerebras_double import CerebrasDouble
from tests.fakes.harness import DoubleHarness


class CerebrasHarness(DoubleHarness):
    double_type = CerebrasDouble
    scenarios: ClassVar[frozenset[str]] = ALL - {"refusal"}
    cannot: ClassVar[frozenset[str]] = frozenset({"refusal"})  # Cerebras's messages have no such member
    headers: ClassVar[frozenset[str]] = frozenset(
        {
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-stainless-arch",
            "x-stainless-async",
            "x-stainless-lang",
            "x-stainless-os",
            "x-stainless-package-version",
            "x-stainless-read-timeout",
            "x-stainless-retry-count",
            "x-stainless-runtime",
            "x-stainless-runtime-version",
        }
    )

    @override
    def connect(self, url: str) -> CerebrasProvider:
        return cerebras_provider(self.secret, url)


class TestChat(ChatProviderContract):
    harness_type = CerebrasHarness


class TestCompletions(CompletionProviderContract):
    harness_type = CerebrasHarness


class TestModels(ModelListerContract):
    harness_type = CerebrasHarness
