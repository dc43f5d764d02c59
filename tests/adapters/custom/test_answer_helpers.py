"""The small door for operators: what it builds is what clients expect."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest

from adapters.custom.answers import embedding_texts, last_user_text, local_usage, text_answer, text_chunks, text_stream
from domain.errors import InvalidRequest
from domain.policy.stream import StreamTrack
from domain.usage import Usage
from tests.adapters.custom.fakes import chat, comparable, embeddings, put_together

ASKED = chat(
    messages=[
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "reply"},
        {"role": "user", "content": [{"type": "text", "text": "second"}]},
        {"role": "assistant", "content": "more"},
    ]
)


async def pieces(*texts: str) -> AsyncGenerator[str, None]:
    for text in texts:
        yield text


def test_the_last_text_of_the_user() -> None:
    """Not what the assistant said since."""
    assert last_user_text(ASKED) == "second"
    assert last_user_text(chat(messages=[{"role": "system", "content": "x"}])) == ""
    with pytest.raises(InvalidRequest):
        last_user_text(chat(messages=7))


@pytest.mark.parametrize("texts", [(), ("one",), ("one ", "two ", "three")])
async def test_a_streamed_text_is_the_whole_one(texts: tuple[str, ...]) -> None:
    """From pieces that are there, and from pieces that are still to come; always complete."""
    expected = comparable(text_answer(ASKED, "".join(texts)))
    ready = [chunk for step in text_chunks(ASKED, texts) for chunk in step]
    coming = [chunk async for step in text_stream(ASKED, pieces(*texts)) for chunk in step]
    track = StreamTrack()
    for chunk in ready:
        track.saw(chunk.choices)

    assert expected == put_together(ready) == put_together(coming)
    assert track.complete


async def test_a_failure_before_the_first_piece_comes_before_the_first_chunk() -> None:
    """So that it can still become a true status."""

    async def failing() -> AsyncGenerator[str, None]:
        raise ValueError("no words")
        yield ""

    with pytest.raises(ValueError, match="no words"):
        await anext(text_stream(ASKED, failing()))


async def test_leaving_a_stream_closes_its_pieces() -> None:
    """A connection that they hold open is given back."""
    closed = []

    async def endless() -> AsyncGenerator[str, None]:
        try:
            while True:
                yield "x"
        finally:
            closed.append(True)

    reading = text_stream(ASKED, endless())
    await anext(reading)
    await reading.aclose()

    assert closed == [True]


def test_usage_is_counted_where_it_is_not_given() -> None:
    """By the built-in engine's rule."""
    assert local_usage(ASKED, "one two") == Usage(4 + 4, 2)
    assert text_answer(ASKED, "one two").usage == Usage(8, 2)
    assert text_answer(ASKED, "one two", Usage(1, 1)).usage == Usage(1, 1)


def test_texts_to_embed() -> None:
    """One or many; tokens are refused, for only a model knows what they mean."""
    assert embedding_texts(embeddings(input="a")) == ["a"]
    assert embedding_texts(embeddings(input=["a", "b"])) == ["a", "b"]
    with pytest.raises(InvalidRequest):
        embedding_texts(embeddings(input=[1, 2]))
