"""What a call has used, in tokens."""

from __future__ import annotations

import attrs


@attrs.frozen
class Usage:
    """
    Tokens that the provider counted for one call.

    `cached_tokens` are part of `prompt_tokens`, `reasoning_tokens` are part of `completion_tokens`,
    as in OpenAI's `usage` object.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt and completion together."""
        return self.prompt_tokens + self.completion_tokens
