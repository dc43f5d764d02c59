"""
What Cerebras does not take as OpenAI defines it, as data: its API refuses members that it does not know.

The names are what OpenAI's API has and Cerebras's has not: https://inference-docs.cerebras.ai/api-reference/chat-completions
and https://inference-docs.cerebras.ai/resources/openai. Names that neither defines are Cerebras's to judge and pass.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from adapters.wire.jsontext import text_of, value_of
from domain.document import Document


@attrs.frozen
class Rules:
    """
    How an object of OpenAI's becomes one of Cerebras's.

    `dropped` members are left out. `moved` members go under another name, unless one of that name is there: then it
    counts, and they are left out. `values` gives, by member, the words that stand for another word.
    """

    dropped: frozenset[str] = frozenset()
    moved: Mapping[str, str] = attrs.field(factory=dict)
    values: Mapping[str, Mapping[str, str]] = attrs.field(factory=dict)
    _gone: frozenset[str] = attrs.field(init=False)

    @_gone.default
    def _names_that_go(self) -> frozenset[str]:
        return self.dropped | self.moved.keys()

    def apply(self, document: Document) -> Document:
        """Return the document as Cerebras takes it; the same one where there is nothing to change."""
        changes = {**self._moves(document), **self._words(document)}
        if not changes and self._gone.isdisjoint(document.members):
            return document
        return document.having(changes).without(*self._gone)

    def _moves(self, document: Document) -> dict[str, bytes]:
        found = [(new, document.get(old)) for old, new in self.moved.items() if document.get(new) is None]
        return {new: text for new, text in found if text is not None}

    def _words(self, document: Document) -> dict[str, bytes]:
        found = {}
        for name, words in self.values.items():
            text = document.get(name)
            if text is not None and text.startswith(b'"') and (word := words.get(value_of(text))) is not None:
                found[name] = text_of(word)
        return found


REQUEST = Rules(
    dropped=frozenset(
        {
            "audio",
            "function_call",
            "functions",
            "metadata",
            "modalities",
            "moderation",
            "prompt_cache_options",
            "prompt_cache_retention",
            "store",
            "verbosity",
            "web_search_options",
        }
    ),
    moved={"max_tokens": "max_completion_tokens", "safety_identifier": "user"},
    # https://inference-docs.cerebras.ai/capabilities/reasoning: none, low, medium and high are all there is.
    values={"reasoning_effort": {"minimal": "low", "xhigh": "high", "max": "high"}},
)

STREAM_OPTIONS = Rules(dropped=frozenset({"include_obfuscation"}))

MESSAGE = Rules(
    # Clients send a whole earlier answer back, and with it what OpenAI's answers have beside their text.
    dropped=frozenset({"annotations", "audio", "cache_control", "function_call"}),
    # Cerebras names the thinking `reasoning` and refuses the name of others; a refusal is what the model said.
    moved={"reasoning_content": "reasoning", "refusal": "content"},
    # "Functionally equivalent to system", but only some models take it: https://inference-docs.cerebras.ai/resources/openai
    values={"role": {"developer": "system"}},
)

PART = Rules(
    dropped=frozenset({"cache_control", "prompt_cache_breakpoint"}),
    moved={"refusal": "text"},
    values={"type": {"refusal": "text"}},
)
