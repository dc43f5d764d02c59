"""
What of an OpenAI request goes where in Ollama's native API, as data.

Ollama's names: https://github.com/ollama/ollama/blob/main/docs/api.md and `api/types.go` beside it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from domain.document import Document

OPTIONS = (
    *("temperature", "top_p", "top_k", "min_p", "typical_p", "seed", "stop"),
    *("repeat_last_n", "repeat_penalty", "presence_penalty", "frequency_penalty"),
    *("num_ctx", "num_predict", "num_keep", "num_batch", "num_gpu", "main_gpu", "use_mmap", "num_thread"),
    "draft_num_predict",
)
"""Members that go into `options` under their own name: OpenAI's that Ollama has too, and Ollama's own."""

NOT_IN_OLLAMA = frozenset(
    {
        "audio",
        "encoding_format",
        "function_call",
        "functions",
        "logit_bias",
        "metadata",
        "modalities",
        "moderation",
        "n",
        "parallel_tool_calls",
        "prediction",
        "prompt_cache_key",
        "prompt_cache_options",
        "prompt_cache_retention",
        "safety_identifier",
        "service_tier",
        "store",
        "stream_options",
        "user",
        "verbosity",
        "web_search_options",
    }
)
"""Members of OpenAI's API that Ollama has no counterpart for."""

_PLAIN = re.compile(r"[a-z0-9_]+")


def carried(document: Document, owned: Collection[str]) -> Mapping[str, bytes]:
    """
    Return the members that go on as they came: all but the `owned` ones, whose places are filled otherwise.

    Ollama reads names without regard to case (https://pkg.go.dev/encoding/json#Unmarshal), and of two that read alike
    the last: a `Model` would replace the `model` that the gateway chose. Only names in small letters pass, which read
    like no other.
    """
    return {
        name: text
        for name, text in document.members.items()
        if name not in owned and document.get(name) is not None and _PLAIN.fullmatch(name)
    }
