"""The provider for OpenAI-compatible URLs keeps the contracts of all four ports."""

from __future__ import annotations

from typing import ClassVar

import pytest
from typing_extensions import override

from adapters.openai.provider import OpenAIProvider
from adapters.upstream.upstream import Upstream
from tests.contracts.providers import (
    ChatProviderContract,
    CompletionProviderContract,
    EmbeddingsProviderContract,
    ModelListerContract,
)
from tests.contracts.scenarios import ALL
from tests.fakes.harness import DoubleHarness
from tests.fakes.openai_double import OpenAIDouble


class OpenAIHarness(DoubleHarness):
    double_type = OpenAIDouble
    scenarios: ClassVar[frozenset[str]] = ALL
    cannot: ClassVar[frozenset[str]] = frozenset()
    headers: ClassVar[frozenset[str]] = frozenset(
        {"accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"}
    )

    @override
    def connect(self, url: str) -> OpenAIProvider:
        return OpenAIProvider(Upstream(f"{url}/v1", {"authorization": f"Bearer {self.secret}"}))


class TestChat(ChatProviderContract):
    harness_type = OpenAIHarness


class TestCompletions(CompletionProviderContract):
    harness_type = OpenAIHarness


class TestEmbeddings(EmbeddingsProviderContract):
    harness_type = OpenAIHarness


class TestModels(ModelListerContract):
    harness_type = OpenAIHarness


class EveryByteHarness(OpenAIHarness):
    scenarios: ClassVar[frozenset[str]] = frozenset({"text", "cut-N", "reset-N"})
    cannot: ClassVar[frozenset[str]] = ALL - scenarios


@pytest.mark.soak
@pytest.mark.timeout(900)
class TestEveryByte(ChatProviderContract):
    harness_type = EveryByteHarness
    cuts = range(5000)
