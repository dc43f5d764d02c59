"""What servers do to an answer that is otherwise good: each a function from an answer to another."""

from __future__ import annotations

import gzip
import itertools
from collections.abc import Callable
from typing import Any

import attrs

from tests.fakes.answers import Answer
from tests.fakes.dialect import Dialect, Seen, dumps

Change = Callable[[Answer, Dialect, Seen], Answer]

ODD_TEXT = 'Zürich \u2028line\u2029para\u0085next\u000b\u000c 😀 e\u0301 \\n " data: [DONE] {"error":1} \x7f end'
"""Characters that are line ends to some, and none to SSE or JSON; and text that looks like the protocol."""
LONG_TEXT = "0123456789abcdef" * 6_000
BLOCK = b"x" * 65_536


def messages_changed(change: Callable[[list[bytes]], list[bytes]]) -> Change:
    """Change the messages of a stream; a whole answer stays as it is."""

    def changed(answer: Answer, _dialect: Dialect, _seen: Seen) -> Answer:
        return attrs.evolve(answer, messages=tuple(change(list(answer.messages)))) if answer.streamed else answer

    return changed


def values_changed(change: Callable[[list[Any]], list[Any]]) -> Change:
    """Change the values of a stream's messages; its marks of the end, and a whole answer, stay as they are."""

    def changed(answer: Answer, dialect: Dialect, _seen: Seen) -> Answer:
        if not answer.streamed:
            return answer
        marks = tuple(message for message in answer.messages if dialect.unpack(message) is None)
        values = [value for message in answer.messages if (value := dialect.unpack(message)) is not None]
        return attrs.evolve(answer, messages=(*map(dialect.pack, change(values)), *marks))

    return changed


def replaced(old: bytes, new: bytes) -> Change:
    """Write other bytes for some bytes of each message."""
    return messages_changed(lambda messages: [message.replace(old, new) for message in messages])


def prefixed(prefix: bytes) -> Change:
    """Put something before each message."""
    return messages_changed(lambda messages: [prefix + message for message in messages])


def begun_with(start: bytes) -> Change:
    """Put something before the first message."""
    return messages_changed(lambda messages: [start, *messages])


def without_mark(answer: Answer, dialect: Dialect, _seen: Seen) -> Answer:
    """Leave the mark of the end out."""
    if not answer.streamed:
        return answer
    return attrs.evolve(answer, messages=tuple(m for m in answer.messages if dialect.unpack(m) is not None))


def after_the_end(answer: Answer, _dialect: Dialect, _seen: Seen) -> Answer:
    """Say it all once more."""
    return attrs.evolve(answer, messages=answer.messages * 2) if answer.streamed else answer


def saying(text: str) -> Change:
    """Say other words, with every character as it is where JSON allows it."""

    def changed(answer: Answer, dialect: Dialect, seen: Seen) -> Answer:
        if not answer.streamed:
            value = dialect.unpack(answer.body)
            dialect.set_text(value, text)
            return answer.saying(dumps(value))
        return values_changed(said)(answer, dialect, seen)

    def said(values: list[Any]) -> list[Any]:
        words = iter([text])
        for value in values:
            _retold(value, words)
        return values

    return changed


def _retold(value: Any, words: Any) -> None:
    """Put the next word where a piece has text; OpenAI's and Ollama's pieces differ only in where that is."""
    places = [choice.get("delta", choice) for choice in value.get("choices", [])] or [value.get("message", {})]
    for place in places:
        for name in ("content", "text"):
            if place.get(name):
                place[name] = next(words, "")


def usage_told(variant: str) -> Change:
    """Tell the usage in another place, or otherwise, or not at all."""

    def changed(answer: Answer, dialect: Dialect, seen: Seen) -> Answer:
        if answer.streamed:
            return values_changed(lambda values: dialect.set_usage(values, variant))(answer, dialect, seen)
        [value] = dialect.set_usage([dialect.unpack(answer.body)], variant)
        return answer.saying(dumps(value))

    return changed


def with_error(*, after: int) -> Change:
    """Report a failure after so many good messages, and say no more."""

    def changed(answer: Answer, dialect: Dialect, _seen: Seen) -> Answer:
        if not answer.streamed:
            return answer.saying(dialect.stream_error().removeprefix(b"data:").strip())
        return attrs.evolve(answer, messages=(*answer.messages[:after], dialect.stream_error()))

    return changed


def endless_pieces(answer: Answer, dialect: Dialect, _seen: Seen) -> Answer:
    """Stream the same words for ever; a whole answer's text never ends."""
    if not answer.streamed:
        return endless_text(answer, dialect, _seen)
    place = _place_of_text(answer, dialect)
    return attrs.evolve(answer, messages=answer.messages[:place], tail=itertools.repeat(answer.messages[place]))


def endless_text(answer: Answer, dialect: Dialect, _seen: Seen) -> Answer:
    """Begin a text, in the middle of a message, that never ends."""
    place = _place_of_text(answer, dialect) if answer.streamed else 0
    message = answer.messages[place] if answer.streamed else answer.body
    value = dialect.unpack(message)
    dialect.set_text(value, "MARK")
    packed = dialect.pack(value) if answer.streamed else dumps(value)
    start = packed.partition(b"MARK")[0]
    return attrs.evolve(
        answer, messages=(*(answer.messages[:place] if answer.streamed else ()), start), tail=itertools.repeat(BLOCK)
    )


def endless(block: bytes) -> Change:
    """Say nothing but this, for ever."""
    return lambda answer, _dialect, _seen: attrs.evolve(answer, messages=(), tail=itertools.repeat(block))


def compressed(answer: Answer, _dialect: Dialect, _seen: Seen) -> Answer:
    """Compress the answer, although nobody asked for it."""
    body = gzip.compress(answer.body, mtime=0)
    return attrs.evolve(answer, messages=(body,)).with_headers(("Content-Encoding", "gzip"))


def bomb(answer: Answer, _dialect: Dialect, _seen: Seen) -> Answer:
    """Send half a megabyte that unpacks to half a gigabyte."""
    body = gzip.compress(bytes(1 << 20), mtime=0) * 512
    return attrs.evolve(answer, messages=(body,)).with_headers(("Content-Encoding", "gzip"))


def body_of(body: bytes, content_type: str = "application/json") -> Change:
    """Say exactly this, whole or streamed, with status 200."""
    return lambda answer, _dialect, _seen: Answer.of(body, content_type=content_type).with_headers(*answer.headers)


def headers_added(*headers: tuple[str, str]) -> Change:
    """Send more headers; `{here}` stands for the server's own address."""

    def changed(answer: Answer, _dialect: Dialect, seen: Seen) -> Answer:
        here = f"http://{seen.header('host')}"
        return answer.with_headers(*[(name, value.replace("{here}", here)) for name, value in headers])

    return changed


def status_set(status: int) -> Change:
    """Send another status."""
    return lambda answer, _dialect, _seen: attrs.evolve(answer, status=status)


def type_set(content_type: str) -> Change:
    """Call the body something else."""
    return lambda answer, _dialect, _seen: attrs.evolve(answer, content_type=content_type)


def other_form(answer: Answer, dialect: Dialect, seen: Seen) -> Answer:
    """Stream what was asked for whole, and send whole what was asked for as a stream."""
    endpoint = dialect.endpoint(seen)
    flipped = attrs.evolve(seen, body=dumps({**seen.values, "stream": not answer.streamed}))
    return answer if endpoint not in {"chat", "text"} else dialect.answer(endpoint, "text", flipped)


def halved(answer: Answer, _dialect: Dialect, _seen: Seen) -> Answer:
    """Send half of the JSON as if it were all; of a stream, half of its second message."""
    if not answer.streamed:
        return answer.saying(answer.messages[0])
    first, second, *rest = answer.messages
    end = second[len(second.rstrip()) :]
    return attrs.evolve(answer, messages=(first, second[: len(second) // 2] + end, *rest))


def _place_of_text(answer: Answer, dialect: Dialect) -> int:
    """Return the number of the first message that has words; 0 where none has."""
    places = (
        place
        for place, message in enumerate(answer.messages)
        if (value := dialect.unpack(message)) is not None and dialect.set_text(value, "")
    )
    return next(places, 0)
