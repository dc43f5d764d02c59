"""What the tests of the custom provider share: a clock that stands still, ids that count, and requests in short."""

from __future__ import annotations

from typing import Any

import attrs

from adapters.custom.provider import DeterministicProvider
from adapters.wire.jsontext import document_of, value_of
from domain.chat import ChatChunk, ChatRequest, ChatResponse
from domain.document import Document
from domain.embeddings import EmbeddingsRequest
from domain.ports.providers import Call

NOW = 1_764_000_000.25
CALL = Call(model="custom")

Json = dict[str, Any]


@attrs.define
class StillClock:
    """Tells one time; counts how often others were given their turn."""

    pauses: int = 0

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return NOW

    async def sleep(self, seconds: float) -> None:
        self.pauses += 1


@attrs.define
class CountingIds:
    """Gives 1, 2, 3 … as ids."""

    given: int = 0

    def request_id(self) -> str:
        return f"req-{self.uuid()}"

    def uuid(self) -> str:
        self.given += 1
        return f"00000000-0000-0000-0000-{self.given:012}"


def engine() -> DeterministicProvider:
    return DeterministicProvider(StillClock(), CountingIds())


def chat(*, stream: bool = False, **members: Any) -> ChatRequest:
    """Return a request that says hello, with members added or replaced."""
    body = {"model": "custom", "messages": [{"role": "user", "content": "Hello there"}], **members}
    return ChatRequest(model=str(body["model"]), document=document_of(body), stream=stream)


def embeddings(**members: Any) -> EmbeddingsRequest:
    return EmbeddingsRequest(model="custom", document=document_of({"model": "custom", **members}))


def values(document: Document) -> Json:
    """Return a document as plain values."""
    return {name: value_of(text) for name, text in document.members.items()}


def shortly(value: object) -> str:
    """Return the two ends of a value as text, to name a test by."""
    text = str(value)
    return text if len(text) <= 80 else f"{text[:40]}…{text[-40:]}"


async def whole(**members: Any) -> Json:
    """Return the whole answer of a new engine."""
    return values((await engine().complete(chat(**members), CALL)).document)


async def first(**members: Any) -> Json:
    """Return the first choice of the whole answer."""
    choice: Json = (await whole(**members))["choices"][0]
    return choice


async def content(**members: Any) -> str:
    """Return the text of the first choice."""
    return str((await first(**members))["message"]["content"])


async def chunks(**members: Any) -> list[ChatChunk]:
    """Return the chunks of the streamed answer of a new engine."""
    return [chunk async for step in engine().stream(chat(stream=True, **members), CALL) for chunk in step]


def put_together(streamed: list[ChatChunk]) -> Json:
    """Return the whole answer that a client puts together from chunks, in the shape of one that was not streamed."""
    found: dict[int, Json] = {}
    usage: Json = {}
    for chunk in streamed:
        document = values(chunk.document)
        usage = document.get("usage") or usage
        for choice in document["choices"]:
            _add(found.setdefault(choice["index"], {"index": choice["index"]}), choice)
    return {"choices": [found[index] for index in sorted(found)], "usage": usage}


def _add(known: Json, choice: Json) -> None:
    delta = choice["delta"]
    message = known.setdefault("message", {"refusal": None, "annotations": []})
    if "role" in delta:
        message["role"] = delta["role"]
    if "content" in delta:
        message["content"] = None if delta["content"] is None else message.get("content", "") + delta["content"]
    for call in delta.get("tool_calls", []):
        _add_call(message.setdefault("tool_calls", []), call)
    if choice["logprobs"] is not None:
        logprobs = known.setdefault("logprobs", {"content": [], "refusal": None})
        if logprobs is not None:
            logprobs["content"] += choice["logprobs"]["content"]
    known["finish_reason"] = choice["finish_reason"]


def _add_call(calls: list[Json], delta: Json) -> None:
    kind = "custom" if "custom" in delta else "function"
    if "id" in delta:
        assert delta["index"] == len(calls)
        calls.append({"id": delta["id"], "type": delta["type"], kind: dict(delta[kind])})
        return
    assert set(delta) == {"index", kind}
    for name, piece in delta[kind].items():
        calls[delta["index"]][kind][name] += piece


def comparable(response: ChatResponse) -> Json:
    """Return what a streamed answer has to say too."""
    document = values(response.document)
    for choice in document["choices"]:
        if choice["logprobs"] is None or not choice["logprobs"]["content"]:
            del choice["logprobs"]
    return {"choices": document["choices"], "usage": document["usage"]}
