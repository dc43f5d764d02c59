"""An upstream's answer, and the bytes that it is on the wire."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator
from http import HTTPStatus

import attrs

BEFORE_HEAD = -2
"""A place to hold: nothing has been sent."""
HALF = -1
"""A place to hold or to cut: half of the messages have been sent."""

Step = bytes | None
"""One write to the connection; None is a place to pause."""


class Ending(enum.Enum):
    """What becomes of the connection."""

    KEEP = "keep"
    """It stays for the next request."""
    CLOSE = "close"
    """It is closed, as servers do."""
    RESET = "reset"
    """It is torn down: the peer gets a RST instead of an end."""
    OPEN = "open"
    """The answer is complete and the connection stays open, with nothing to be read, until the peer closes."""


class Framing(enum.Enum):
    """How the peer can tell where the body ends."""

    LENGTH = "length"
    CHUNKED = "chunked"
    CLOSE = "close"


@attrs.frozen
class Answer:
    """
    What is said.

    `messages` are the body: the events or lines of a stream, the two halves of a whole answer. `tail` follows them, and
    may be without end. `headers` stand beside what the delivery needs, in the order given.
    """

    status: int = 200
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    messages: tuple[bytes, ...] = ()
    tail: Iterable[bytes] = ()
    streamed: bool = False

    @classmethod
    def of(cls, body: bytes, status: int = 200, content_type: str = "application/json") -> Answer:
        """Return a whole answer."""
        half = len(body) // 2
        return cls(status, content_type, messages=(body[:half], body[half:]))

    @property
    def body(self) -> bytes:
        """All messages in one."""
        return b"".join(self.messages)

    def saying(self, body: bytes) -> Answer:
        """Return this answer with another body."""
        return attrs.evolve(self, messages=Answer.of(body).messages, tail=())

    def with_headers(self, *headers: tuple[str, str]) -> Answer:
        """Return this answer with more headers."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


@attrs.frozen
class Delivery:
    """
    How it is said.

    `interim` goes before the head. `reframe` cuts the body into pieces of that size, `rewrite` the whole of what goes
    over the wire; each piece is a write of its own. `cut_at` counts bytes of the wire, `cut_after` messages: what
    follows is never sent. `hold` is the number of messages after which the server waits, for `hold_s` seconds or until
    it is released; `drip_s` is what it waits after each message. `unread` answers before the request's body was read;
    `stale` closes the connection as soon as a second request comes over it.
    """

    framing: Framing | None = None
    interim: bytes = b""
    reframe: int = 0
    rewrite: int = 0
    cut_at: int | None = None
    cut_after: int | None = None
    hold: int | None = None
    hold_s: float | None = None
    drip_s: float | None = None
    ending: Ending = Ending.KEEP
    unread: bool = False
    stale: bool = False

    @property
    def cuts(self) -> bool:
        """Whether something of the answer is never sent."""
        return self.cut_at is not None or self.cut_after is not None

    @property
    def goes_on(self) -> bool:
        """Whether the connection takes another request after this one."""
        return self.ending is Ending.KEEP and not (self.cuts or self.unread or self.stale)

    def steps(self, answer: Answer) -> Iterator[Step]:
        """Return what is written, in order, with the places to pause."""
        steps = self._whole(answer)
        if self.rewrite:
            steps = _resized(steps, self.rewrite)
        return steps if self.cut_at is None else _first(steps, self.cut_at)

    def framing_of(self, answer: Answer) -> Framing:
        """Return how the peer can tell the end: streams are chunked where nothing else is said."""
        if self.framing is not None:
            return self.framing
        return Framing.CHUNKED if answer.streamed or answer.tail else Framing.LENGTH

    def _whole(self, answer: Answer) -> Iterator[Step]:
        if self.hold == BEFORE_HEAD:
            yield None
        framing = self.framing_of(answer)
        yield self.interim + self._head(answer, framing)
        count = self._place(self.cut_after, answer)
        for sent, message in enumerate(self._messages(answer)):
            if sent == count:
                return
            if sent == self._place(self.hold, answer):
                yield None
            yield _chunk(message) if framing is Framing.CHUNKED else message
            if self.drip_s is not None:
                yield None
        if count is None and framing is Framing.CHUNKED:
            yield b"0\r\n\r\n"

    def _messages(self, answer: Answer) -> Iterator[bytes]:
        if self.reframe:
            body = answer.body
            yield from (body[at : at + self.reframe] for at in range(0, len(body), self.reframe))
        else:
            yield from filter(None, answer.messages)
        yield from answer.tail

    def _head(self, answer: Answer, framing: Framing) -> bytes:
        phrase = HTTPStatus(answer.status).phrase if answer.status in set(HTTPStatus) else "Unknown"
        lines = [f"HTTP/1.1 {answer.status} {phrase}"]
        if answer.content_type:
            lines.append(f"Content-Type: {answer.content_type}")
        if framing is Framing.LENGTH:
            lines.append(f"Content-Length: {len(answer.body)}")
        elif framing is Framing.CHUNKED:
            lines.append("Transfer-Encoding: chunked")
        if framing is Framing.CLOSE or self.ending in {Ending.CLOSE, Ending.OPEN}:  # no other request is taken
            lines.append("Connection: close")
        lines += [f"{name}: {value}" for name, value in answer.headers]
        return "\r\n".join([*lines, "", ""]).encode("latin-1")

    @staticmethod
    def _place(place: int | None, answer: Answer) -> int | None:
        return max(len(answer.messages) // 2, 1) if place == HALF else place


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _resized(steps: Iterable[Step], size: int) -> Iterator[Step]:
    for step in steps:
        if step is None:
            yield None
        else:
            yield from (step[at : at + size] for at in range(0, len(step), size))


def _first(steps: Iterable[Step], count: int) -> Iterator[Step]:
    for step in steps:
        if step is None:
            yield None
            continue
        if len(step) >= count:
            yield step[:count]
            return
        count -= len(step)
        yield step
