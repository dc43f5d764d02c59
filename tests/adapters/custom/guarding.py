"""What the tests of guarded handlers share: answers, exceptions, and handlers that were asked."""

from __future__ import annotations

import asyncio
from typing import Any

from adapters.custom.answers import text_answer, text_chunks
from adapters.custom.handler import GuardedHandler
from adapters.wire.jsontext import document_of
from domain.chat import ChatChunk, ChatResponse
from domain.errors import BadKey, InvalidRequest, ModelNotFound, StreamBroken, Unavailable, UpstreamError
from domain.ports.providers import Call
from tests.adapters.custom.fakes import CALL, chat
from tests.adapters.custom.handlers import SECRET, Scripted

SHORT = 0.05
HURRIED = Call(model="m", first_byte_s=SHORT, idle_s=SHORT, total_s=10)
ASKED = chat(messages=[{"role": "user", "content": "hello you"}])
GOOD = text_answer(ASKED, "hi")
STEPS = list(text_chunks(ASKED, ["h", "i"]))
CHOICES = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "x"}, "finish_reason": "stop"}]}


async def complete(*steps: Any, call: Call = CALL, **how: Any) -> ChatResponse:
    return await GuardedHandler(Scripted(steps, **how)).complete(ASKED, call)


async def stream(handler: Scripted, call: Call = CALL) -> list[ChatChunk]:
    return [chunk async for step in GuardedHandler(handler).stream(ASKED, call) for chunk in step]


def chunk(choices: Any, **members: Any) -> ChatChunk:
    return ChatChunk(document_of({"choices": choices, **members}))


def end(index: int = 0) -> dict[str, Any]:
    return {"index": index, "delta": {}, "finish_reason": "stop"}


UNMEANT = [
    ValueError(SECRET),
    KeyError(SECRET),
    TimeoutError(SECRET),
    SystemExit(SECRET),
    asyncio.CancelledError(SECRET),
    ExceptionGroup(SECRET, [ValueError(SECRET)]),
    BadKey(),
    StopAsyncIteration(SECRET),
]
MEANT = [
    UpstreamError(429, "slow down", retry_after="3"),
    StreamBroken(),
    InvalidRequest("no", "messages[0]", "invalid_value"),
    ModelNotFound("m"),
    Unavailable("Asleep."),
]
