"""Who sends nothing, or too slowly, or does not read, holds a connection for so long and no longer."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import attrs
import pytest

from adapters.http.limits import Limits
from adapters.sweeper import TICK_S, Sweeper
from tests.adapters.http.vectors import START, get, post
from tests.fakes.apps import PART, Answering, Busy, Holding, Pouring, Refusing
from tests.fakes.echo import Echo, answers_in
from tests.fakes.served import push, rest_of, served, until
from tests.fakes.wired import Listening

SOON = Limits(head_s=0.3, silent_s=0.3, idle_s=0.3, linger_s=0.3, write_idle_s=0.3)
GRACE_S = 1.0
"""How late a test may see it on a busy machine; the sweeper itself is a tick late at most."""


def took(deed: Callable[[], object]) -> tuple[object, float]:
    """Return what a deed gave, and how long it took."""
    began = time.monotonic()
    return deed(), time.monotonic() - began


@pytest.mark.parametrize("part", [b"G", b"GET / HTTP/1.1", b"GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n\r"])
def test_head_that_does_not_come_whole_is_refused(part: bytes) -> None:
    """At the deadline, with a 408 that says so, which is told to observers as every request is."""
    with served(Echo(), SOON) as server:
        data, seconds = took(lambda: server.ask(part))

    assert isinstance(data, bytes)
    assert [(408, "request_timeout", "close")] == [
        (answer.status, answer.code, answer.headers["connection"]) for answer in answers_in(data)
    ]
    assert SOON.head_s - 0.05 <= seconds < SOON.head_s + GRACE_S
    assert [("(none)", 408, "request_timeout")] == [
        (record.route, record.status, record.error) for record in server.observed.records
    ]


def test_head_that_drips_is_refused_at_the_same_time() -> None:
    """A byte now and then moves no deadline."""

    with served(Echo(), SOON) as server, server.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: ")
        dripping = threading.Thread(target=push, args=(connection, b"a", 0.02))
        dripping.start()
        data, seconds = took(lambda: rest_of(connection))
        connection.close()
        dripping.join()

    assert isinstance(data, bytes)
    assert b"HTTP/1.1 408 " == data[:13]
    assert SOON.head_s - 0.05 <= seconds < SOON.head_s + GRACE_S


@pytest.mark.parametrize("before", [b"", get(), b"\r\n", get() + b"\r\n"], ids=["first", "next", "CRLF", "CRLF next"])
def test_silent_connection_is_closed_without_a_word(before: bytes) -> None:
    """What is said unasked could be taken for the answer to the next request."""
    with served(Echo(), SOON) as server:
        data, seconds = took(lambda: server.ask(before))
        until(lambda: server.connections == 0)

    assert isinstance(data, bytes)
    assert data.count(b"HTTP/1.1 ") == (1 if before.startswith(b"GET") else 0)
    assert SOON.idle_s - 0.05 <= seconds < SOON.idle_s + GRACE_S


def test_connection_that_is_used_is_not_closed() -> None:
    """The deadline runs from the last answer."""
    pause = threading.Event()
    with served(Echo(), SOON) as server, server.connect() as connection:
        for number in range(1, 5):
            connection.sendall(get())
            assert b'"number": %d' % number in connection.recv(4096)
            pause.wait(0.15)


def test_refused_connection_is_not_read_for_ever() -> None:
    """Who goes on sending after a refusal is cut off."""
    with served(Echo(), SOON) as server, server.connect() as connection:
        connection.sendall(b"nonsense\r\n")
        assert b"HTTP/1.1 400 " == rest_of(connection)[:13]
        assert push(connection, b"x", 0.01) < 1000
        until(lambda: server.connections == 0)


def test_refused_connection_is_read_only_so_far() -> None:
    """Also when it is fast."""
    limits = Limits(linger_bytes=1 << 20)
    with served(Refusing(), limits) as server, server.connect() as connection:
        connection.sendall(post(b"Content-Length: 100000000"))
        assert push(connection, PART * 16) < 20_000_000
        until(lambda: server.connections == 0)


def test_reader_who_stops_is_given_up() -> None:
    """The application is held back, at most so much waits, and after the deadline the connection is gone."""
    pouring = Pouring()
    with served(pouring, SOON) as server, server.connect(receive_bytes=16_384) as connection:
        connection.sendall(get())
        until(lambda: pouring.sent)
        _, seconds = took(lambda: pouring.ended.wait_here(5.0))
        until(lambda: server.connections == 0)

    assert pouring.sent <= 256 << 10
    assert SOON.write_idle_s - 0.05 <= seconds < SOON.write_idle_s + GRACE_S


def test_reader_who_is_slow_is_served() -> None:
    """Whoever takes a little now and then is not given up."""
    pouring = Pouring()
    with served(pouring, SOON) as server, server.connect(receive_bytes=16_384) as connection:
        connection.sendall(get())
        deadline = time.monotonic() + 4 * SOON.write_idle_s
        pause = threading.Event()
        while time.monotonic() < deadline:
            assert connection.recv(65_536)
            pause.wait(0.01)

        assert (1, False) == (server.connections, pouring.ended.is_set())


def test_answer_that_nobody_takes_is_given_up() -> None:
    """Also one that was complete long ago: closing waits for the last bytes, but not for ever."""
    limits = attrs.evolve(SOON, idle_s=0.2)
    with served(Answering(30_000_000), limits) as server, server.connect(receive_bytes=16_384) as connection:
        connection.sendall(get())
        until(lambda: server.connections == 1)
        until(lambda: server.connections == 0)


def test_body_that_nobody_asks_for_is_not_read() -> None:
    """Reading pauses when so much of it waits; the connection is not given up for that."""
    busy = Busy()
    with served(busy) as server, server.connect() as connection:
        connection.settimeout(0.3)
        connection.sendall(START + b"Content-Length: 100000000\r\n\r\n")
        sent = push(connection, PART * 16)
        busy.let.set()

        assert sent < 20_000_000  # what the system's buffers hold on both sides
        assert b"HTTP/1.1 204 " == connection.recv(4096)[:13]


@attrs.define(eq=False)
class Watched:
    """Something with a deadline; notes when it expired, and takes the next one of its list."""

    sweeper: Sweeper
    loop: FakeLoop
    deadlines: list[float]
    expired: list[float] = attrs.field(factory=list)
    deadline: float = math.inf

    def __attrs_post_init__(self) -> None:
        self.deadline = self.deadlines.pop(0)
        self.sweeper.add(self)

    def expire(self) -> None:
        """Note it, and go on."""
        self.expired.append(self.loop.now)
        self.deadline = self.deadlines.pop(0) if self.deadlines else math.inf
        self.sweeper.heed(self.deadline)


@attrs.define(eq=False)
class Call:
    """A call to come."""

    loop: FakeLoop
    when: float
    callback: Callable[[], object]

    def cancel(self) -> None:
        """Call it off."""
        self.loop.calls.remove(self)


@attrs.define(eq=False)
class FakeLoop:
    """Calls at times that the test lets pass."""

    now: float = 100.0
    calls: list[Call] = attrs.field(factory=list)
    made: int = 0

    def time(self) -> float:
        """Return the time."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Call:
        """Call at that time."""
        self.made += 1
        self.calls.append(Call(self, when, callback))
        return self.calls[-1]

    def pass_until(self, when: float) -> None:
        """Let time pass, and call what is due."""
        while due := [call for call in self.calls if call.when <= when]:
            call = min(due, key=lambda call: call.when)
            self.calls.remove(call)
            self.now = max(self.now, call.when)
            call.callback()
        self.now = when


def test_one_timer_keeps_all_deadlines() -> None:
    """None is early, none is later than a tick, and there is never a second timer."""
    loop = FakeLoop()
    sweeper = Sweeper(loop)
    watched = [Watched(sweeper, loop, [101.0 + number / 100, 103.0]) for number in range(50)]

    for step in range(60):
        loop.pass_until(100.0 + step / 10)
        assert len(loop.calls) <= 1

    for one in watched:
        first, second = one.expired
        assert first - TICK_S <= 101.0 + watched.index(one) / 100 <= first
        assert 103.0 <= second <= 103.0 + TICK_S
    assert (0, math.inf) == (len(loop.calls), sweeper.next)


def test_deadlines_that_move_away_set_no_timer() -> None:
    """A connection that is used a thousand times costs no thousand timers."""
    loop = FakeLoop()
    sweeper = Sweeper(loop)
    busy = Watched(sweeper, loop, [110.0])
    for number in range(1000):
        busy.deadline = 110.0 + number
        sweeper.heed(busy.deadline)

    loop.pass_until(1200.0)

    assert ([1109.0], 2) == (busy.expired, loop.made)


def test_forgotten_deadline_is_not_kept() -> None:
    """A connection that has ended does not expire."""
    loop = FakeLoop()
    sweeper = Sweeper(loop)
    gone = Watched(sweeper, loop, [101.0])
    sweeper.discard(gone)

    loop.pass_until(200.0)

    assert ([], 0) == (gone.expired, len(sweeper))


def test_deadline_that_fails_does_not_keep_others_open() -> None:
    """The timer is set again whatever happens."""
    loop = FakeLoop()
    sweeper = Sweeper(loop)
    failing, good = Watched(sweeper, loop, [101.0]), Watched(sweeper, loop, [102.0])
    failing.expired = None  # type: ignore[assignment]

    with pytest.raises(AttributeError):
        loop.pass_until(101.5)
    sweeper.discard(failing)
    loop.pass_until(103.0)

    assert 1 == len(good.expired)


async def test_caller_who_hangs_up_and_reads_nothing_is_given_up() -> None:
    """What is on its way to them is not waited for without end, and the application learns of it at once."""
    holding = Holding()
    wired = Listening(holding, SOON).connect()
    wired.send(get())
    await holding.called.wait()
    wired.pipe.stuck = 1000

    wired.protocol.eof_received()
    await wired.settle()
    deadline = wired.protocol.deadline - wired.protocol.loop.time()
    aborted: list[bool] = []
    wired.pipe.abort = lambda: aborted.append(True)  # type: ignore[method-assign]
    wired.pipe.stuck = 900
    wired.protocol.expire()
    waited = not aborted
    wired.protocol.expire()

    assert holding.left.is_set()
    assert 0 < deadline <= SOON.write_idle_s
    assert (True, [True]) == (waited, aborted)


def test_silent_connections_leave_the_others_alone() -> None:
    """They are all closed at their deadline, and meanwhile good callers are answered."""
    with served(Echo(), attrs.evolve(SOON, silent_s=1.0, head_s=1.0)) as server, ExitStack() as stack:
        silent = [stack.enter_context(server.connect()) for _ in range(200)]
        for connection in silent[::2]:
            connection.sendall(b"GET / HTTP/1.1\r\nHost")
        answer = server.ask(post(b"Content-Length: 5", b"Connection: close", body=b"hello"))
        ends = [connection.recv(4096)[:12] for connection in silent]

    assert b'"length": 5' in answer
    assert [b"HTTP/1.1 408", b""] * 100 == ends
