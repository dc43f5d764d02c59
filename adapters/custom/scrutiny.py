"""Answers of the operator's own handler, read as those of an upstream are: what makes no sense is `Malformed`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import msgspec

from adapters.wire.jsontext import NotJson, parse_object, render, text_of
from adapters.wire.openai import chat_response, embeddings
from adapters.wire.openai.usage import usage_values
from domain.catalog import Model
from domain.chat import ChatChunk, ChatResponse
from domain.document import Document
from domain.embeddings import EmbeddingsResponse
from domain.errors import Malformed
from domain.usage import Usage


class _ChatChoice(msgspec.Struct):
    message: dict[str, msgspec.Raw]
    finish_reason: str


class _TextChoice(msgspec.Struct):
    text: str
    finish_reason: str


class _Vector(msgspec.Struct):
    embedding: str | list[float]


_chats = msgspec.json.Decoder(list[_ChatChoice])
_texts = msgspec.json.Decoder(list[_TextChoice])
_vectors = msgspec.json.Decoder(list[_Vector])


def read_answer(answer: object) -> ChatResponse:
    """Return the answer to a chat."""
    return _read_whole(answer, _chats)


def read_text_answer(answer: object) -> ChatResponse:
    """Return the answer to a text completion."""
    return _read_whole(answer, _texts)


def read_step(step: object) -> Sequence[ChatChunk]:
    """Return the chunks of one step of a stream; what they say of the choices is read anew."""
    if not isinstance(step, list | tuple) or not step:
        raise Malformed("a step of a stream that is no list of chunks")
    return [_read_chunk(chunk) for chunk in step]


def read_vectors(answer: object) -> EmbeddingsResponse:
    """Return vectors."""
    if not isinstance(answer, EmbeddingsResponse):
        raise Malformed("something that is no EmbeddingsResponse")
    read = embeddings.parse_response(_text(answer.document))
    _check(read.document.get("data"), _vectors)
    usage = _usage(answer.usage)
    return read if usage is None else attrs.evolve(read, usage=usage)


def read_models(models: object) -> Sequence[Model]:
    """Return models."""
    if not isinstance(models, list | tuple) or not all(isinstance(model, Model) for model in models):
        raise Malformed("something that is no list of models")
    try:
        found = [(model.id, parse_object(_text(model.document))) for model in models]
    except NotJson:
        raise Malformed("a model whose document is no JSON object") from None
    if not all(isinstance(name, str) and name for name, _ in found):
        raise Malformed("a model without an id")
    return [Model(name, document) for name, document in found]


def _read_whole(answer: object, choices: msgspec.json.Decoder[Any]) -> ChatResponse:
    if not isinstance(answer, ChatResponse):
        raise Malformed("something that is no ChatResponse")
    read = chat_response.parse_response(_text(answer.document))
    _check(read.document.get("choices"), choices)
    usage = _usage(answer.usage)
    if usage is None:
        return read
    return ChatResponse(read.document.defaulting({"usage": text_of(usage_values(usage))}), usage)


def _read_chunk(chunk: object) -> ChatChunk:
    if not isinstance(chunk, ChatChunk):
        raise Malformed("a step of a stream that is no list of chunks")
    read = chat_response.parse_chunk(_text(chunk.document))
    usage = _usage(chunk.usage)
    if usage is None:
        return read
    document = read.document.defaulting({"usage": text_of(usage_values(usage))})
    return attrs.evolve(read, document=document, usage=usage)


def _text(document: object) -> bytes:
    """Return a document as JSON text, which is not yet known to be valid."""
    if not isinstance(document, Document):
        raise Malformed("an answer without a document")
    try:
        return render(document)
    except (AttributeError, TypeError):
        raise Malformed("a document whose members are not JSON text as bytes") from None


def _usage(usage: object) -> Usage | None:
    if usage is None:
        return None
    if isinstance(usage, Usage) and all(type(number) is int and number >= 0 for number in attrs.astuple(usage)):
        return usage
    raise Malformed("a usage that is none")


def _check(text: bytes | None, decoder: msgspec.json.Decoder[Any]) -> None:
    try:
        decoder.decode(text or b"null")
    except (msgspec.DecodeError, RecursionError):
        raise Malformed("an answer whose parts are not what clients rely on") from None
