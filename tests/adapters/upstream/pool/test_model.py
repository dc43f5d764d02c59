"""
The pool does what a plain model of it does, whatever happens in whatever order.

The model knows nothing of sockets: which requests are at the upstream, which wait in line, how many connections are
idle. After each step the pool and the server must hold exactly that, and in the end nothing.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar, cast

import pytest
import uvloop
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from typing_extensions import override

from adapters.upstream.pool import Limits, Pool
from domain.errors import ProviderFailure
from tests.adapters.upstream.pool.pooling import Taken, call, post, taken
from tests.lab.said import head_of, whole

PLACES = 3
LINE = 4
TURNS = 24
PICK = st.integers(0, 99)
Result = TypeVar("Result")


class Server(asyncio.Protocol):
    """One connection of a server that answers when it is told to: `asked` is the request that it holds."""

    def __init__(self, everyone: list[Server]) -> None:
        self.everyone = everyone
        self.asked: bytes | None = None
        self.transport: asyncio.Transport

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.everyone.append(self)

    @override
    def data_received(self, data: bytes) -> None:
        assert self.asked is None, "two requests at once"
        self.asked = data.rpartition(b"\r\n\r\n")[2]

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self.everyone.remove(self)

    def answer(self, *, close: bool = False) -> None:
        """Send back what was asked for."""
        body, self.asked = self.asked or b"", None
        self.transport.write(whole(body, *["Connection: close"] * close))


class PoolMachine(RuleBasedStateMachine):
    """Requests, answers, hang-ups and closed connections, one after the other."""

    new_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.loop = type(self).new_loop()
        self.servers: list[Server] = []
        self.server = self.run(self.loop.create_server(lambda: Server(self.servers), "127.0.0.1", 0))
        self.address = self.server.sockets[0].getsockname()
        self.pool = Pool(limits=Limits(connections=PLACES, waiting=LINE))
        self.tasks: dict[bytes, asyncio.Task[Taken]] = {}
        self.number = 0
        # what the model knows
        self.served: list[bytes] = []
        self.line: deque[bytes] = deque()
        self.idle = 0

    # --- what may happen

    @rule()
    def ask(self) -> None:
        """A request comes: it takes an idle connection, or a new one, or its place in the line, or none."""
        self.number += 1
        body = b"%06d" % self.number
        self.tasks[body] = self.loop.create_task(taken(self.pool, post(self.address, body), call(total_s=600)))
        if self.idle or len(self.served) < PLACES:
            self.idle = max(0, self.idle - 1)
            self.served.append(body)
        elif len(self.line) < LINE:
            self.line.append(body)
        else:
            assert "busy" == self.failure_of(body).reason

    @rule(pick=PICK)
    @precondition(lambda self: self.served)
    def answer(self, pick: int) -> None:
        """The upstream answers: the connection goes to who waits longest, or becomes idle."""
        body = self.served.pop(pick % len(self.served))
        self.at(body).answer()
        self.settle()
        assert Taken(200, body) == self.tasks.pop(body).result()
        self.released()

    @rule(pick=PICK)
    @precondition(lambda self: self.served)
    def answer_and_close(self, pick: int) -> None:
        """The upstream answers, and will take no more: the place goes to who waits longest, or is free."""
        body = self.served.pop(pick % len(self.served))
        self.at(body).answer(close=True)
        self.settle()
        assert Taken(200, body) == self.tasks.pop(body).result()
        self.freed()

    @rule(pick=PICK)
    @precondition(lambda self: self.served)
    def give_up(self, pick: int) -> None:
        """A caller whose request is at the upstream hangs up: the connection is closed."""
        self.cancelled(self.served.pop(pick % len(self.served)))
        self.freed()

    @rule(pick=PICK)
    @precondition(lambda self: self.line)
    def leave_the_line(self, pick: int) -> None:
        """A caller who waits hangs up: the others move up."""
        body = self.line[pick % len(self.line)]
        self.line.remove(body)
        self.cancelled(body)

    @rule(pick=PICK, close=st.booleans())
    @precondition(lambda self: self.served and self.line)
    def leave_the_line_as_it_moves(self, pick: int, close: bool) -> None:
        """A caller hangs up in the very moment when its turn has come: the next one gets what it got."""
        body, next_in_line = self.served.pop(pick % len(self.served)), self.line.popleft()
        waiting = self.pool.counts().waiting

        async def cancelled_as_it_is_granted() -> None:
            self.at(body).answer(close=close)
            while self.pool.counts().waiting == waiting:  # noqa: ASYNC110 - at the first turn after it, and not later
                await asyncio.sleep(0)
            self.tasks[next_in_line].cancel()

        self.run(cancelled_as_it_is_granted())
        self.cancelled(next_in_line)
        assert Taken(200, body) == self.tasks.pop(body).result()
        (self.freed if close else self.released)()

    @rule(pick=PICK, rst=st.booleans(), begun=st.booleans())
    @precondition(lambda self: self.served)
    def break_off(self, pick: int, rst: bool, begun: bool) -> None:
        """The upstream closes instead of an answer, or in the middle of one: the caller is told."""
        body = self.served.pop(pick % len(self.served))
        server = self.at(body)
        if begun:
            server.transport.write(head_of("Content-Length: 9") + b"half")
            self.settle()
        (server.transport.abort if rst else server.transport.close)()
        self.failure_of(body)
        self.freed()

    @rule(pick=PICK)
    @precondition(lambda self: self.idle)
    def close_an_idle_one(self, pick: int) -> None:
        """The server closes a connection that nobody uses."""
        idle = [server for server in self.servers if server.asked is None]
        idle[pick % len(idle)].transport.close()
        self.idle -= 1

    @rule(pick=PICK)
    @precondition(lambda self: self.idle)
    def speak_unasked(self, pick: int) -> None:
        """The server sends something on a connection that nobody uses: it is closed."""
        idle = [server for server in self.servers if server.asked is None]
        idle[pick % len(idle)].transport.write(whole(b"poison"))
        self.idle -= 1

    @rule()
    @precondition(lambda self: self.idle)
    def close_the_idle_ones_as_one_asks(self) -> None:
        """The server closes them all while a request is being written: it is sent over a new one, once."""
        for server in self.servers:
            if server.asked is None:
                server.transport.close()
        self.run(asyncio.sleep(0))
        self.idle, idle = 0, self.idle
        assert idle
        self.ask()

    # --- what must hold

    @invariant()
    def it_is_as_in_the_model(self) -> None:
        """Here and at the server."""
        self.settle()
        counts = self.pool.counts()
        assert (self.idle, len(self.served), len(self.line)) == (counts.idle, counts.busy, counts.waiting)
        assert sorted(self.served) == sorted(server.asked for server in self.servers if server.asked is not None)
        assert counts.open == len(self.servers)
        assert {*self.served, *self.line} == self.tasks.keys()
        assert not any(task.done() for task in self.tasks.values())

    @override
    def teardown(self) -> None:
        """Close the pool: whatever was under way is told, and nothing is left."""
        self.run(self.pool.aclose())
        self.settle()
        assert all(isinstance(task.exception(), ProviderFailure) for task in self.tasks.values())
        assert [] == self.servers
        self.server.close()
        self.run(self.server.wait_closed())
        assert set() == asyncio.all_tasks(self.loop)
        self.loop.close()

    # --- how

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    def settle(self) -> None:
        """Let everything happen that can."""

        async def turns() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.run(turns())

    def at(self, body: bytes) -> Server:
        """Return the connection that holds a request."""
        [server] = [server for server in self.servers if server.asked == body]
        return server

    def cancelled(self, body: bytes) -> None:
        """Hang up."""
        task = self.tasks.pop(body)
        task.cancel()
        self.settle()
        assert task.cancelled()

    def failure_of(self, body: bytes) -> Any:
        """Return what a request failed with."""
        self.settle()
        failure = self.tasks.pop(body).exception()
        assert isinstance(failure, ProviderFailure)
        return failure

    def released(self) -> None:
        """Give a connection to who waits longest, or keep it idle."""
        if self.line:
            self.served.append(self.line.popleft())
        else:
            self.idle += 1

    def freed(self) -> None:
        """Give a place to who waits longest, or leave it free."""
        if self.line:
            self.served.append(self.line.popleft())


class UvloopPoolMachine(PoolMachine):
    """The same on the event loop that the gateway runs on."""

    new_loop = uvloop.new_event_loop


@pytest.mark.parametrize("machine", [PoolMachine, UvloopPoolMachine])
def test_the_pool_is_as_its_model(machine: type[PoolMachine]) -> None:
    """In any order of events."""
    examples = settings().max_examples // 10
    run_state_machine_as_test(machine, settings=settings(max_examples=examples, stateful_step_count=30, deadline=None))
