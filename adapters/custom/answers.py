"""
What a handler of your own needs: texts and vectors as answers, whole or streamed.

Import it in your module: `from adapters.custom.answers import last_user_text, text_answer, text_stream`. Ids and times
need not be set, the gateway fills them in.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterable, Iterable, Iterator, Sequence
from inspect import isasyncgen

from adapters.custom.messages import read_messages
from adapters.custom.reading import array, member, text
from adapters.custom.tokens import count
from adapters.wire.jsontext import document_of, text_of
from adapters.wire.openai.usage import usage_values
from domain.chat import ChatChunk, ChatRequest, ChatResponse, ChoiceStep
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.usage import Usage


def last_user_text(request: ChatRequest) -> str:
    """
    Return what the user said last, "" where no user spoke.

    Raises `InvalidRequest` where the messages are not what OpenAI's API defines: let it pass, the caller reads it.
    """
    messages = read_messages(member(request.document, "messages"))
    return next((message.content for message in reversed(messages) if message.role == "user"), "")


def local_usage(request: ChatRequest, answer: str) -> Usage:
    """Return the tokens of a request and its answer by the built-in engine's rule, where you have no better one."""
    messages = read_messages(member(request.document, "messages"))
    prompt = len(messages) + sum(count(said) for message in messages for said in message.texts)
    return Usage(prompt, count(answer))


def text_answer(
    request: ChatRequest, answer: str, usage: Usage | None = None, finish_reason: str = "stop"
) -> ChatResponse:
    """Return a text as a whole answer; `usage` is counted here where it is not given."""
    used = usage or local_usage(request, answer)
    message: dict[str, object] = {"role": "assistant", "content": answer, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason}
    values = {"object": "chat.completion", "model": request.model, "choices": [choice], "usage": usage_values(used)}
    return ChatResponse(document_of(values), used)


def text_chunks(
    request: ChatRequest, pieces: Iterable[str], usage: Usage | None = None
) -> Iterator[Sequence[ChatChunk]]:
    """Give the steps of a streamed answer whose pieces are all there; for pieces still to come, see `text_stream`."""
    said = list(pieces)
    yield (_role(request), *[_chunk(request, {"content": piece}) for piece in said[:1]])
    for piece in said[1:]:
        yield (_chunk(request, {"content": piece}),)
    yield _end(request, usage or local_usage(request, "".join(said)))


async def text_stream(
    request: ChatRequest, pieces: AsyncIterable[str], usage: Usage | None = None
) -> AsyncGenerator[Sequence[ChatChunk], None]:
    """
    Give the steps of a streamed answer, each piece as it comes.

    `usage` is counted here where it is not given. Where the caller hangs up, `pieces` is closed if it is a generator.
    The role goes out with the first piece, so that a failure before it can still become a true status.
    """
    said: list[str] = []
    try:
        async for piece in pieces:
            opening = [] if said else [_role(request)]
            said.append(piece)
            yield (*opening, _chunk(request, {"content": piece}))
    finally:
        if isasyncgen(pieces):
            await pieces.aclose()
    if not said:
        yield (_role(request),)
    yield _end(request, usage or local_usage(request, "".join(said)))


def embedding_texts(request: EmbeddingsRequest) -> list[str]:
    """Return the texts to embed; raises `InvalidRequest` where they are tokens, or nothing."""
    value = member(request.document, "input")
    if isinstance(value, str):
        return [value]
    return [text(item, f"input[{place}]") for place, item in enumerate(array(value, "input"))]


def vectors_answer(request: EmbeddingsRequest, vectors: Iterable[Sequence[float]], usage: Usage) -> EmbeddingsResponse:
    """Return vectors, one for each input and in its order, in the encoding that the caller asked for."""
    packed = member(request.document, "encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": index, "embedding": _packed(vector) if packed else list(vector)}
        for index, vector in enumerate(vectors)
    ]
    counts = {"prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens}
    values = {"object": "list", "data": data, "model": request.model, "usage": counts}
    return EmbeddingsResponse(document_of(values), usage)


def _role(request: ChatRequest) -> ChatChunk:
    return _chunk(request, {"role": "assistant", "content": ""})


def _chunk(request: ChatRequest, delta: dict[str, str], finish_reason: str | None = None) -> ChatChunk:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    values = {"object": "chat.completion.chunk", "model": request.model, "choices": [choice]}
    return ChatChunk(document_of(values), (ChoiceStep(0, "role" in delta, finish_reason),))


def _end(request: ChatRequest, usage: Usage) -> Sequence[ChatChunk]:
    """Return the last step: why the answer ends, and what it used."""
    head = document_of({"object": "chat.completion.chunk", "model": request.model, "choices": []})
    last = ChatChunk(head.having({"usage": text_of(usage_values(usage))}), (), usage)
    return (_chunk(request, {}, "stop"), last)


def _packed(vector: Sequence[float]) -> str:
    return b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
