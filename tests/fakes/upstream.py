"""
A double of an upstream: a server on a real socket of which every byte can be chosen.

    async with OpenAIDouble() as double:
        double.next("429", "text")          # what the next two requests are answered with; then `double.always(…)`
        ...                                 # send something to double.url
        assert double.seen[0].json["model"] == "gpt-5-mini"
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Self, TypeVar

import attrs

from tests.fakes.answers import Answer, Ending, Step
from tests.fakes.connection import Connection, PeerLeft
from tests.fakes.dialect import Dialect, Fault, Seen
from tests.fakes.scenarios import TEXT, Scenario, named, scenario_of_model
from tests.fakes.signals import Signal


@attrs.define(eq=False)
class UpstreamDouble:
    """
    One vendor's server.

    `seen` holds every request in the order of arrival. A good answer needs the credential `key`, where one is given.
    `asked` is set when a request has come, `closed_early` when a client closes a connection before its answer is
    complete, `holding` when an answer has come to a place to pause, which `released` ends, `idle` while no request is
    being answered, and `drained` while no connection is open; all of them can be waited for from any thread. A fault of
    the double itself is raised when it closes.
    """

    dialect: Dialect
    key: str = ""
    tls: ssl.SSLContext | None = None
    seen: list[Seen] = attrs.field(factory=list)
    asked: Signal = attrs.field(factory=Signal)
    closed_early: Signal = attrs.field(factory=Signal)
    holding: Signal = attrs.field(factory=Signal)
    released: Signal = attrs.field(factory=Signal)
    idle: Signal = attrs.field(factory=Signal)
    drained: Signal = attrs.field(factory=Signal)
    connections: int = 0
    open_connections: int = 0
    port: int = 0
    _busy: set[Connection] = attrs.field(factory=set)
    _queue: deque[Scenario] = attrs.field(factory=deque)
    _default: Scenario = TEXT
    _server: asyncio.Server | None = None
    _handlers: set[asyncio.Task[None]] = attrs.field(factory=set)
    _faults: list[BaseException] = attrs.field(factory=list)

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def answering(self) -> int:
        """How many requests are under way."""
        return len(self._busy)

    def next(self, *scenarios: Scenario | str) -> Self:
        """Answer the next requests so, one each; before what the model's name asks for."""
        self._queue.extend(_scenario(scenario) for scenario in scenarios)
        return self

    def always(self, scenario: Scenario | str) -> Self:
        """Answer so whatever nothing else is said of."""
        self._default = _scenario(scenario)
        return self

    async def start(self) -> None:
        """Listen: on a free port, or once more on its own."""
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self.tls, limit=1 << 22, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        self.drained.set()
        self.idle.set()

    async def stop(self) -> None:
        """Close the port and all connections: who comes now is refused."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for handler in self._handlers.copy():
            handler.cancel()
        await asyncio.gather(*self._handlers, return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_unused: object) -> None:
        await self.stop()
        if self._faults:
            raise self._faults[0]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._handlers.add(task)
        self.connections += 1
        self.open_connections += 1
        self.drained.clear()
        connection = Connection(reader, writer, self.connections)
        try:
            while await self._answer(connection):
                self._rest(connection)
        except (OSError, asyncio.IncompleteReadError, PeerLeft):
            pass  # a client may leave when it likes; what that means was noted
        except asyncio.CancelledError:
            pass  # nobody but `stop` cancels
        except Exception as fault:  # noqa: BLE001 - raised when the double closes
            self._faults.append(fault)
        finally:
            await connection.close()
            self._handlers.discard(task)
            self.open_connections -= 1
            if not self.open_connections:
                self.drained.set()
            self._rest(connection)

    async def _answer(self, connection: Connection) -> bool:
        """Answer one request; False where the connection ends with it."""
        seen = await connection.head()
        if seen is None:
            return False
        self._busy.add(connection)
        self.idle.clear()
        early = (self._queue[0] if self._queue else self._default).delivery.unread
        if not early:
            await connection.body(seen)
        self.seen.append(seen)
        self.asked.set()
        scenario = self._choose(seen)
        seen.scenario = scenario.name
        answer = self._say(scenario, seen)
        try:
            await connection.watched(self._play(connection, scenario, answer, seen))
        except (PeerLeft, OSError):
            seen.gone = not seen.complete
            if seen.gone:
                self.closed_early.set()
            raise
        if early:
            await connection.wait_until_left()
        if scenario.delivery.stale:
            await connection.wait_for_request()
        return scenario.delivery.goes_on and (seen.header("connection") or "").lower() != "close"

    def _rest(self, connection: Connection) -> None:
        self._busy.discard(connection)
        if not self._busy:
            self.idle.set()

    def _choose(self, seen: Seen) -> Scenario:
        if self._queue:
            return self._queue.popleft()
        try:
            return scenario_of_model(seen.model) or self._default
        except KeyError as unknown:
            self._faults.append(unknown)
            return self._default

    def _say(self, scenario: Scenario, seen: Seen) -> Answer:
        endpoint = self.dialect.endpoint(seen)
        if endpoint is None:
            return self.dialect.not_found()
        if self.key and seen.told != self.key:
            return self.dialect.error(Fault(401), seen)
        if scenario.fault is not None:
            return self.dialect.error(scenario.fault, seen)
        answer = self.dialect.refusal(seen)
        if answer is not None:
            return answer
        answer = self.dialect.answer(endpoint, scenario.says, seen)
        for change in scenario.change:
            answer = change(answer, self.dialect, seen)
        return answer

    async def _play(self, connection: Connection, scenario: Scenario, answer: Answer, seen: Seen) -> None:
        delivery = scenario.delivery
        for step in delivery.steps(answer):
            seen.taken += len(step or b"")
            await self._step(connection, step, delivery.hold_s if delivery.drip_s is None else delivery.drip_s)
        seen.complete = not delivery.cuts
        match delivery.ending:
            case Ending.RESET:
                connection.reset()
            case Ending.OPEN:
                await self.released.wait()
            case Ending.KEEP | Ending.CLOSE:
                pass

    async def _step(self, connection: Connection, step: Step, pause_s: float | None) -> None:
        if step is not None:
            await connection.write(step)
            return
        self.holding.set()
        with suppress(TimeoutError):
            await self.released.wait(pause_s)


AnyDouble = TypeVar("AnyDouble", bound=UpstreamDouble)


@contextmanager
def running_in_thread(double: AnyDouble) -> Iterator[AnyDouble]:
    """Run a double in a thread with its own event loop, for tests that have none or block theirs."""
    ready, over = threading.Event(), Signal()
    failures: list[BaseException] = []

    async def run() -> None:
        async with double:
            ready.set()
            await over.wait()

    def main() -> None:
        try:
            asyncio.run(run())
        except Exception as failure:  # noqa: BLE001 - raised in the thread of the test
            failures.append(failure)
            ready.set()

    thread = threading.Thread(target=main, daemon=True)
    thread.start()
    try:
        ready.wait(10)
        yield double
    finally:
        over.set()
        thread.join(10)
        if failures:
            raise failures[0]


def _scenario(scenario: Scenario | str) -> Scenario:
    return named(scenario) if isinstance(scenario, str) else scenario


def requests_to(path: str, seen: Iterable[Seen]) -> list[Seen]:
    """Return the requests to one path."""
    return [request for request in seen if request.path.partition("?")[0] == path]
