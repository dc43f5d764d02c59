"""Callers who hang up at the worst moments: the work is cancelled once or is done, and there is one record of it."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

import attrs
import pytest
from starlette.types import Receive, Scope, Send

from adapters.http.contact import CONTACT
from adapters.http.hangup import while_present
from adapters.http.visit import Manners, Visit
from domain.errors import ClientGone
from domain.journey import Ending, Journey
from tests.adapters.http.vectors import get
from tests.fakes.asgi import GOOD, Client
from tests.fakes.clock import FakeClock
from tests.fakes.providers import answer, chunk, chunks
from tests.fakes.surface import Surface
from tests.fakes.wired import Listening, Wired

PATH = "/v1/chat/completions"
ASKING = b'{"model":"a/m","messages":[{"role":"user","content":"hi"}]}'
STREAMING = ASKING[:-1] + b',"stream":true}'
HELLO = chunk({"role": "assistant", "content": "Hi"})


def request_of(body: bytes, key: bool = True) -> bytes:
    """Return a chat as it is on the wire."""
    headers = {**GOOD, "content-length": str(len(body)), "host": "x"}
    lines = [f"{name}: {value}\r\n" for name, value in headers.items() if key or name != "authorization"]
    return f"POST {PATH} HTTP/1.1\r\n{''.join(lines)}\r\n".encode() + body


class Caller(Protocol):
    """Somebody who asks and may hang up."""

    def ask(self, body: bytes) -> None:
        """Send a chat."""
        ...

    def hang_up(self) -> None:
        """Be gone."""
        ...

    def end(self) -> None:
        """Cancel the application, as the server does at its own end."""
        ...

    async def settle(self) -> None:
        """Wait until the application has done what it does."""
        ...

    @property
    def got(self) -> bytes:
        """What was sent to the caller."""
        ...


@attrs.define(eq=False)
class ByWire:
    """On the gateway's own server."""

    surface: Surface
    wired: Wired = attrs.field(init=False)

    @wired.default
    def _connected(self) -> Wired:
        return Listening(self.surface.app()).connect()

    def ask(self, body: bytes) -> None:
        """Send a chat."""
        self.wired.send(request_of(body))

    def hang_up(self) -> None:
        """Be gone."""
        self.wired.hang_up()

    def end(self) -> None:
        """Cancel the application."""
        for task in self.wired.protocol.tasks:
            task.cancel()

    async def settle(self) -> None:
        """Wait until nothing is done any more."""
        await self.wired.settle()

    @property
    def got(self) -> bytes:
        """What was written."""
        return bytes(self.wired.pipe.written)


@attrs.define(eq=False)
class ByAsgi:
    """On another server, that knows ASGI alone."""

    surface: Surface
    client: Client = attrs.field(init=False)
    task: asyncio.Task[object] | None = None

    @client.default
    def _client(self) -> Client:
        return self.surface.client()

    def ask(self, body: bytes) -> None:
        """Send a chat."""
        self.task = asyncio.get_running_loop().create_task(self.client.post(PATH, body))

    def hang_up(self) -> None:
        """Be gone."""
        self.client.hang_up()

    def end(self) -> None:
        """Cancel the application."""
        assert self.task is not None
        self.task.cancel()

    async def settle(self) -> None:
        """Wait for the application."""
        assert self.task is not None
        await asyncio.wait({self.task})

    @property
    def got(self) -> bytes:
        """What was sent."""
        return self.client.answer.body


ways = pytest.mark.parametrize("way", [ByWire, ByAsgi], ids=["ours", "ASGI"])
bodies = pytest.mark.parametrize("body", [ASKING, STREAMING], ids=["whole", "stream"])


def ending(surface: Surface) -> tuple[Ending, int]:
    """Return how the one request ended, and how many records there are."""
    return surface.watcher.records[0].journey.ending, len(surface.watcher.records)


async def turns(number: int) -> None:
    """Let the loop turn so often."""
    for _ in range(number):
        await asyncio.sleep(0)


@ways
@bodies
@pytest.mark.parametrize("first", ["answer", "hang-up"])
@pytest.mark.parametrize("between", range(8))
async def test_hang_up_around_the_moment_of_the_answer(
    way: Callable[[Surface], Caller], body: bytes, first: str, between: int
) -> None:
    """Whichever is first, by however little: one ending, nothing left running, and no cancellation left over."""
    event = asyncio.Event()
    surface = Surface.of([event, HELLO, chunk({}, "stop")] if body is STREAMING else [event, answer()])
    caller = way(surface)
    caller.ask(body)
    await surface.provider.called.wait()
    await turns(3)
    deeds = [event.set, caller.hang_up]
    for deed in deeds if first == "answer" else reversed(deeds):
        deed()
        await turns(between)
    await caller.settle()

    how, records = ending(surface)
    assert (True, 1) == (how in {Ending.CLIENT_GONE, Ending.FINISHED}, records)
    assert (how is Ending.CLIENT_GONE) is (surface.watcher.records[0].error == "client_gone")
    assert [] == surface.watcher.faults
    if first == "hang-up":
        assert Ending.CLIENT_GONE is how
    assert 1 == surface.provider.closed


@ways
@bodies
async def test_hang_up_before_the_work_begins(way: Callable[[Surface], Caller], body: bytes) -> None:
    """The caller is gone when the provider would be asked: it is asked in vain or not at all."""
    surface = Surface.of([asyncio.Event()] if body is STREAMING else asyncio.Event())
    caller = way(surface)
    caller.ask(body)
    caller.hang_up()
    await caller.settle()

    record = surface.watcher.records[0]
    assert ((Ending.CLIENT_GONE, 1), 499, b"") == (ending(surface), record.status, caller.got)


async def test_hang_up_behind_the_last_byte_changes_nothing() -> None:
    """The answer was complete: whoever asked has it."""
    surface = Surface.of(chunks("Hi"))
    caller = ByWire(surface)
    caller.ask(STREAMING)
    loop = asyncio.get_running_loop()
    caller.wired.pipe.on_write = lambda part: loop.call_soon(caller.hang_up) if part.endswith(b"0\r\n\r\n") else None
    await caller.settle()

    assert ((Ending.FINISHED, 1), "") == (ending(surface), surface.watcher.records[0].error)


async def test_hang_up_with_requests_that_wait_ends_the_first_and_begins_no_other() -> None:
    """What was pipelined behind it is never looked at."""
    surface = Surface.of(asyncio.Event())
    caller = ByWire(surface)
    caller.wired.send(request_of(ASKING) * 3 + get())
    await surface.provider.called.wait()
    caller.hang_up()
    await caller.settle()

    assert ((Ending.CLIENT_GONE, 1), 1) == (ending(surface), len(surface.provider.asked))


async def test_each_of_pipelined_requests_has_its_own_hang_up() -> None:
    """A hang-up that the first did not meet is met by the second."""
    events = [asyncio.Event(), asyncio.Event()]
    surface = Surface.of(*events)
    surface.provider.script[0] = answer()
    caller = ByWire(surface)
    caller.wired.send(request_of(ASKING) * 2)
    await surface.provider.called.wait()
    await turns(10)
    caller.hang_up()
    await caller.settle()

    assert [Ending.FINISHED, Ending.CLIENT_GONE] == [record.journey.ending for record in surface.watcher.records]


@ways
async def test_servers_end_and_a_hang_up_together(way: Callable[[Surface], Caller]) -> None:
    """Both cancel; the work ends once."""
    surface = Surface.of(asyncio.Event())
    caller = way(surface)
    caller.ask(ASKING)
    await surface.provider.called.wait()
    await turns(3)
    caller.hang_up()
    await turns(1)
    caller.end()
    await caller.settle()

    assert 1 == len(surface.watcher.records)
    assert surface.watcher.records[0].journey.ending in {Ending.CLIENT_GONE, Ending.FAILED}
    assert 1 == surface.provider.closed


@attrs.define(eq=False)
class Switchboard:
    """A contact that is told by the test when its caller leaves."""

    gone: bool = False
    fields: Mapping[bytes, bytes] = attrs.field(factory=dict)
    act: Callable[[], None] | None = None

    def when_gone(self, act: Callable[[], None] | None) -> None:
        """Keep it, or do it."""
        self.act = act
        if act is not None and self.gone:
            act()

    def leave(self) -> None:
        """The caller leaves."""
        self.gone = True
        if self.act is not None:
            self.act()


async def watched(contact: Switchboard, work: Awaitable[None]) -> None:
    """Do some work for a caller."""
    client = Client(nothing)
    scope = {"headers": [], "extensions": {CONTACT: contact}}
    visit = Visit(scope, client.incoming.get, client.send, Journey(), FakeClock(), Manners(), 0.0)
    async with while_present(visit):
        await work


async def nothing(scope: Scope, receive: Receive, send: Send) -> None:
    """Serve nobody."""


async def test_caller_who_has_left_before_cancels_at_the_first_wait() -> None:
    """What needs no waiting is still done."""
    contact = Switchboard(gone=True)
    done: list[str] = []

    async def work() -> None:
        done.append("before")
        await asyncio.sleep(0)
        done.append("after")

    with pytest.raises(ClientGone):
        await watched(contact, work())

    task = asyncio.current_task()
    assert task is not None
    assert (["before"], 0, None) == (done, task.cancelling(), contact.act)


async def test_work_that_was_done_when_the_caller_left_leaves_no_cancellation_behind() -> None:
    """The next thing that is awaited is not cut short."""
    contact = Switchboard()

    async def work() -> None:
        contact.leave()
        contact.leave()

    with pytest.raises(ClientGone):
        await watched(contact, work())
    await asyncio.sleep(0)

    task = asyncio.current_task()
    assert task is not None
    assert 0 == task.cancelling()


async def test_failure_of_the_work_is_told_although_the_caller_left() -> None:
    """A fault stays a fault."""
    contact = Switchboard()

    async def work() -> None:
        contact.leave()
        raise RuntimeError("fault")

    with pytest.raises(RuntimeError, match="fault"):
        await watched(contact, work())
    await asyncio.sleep(0)


async def test_clean_up_may_take_its_time() -> None:
    """It is cancelled once, not at each of its waits."""
    contact = Switchboard()
    steps: list[int] = []

    async def work() -> None:
        try:
            contact.leave()
            await asyncio.sleep(0)
        finally:
            for step in range(3):
                await asyncio.sleep(0)
                steps.append(step)

    with pytest.raises(ClientGone):
        await watched(contact, work())

    assert [0, 1, 2] == steps


async def test_cancellation_from_elsewhere_stays_one() -> None:
    """Whoever else cancelled the work gets it back, though the caller has left too."""
    contact = Switchboard()
    task = asyncio.current_task()
    assert task is not None

    async def work() -> None:
        contact.leave()
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        await watched(contact, work())

    assert 1 == task.cancelling()
    task.uncancel()


@bodies
async def test_answer_waits_for_a_connection_that_takes_nothing(body: bytes) -> None:
    """However it is sent: the caller gets it when they read on."""
    surface = Surface.of([HELLO, chunk({}, "stop")] if body is STREAMING else answer())
    caller = ByWire(surface)
    caller.wired.protocol.pause_writing()
    caller.ask(body)
    await turns(20)
    before = caller.got
    caller.wired.protocol.resume_writing()
    await caller.settle()

    assert (b"", [200]) == (before, [told.status for told in caller.wired.answers])
    assert (Ending.FINISHED, 1) == ending(surface)


async def test_silence_is_not_broken_into_a_connection_that_takes_nothing() -> None:
    """A comment is sent when the caller reads on and it is still silent; until then the caller has a deadline."""
    release = asyncio.Event()
    surface = Surface.of([HELLO, release, chunk({}, "stop")], ping_s=5.0)
    caller = ByWire(surface)
    protocol = caller.wired.protocol
    caller.ask(STREAMING)
    await turns(20)

    def wait_until_due() -> float:
        """Let the time come that the connection waits for; return how far away it was."""
        away = protocol.deadline - protocol.loop.time()
        surface.clock.seconds += 5.0
        protocol.expire()
        return away

    first = wait_until_due()
    pings = caller.got.count(b": ping")
    protocol.pause_writing()
    caller.wired.pipe.stuck = 100
    stalled = protocol.deadline - protocol.loop.time()
    protocol.resume_writing()
    second = wait_until_due()
    release.set()
    await caller.settle()

    assert (1, 2) == (pings, caller.got.count(b": ping"))
    assert 4.0 < first <= 5.0
    assert 59.0 < stalled <= 60.0
    assert 4.0 < second <= 5.0
    assert caller.got.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")


async def test_requests_leave_nothing_for_the_garbage_collector() -> None:
    """Whole, streamed, refused, unknown: none of them holds itself, so each is gone when it is answered."""
    surface = Surface.of(answer())
    caller = ByWire(surface)
    surface.provider.script[:] = [answer(), chunks("Hi"), answer()] * 7
    requests = [
        request_of(ASKING),
        request_of(STREAMING),
        request_of(ASKING),
        request_of(b"{"),
        request_of(ASKING, key=False),
        get(),
        b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/models/x/y HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer nope\r\n\r\n",
    ]
    await caller.wired.exchange(requests)
    gc.collect()
    gc.disable()
    try:
        await caller.wired.exchange(requests * 5)
        await turns(3)
        found = gc.collect()
    finally:
        gc.enable()

    assert 48 == len(surface.watcher.records)
    assert 0 == found
