"""What the engine says to a request: every choice's utterance, decided by the request alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from adapters.custom.asked import SCHEMA_PARAM, Asked
from adapters.custom.draws import Draws
from adapters.custom.logprobs import Logprob, logprobs_of
from adapters.custom.messages import Message
from adapters.custom.schema.budget import STEPS, Budget
from adapters.custom.schema.document import SchemaDocument
from adapters.custom.schema.errors import SchemaRefused
from adapters.custom.schema.instance import make_instance
from adapters.custom.tokens import tokens
from adapters.custom.tooling import Tool
from adapters.custom.utterance import ToolCall, Utterance, call, say
from adapters.custom.words import phrase, sentences
from adapters.wire.jsontext import text_of
from domain.errors import InvalidRequest

ECHOED_TOKENS = 40
MAX_STEPS = 4 * STEPS
"""The work that all schemas of one request may make together."""
_ECHOED_CHARACTERS = 2_000
_LOGPROBS_AT_ONCE = 256
SENTENCES = {"low": 2, "medium": 4, "high": 8}
_LEADS = {"user": "You said: ", "tool": "The tool said: ", "function": "The tool said: "}


async def answer(asked: Asked, model: str, pause: Callable[[], Awaitable[None]]) -> tuple[Utterance, ...]:
    """
    Return what each choice says; raises `InvalidRequest` where a schema has no instance.

    `model` takes part in the seed. `pause` gives others their turn now and then.
    """
    draws = Draws.of(model, *asked.seeds)
    speaker = _Speaker(asked, pause)
    found = []
    for index in range(asked.choices):
        if index:
            await pause()
        own = draws.fork(index)
        utterance = await speaker.choice(own, index)
        if asked.top_logprobs is not None:
            logprobs: list[Logprob] = []
            likely = own.fork("logprobs")
            for start in range(0, len(utterance.pieces), _LOGPROBS_AT_ONCE):
                await pause()
                block = utterance.pieces[start : start + _LOGPROBS_AT_ONCE]
                logprobs += logprobs_of(block, asked.top_logprobs, likely)
            utterance = attrs.evolve(utterance, logprobs=tuple(logprobs))
        found.append(utterance)
    return tuple(found)


@attrs.define
class _Speaker:
    """
    Says one choice after the other.

    `_steps` are what is left to spend on schemas; when nothing is, further choices repeat the instance of an earlier
    one.
    """

    asked: Asked
    pause: Callable[[], Awaitable[None]]
    _steps: int = MAX_STEPS
    _known: dict[str, Any] = attrs.field(factory=dict)

    async def choice(self, draws: Draws, index: int) -> Utterance:
        """Return what one choice says."""
        asked = self.asked
        if asked.calls:
            calls = [await self._call(tool, draws.fork("call", place)) for place, tool in enumerate(asked.calls)]
            return call(calls, asked.most)
        return say(await self._text(draws, index), asked.most, asked.stops)

    async def _text(self, draws: Draws, index: int) -> str:
        asked = self.asked.format
        if asked.schema is not None:
            value = await self._instance(asked.schema, draws, SCHEMA_PARAM, "invalid_json_schema")
            return text_of(value).decode()
        said = spoken(self.asked.messages[-1], self.asked.verbosity, draws, index)
        if asked.kind == "text":
            return said
        return text_of({"text": said, "number": draws.below(100)}).decode()

    async def _call(self, tool: Tool, draws: Draws) -> ToolCall:
        if tool.schema is None:
            said = phrase(draws.fork("input"), 3, 8)
        else:
            value = await self._instance(tool.schema, draws, tool.param, "invalid_function_parameters")
            said = text_of(value).decode()
        name = f"call_{draws.word():016x}{draws.word() & 0xFFFFFFFF:08x}"
        return ToolCall(name, tool.kind, tool.name, tuple(tokens(said, self.asked.most)))

    async def _instance(self, schema: SchemaDocument, draws: Draws, param: str, code: str) -> Any:
        await self.pause()
        budget = Budget(min(STEPS, self._steps))
        self._steps -= budget.left
        try:
            self._known[param] = make_instance(schema, draws, budget, as_object=param != SCHEMA_PARAM)
        except SchemaRefused as refusal:
            if param not in self._known:
                raise InvalidRequest(f"Invalid schema for '{param}': {refusal}.", param, code) from None
        self._steps += max(budget.left, 0)
        return self._known[param]


def spoken(message: Message, verbosity: str, draws: Draws, index: int) -> str:
    """Return plain text: what the last message said, cut where it is long, and sentences that the seed decides."""
    said = " ".join(message.content[:_ECHOED_CHARACTERS].split())
    pieces = tokens(said)
    if len(pieces) > ECHOED_TOKENS or len(message.content) > _ECHOED_CHARACTERS:
        said = "".join(pieces[:ECHOED_TOKENS]) + "…"
    lead = _LEADS.get(message.role, "The last message said: ")
    number = f"{index + 1}. " if index else ""
    return f"{number}{lead}{said}\n\n{sentences(draws, SENTENCES[verbosity])}"
