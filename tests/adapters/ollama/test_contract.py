"""The provider for Ollama keeps the contracts of its three ports."""

from __future__ import annotations

from typing import ClassVar

from typing_extensions import override

from adapters.ollama.provider import OllamaProvider
from adapters.upstream.upstream import Upstream
from tests.contracts.providers import (
    ChatProviderContract,
    EmbeddingsProviderContract,
    ModelListerContract,
)
from tests.contracts.scenarios import ALL
from tests.fakes.clock import FakeClock, FakeIds
from tests.fakes.harness import DoubleHarness
from tests.fakes.ollama_double import OllamaDouble


class OllamaHarness(DoubleHarness):
    double_type = OllamaDouble
    cannot: ClassVar[frozenset[str]] = frozenset(
        {
            # It has neither several choices nor a word for refusals.
            *("choices", "refusal"),
            # Its streams are lines: of those only the ends can differ, and the last one is the mark of the end.
            *("cr", "comments", "no-space", "fields", "multi-data", "bom", "no-done", "endless-pings"),
            *("role-missing", "ids-differ", "empty-choices"),
            # Its counts stand in the last line.
            *("usage-last-choice", "usage-every-chunk", "usage-final"),
        }
    )
    scenarios: ClassVar[frozenset[str]] = ALL - cannot
    headers: ClassVar[frozenset[str]] = frozenset(
        {"accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
    )

    @override
    def connect(self, url: str) -> OllamaProvider:
        return OllamaProvider(Upstream(url, {"authorization": f"Bearer {self.secret}"}), FakeClock(), FakeIds())


class TestChat(ChatProviderContract):
    harness_type = OllamaHarness


class TestEmbeddings(EmbeddingsProviderContract):
    harness_type = OllamaHarness


class TestModels(ModelListerContract):
    harness_type = OllamaHarness
