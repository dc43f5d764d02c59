"""A chat: what a caller asks, what a provider answers, and the pieces in which it streams."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from domain.document import Document
from domain.usage import Usage


@attrs.frozen
class ChatRequest:
    """
    A request for a chat completion: what the gateway decides on, and the caller's document beside it.

    `model` is the name that the caller sent and will see in the answer; `provider` is the provider that
    the path fixed, or "" where routing chooses. `include_usage` says whether a streaming caller asked for
    the usage chunk; the upstream is always asked for it. `document` is the body in OpenAI's dialect.
    """

    model: str
    document: Document
    stream: bool = False
    include_usage: bool = False
    provider: str = ""


@attrs.frozen
class ChatResponse:
    """A whole answer, in OpenAI's dialect; `usage` is None where the provider did not say."""

    document: Document
    usage: Usage | None = None


@attrs.frozen
class ChoiceStep:
    """What one chunk says of one choice, as far as the gateway acts upon it."""

    index: int = 0
    role: bool = False
    """The delta names the role of the speaker."""
    finish_reason: str | None = None


@attrs.frozen
class ChatChunk:
    """
    One piece of a streamed answer, in OpenAI's dialect.

    `choices` are the facts about the document's `choices`, in their order; `usage` is what the chunk
    said of the tokens used so far, None where it said nothing.
    """

    document: Document
    choices: tuple[ChoiceStep, ...] = ()
    usage: Usage | None = None


class Continuation(Sequence[ChatChunk]):
    """
    Chunks that arrived together and only go on with a choice that has begun: none ends it, none tells of usage.

    They need not be looked at one by one; whoever speaks the dialect that they came in may pass them as they are.
    """
