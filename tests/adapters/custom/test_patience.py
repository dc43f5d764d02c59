"""While the engine works on a large request, others have their turns: no stretch of its work is long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine

import pytest

from adapters.custom.provider import DeterministicProvider
from adapters.custom.reading import MAX_VALUES
from adapters.memory.clock import SystemClock, SystemIds
from domain.chat import ChatRequest
from domain.document import Document
from domain.embeddings import EmbeddingsRequest
from domain.errors import InvalidRequest
from tests.adapters.custom.fakes import CALL

MOST_BYTES = 20 << 20
"""Of a body."""
TURN_S = 0.5
"""CPU time that others may have to wait for; on a machine with nothing else to do, a fifth of it is needed."""


async def longest_turn(work: Coroutine[object, object, object]) -> float:
    """
    Return the longest stretch of work in seconds; `InvalidRequest` is an end like any other.

    It is the CPU time of this thread, so that what else the machine does is not counted.
    """
    longest = 0.0
    done = asyncio.Event()

    async def watch() -> None:
        nonlocal longest
        last = time.thread_time()
        while not done.is_set():
            await asyncio.sleep(0)
            now = time.thread_time()
            longest = max(longest, now - last)
            last = now

    async with asyncio.TaskGroup() as group:
        group.create_task(watch())
        await asyncio.sleep(0)
        try:
            await work
        except InvalidRequest:
            pass
        finally:
            await asyncio.sleep(0)
            done.set()
    return longest


def filled(start: bytes, part: bytes, end: bytes, size: int = MOST_BYTES) -> bytes:
    """Return a JSON text with as many equal parts as go in."""
    room = size - len(start) - len(end)
    return start + (part + b",") * (room // (len(part) + 1) - 1) + part + end


def chatting(**members: bytes) -> Coroutine[object, object, object]:
    document = Document({"messages": b'[{"role":"user","content":"Hello"}]', **members})
    return DeterministicProvider(SystemClock(), SystemIds()).complete(ChatRequest("custom", document), CALL)


def embedding(text: bytes) -> Coroutine[object, object, object]:
    request = EmbeddingsRequest(model="custom", document=Document({"input": text}))
    return DeterministicProvider(SystemClock(), SystemIds()).embed(request, CALL)


def messages(part: bytes, size: int = MOST_BYTES) -> bytes:
    return filled(b'[{"role":"user","content":[', part, b"]}]", size)


TEXT = b'{"type":"text","text":"a"}'
FULL: dict[str, Callable[[], tuple[str, bytes]]] = {
    "empty texts": lambda: ("messages", messages(b'{"type":"text","text":""}')),
    "texts": lambda: ("messages", messages(TEXT)),
    "files": lambda: ("messages", messages(b'{"type":"file","file":{}}')),
    "nests": lambda: ("messages", messages(b'{"type":"text","text":"a","more":[[],[],[]]}')),
    "lists": lambda: ("messages", filled(b'[{"role":"user","content":"a","more":[', b"[]", b"]}]")),
    "texts, as many as are read": lambda: ("messages", messages(TEXT, 900_000)),
    "messages": lambda: (
        "messages",
        filled(b"[", b'{"role":"user","content":"' + b"a b " * 1_000 + b'"}', b"]", 4 << 20),
    ),
    "words": lambda: ("messages", b'[{"role":"user","content":"' + b"a b " * (1 << 20) + b'"}]'),
    "escapes": lambda: ("messages", b'[{"role":"user","content":"' + b'\\"' * (2 << 20) + b'"}]'),
    "pairs": lambda: ("metadata", filled(b"{", b'"":""', b"}")),
    "biases": lambda: ("logit_bias", filled(b"{", b'"1":1', b"}")),
    "modalities": lambda: ("modalities", filled(b"[", b'"text"', b"]")),
    "stops": lambda: ("stop", filled(b"[", b'""', b"]")),
    "tools": lambda: ("tools", filled(b"[", b"{}", b"]")),
    "choices": lambda: ("tool_choice", filled(b'{"type":"allowed_tools","allowed_tools":{"tools":[', b"{}", b"]}}")),
}
"""What a body may be full of: a member's name and text."""


@pytest.mark.parametrize("what", FULL)
async def test_no_part_of_a_chat_takes_long(what: str) -> None:
    """Whether it is answered or refused, and whatever a body's 20 MiB are full of."""
    name, text = FULL[what]()

    assert await longest_turn(chatting(**{name: text})) < TURN_S


@pytest.mark.parametrize("part", [b"1", b'"a"', b"[]", b"[1]", b'["a"]'])
async def test_no_part_of_an_embedding_takes_long(part: bytes) -> None:
    """The same for what is to be embedded."""
    assert await longest_turn(embedding(filled(b"[", part, b"]"))) < TURN_S


async def test_a_stretch_of_work_is_noticed() -> None:
    """The measurement sees what it is there for."""

    async def hog() -> None:
        end = time.thread_time() + 0.1
        while time.thread_time() < end:
            pass

    assert 0.1 <= await longest_turn(hog()) < 0.2


async def test_values_are_read_up_to_a_limit() -> None:
    """What stands in strings is no value; a caller who sends too many is told which member it is."""
    engine = DeterministicProvider(SystemClock(), SystemIds())
    part = b'{"type":"text","text":"[[[,,,{{{\\""}'  # a bracket, a comma within and one behind it: three values

    def request(parts: int) -> ChatRequest:
        text = b'[{"role":"user","content":[' + b",".join([part] * parts) + b"]}]"
        return ChatRequest("custom", Document({"messages": text}))

    answer = await engine.complete(request(MAX_VALUES // 3 - 10), CALL)
    with pytest.raises(InvalidRequest, match="holds more than 100000 values") as refused:
        await engine.complete(request((MAX_VALUES + 1_000) // 3), CALL)

    assert answer.usage is not None
    assert ("messages", "array_above_max_length") == (refused.value.param, refused.value.code)
