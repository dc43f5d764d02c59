"""A double of a server that speaks OpenAI's API."""

from __future__ import annotations

import ssl

from tests.fakes.openai_dialect import OpenAIDialect
from tests.fakes.scenarios import SCENARIOS
from tests.fakes.upstream import UpstreamDouble

OPENAI_SCENARIOS = frozenset(SCENARIOS)
"""All of them: OpenAI's dialect is the one that most servers speak, each in its own way."""


class OpenAIDouble(UpstreamDouble):
    """A server like OpenAI's: chats, text completions, embeddings, models under `/v1`."""

    def __init__(self, *, key: str = "", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(OpenAIDialect(), key=key, tls=tls)
