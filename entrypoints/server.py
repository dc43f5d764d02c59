"""The server: one ASGI application for each process, run by uvicorn."""

from __future__ import annotations

import asyncio
import atexit
import gc
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import attrs
import uvicorn
from typing_extensions import override
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from adapters.custom.handler import HandlerError
from adapters.disk.folder import DataError
from adapters.http.app import App, Surroundings, build_app
from adapters.http.health import Readiness
from adapters.http.lifespan import Lifespan
from adapters.http.limits import Limits
from adapters.http.protocol import Protocol
from adapters.http.visit import Manners
from adapters.http.wire import WIRE, Wire
from adapters.telemetry.metrics import SHARED_FOLDER_VARIABLE
from application.refresh_models import RefreshModels
from entrypoints.container import Running, running_gateway
from entrypoints.files import raise_file_limit, room_for_connections
from entrypoints.settings import Settings, load_settings
from entrypoints.telemetry import Telemetry, telemetry

DRAIN_S = 30
REFRESH_S = 60.0
FOLLOW_S = 1.0
KEEP_ALIVE_S = 75
"""Longer than the 60 s after which most load balancers drop an idle connection, so that they close first."""
LAG_EVERY_S = 0.25
BACKLOG = 2048
UNSENT_BYTES = 128 << 10
"""How much of an answer waits in the system for its reader; beyond it the provider's stream is held back."""
LOST_AFTER_S = 120
"""After so long without a sign of life a caller is gone; the system asks for one in the last half of it."""
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM)


Http = type[asyncio.Protocol] | Literal["httptools", "h11"]
"""What reads and writes HTTP: ours, or one of uvicorn's own."""


def serve(flags: Mapping[str, object], settings: Settings, workers: int = 1, http: Http = Protocol) -> None:
    """
    Serve until told to end; several workers are processes of their own.

    Raises `OSError` where the address cannot be listened on.
    """
    raise_file_limit()
    with listening_on(settings.server.host, settings.server.port) as listening:
        listening.set_inheritable(True)
        config = uvicorn.Config(
            partial(service, dict(flags), _url(listening), None if workers == 1 else os.getpid()),
            factory=True,
            workers=workers,
            backlog=BACKLOG,
            http=http,
            ws="none",
            lifespan="on",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=DRAIN_S,
        )
        if workers == 1:
            _serve_here(config, listening)
        else:
            _serve_in_workers(config, listening, settings)


def listening_on(host: str, port: int) -> socket.socket:
    """
    Listen on an address, with the options that connections inherit; not every system knows all of them.

    Raises `OSError` where that cannot be done.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    options = {
        "TCP_KEEPIDLE": LOST_AFTER_S // 2,
        "TCP_KEEPINTVL": LOST_AFTER_S // 12,
        "TCP_KEEPCNT": 6,
        "TCP_NOTSENT_LOWAT": UNSENT_BYTES,
    }
    for name, value in options.items():
        if hasattr(socket, name):
            listening.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return listening


def service(flags: Mapping[str, object], url: str, supervisor: int | None) -> Lifespan:
    """
    Return the application of one process; `supervisor` is the id of the process that keeps several, if there are.

    The settings are read anew in each: secrets are not handed from one process to another.
    """
    settings = load_settings(flags, os.environ, Path.cwd())  # noqa: TID251 - at the start of the process
    stack = ExitStack()
    told = stack.enter_context(telemetry(settings))
    atexit.register(stack.close)  # also where a second signal cuts the orderly end short
    return Lifespan(Process(settings, told, url, supervisor).open, (DataError, HandlerError), _tell)


@attrs.frozen
class Process:
    """What one process opens and closes."""

    settings: Settings
    telemetry: Telemetry
    url: str
    supervisor: int | None = None
    readiness: Readiness = attrs.field(factory=Readiness)

    @asynccontextmanager
    async def open(self, state: dict[str, Any]) -> AsyncIterator[App]:
        """Open the gateway, hand out what answers requests, close it; connections find what they share in `state`."""
        async with running_gateway(self.settings) as running, asyncio.TaskGroup() as background:
            running_on = [
                background.create_task(self._refresh(running.gateway.refresh_models)),
                background.create_task(self._watch_lag()),
            ]
            if self.supervisor is not None:
                running_on.append(background.create_task(self._follow(self.supervisor)))
            self._heed_signals()
            limits = Limits(idle_s=KEEP_ALIVE_S, connections=room_for_connections())
            state[WIRE] = Wire(running.ids, self.telemetry.observer, limits, self._manners())
            gc.collect()
            gc.freeze()  # what was made until here stays: to look through it again and again would only pause requests
            self.telemetry.log.info("listening", url=self.url)
            with suppress(asyncio.CancelledError):  # told twice, the server does not wait: an end like any other
                yield build_app(running.gateway, self._surroundings(running))
            for task in running_on:
                task.cancel()
        self.telemetry.log.info("stopped")
        self.telemetry.flush()  # of several processes, each ends by a signal that leaves no time for it

    async def _refresh(self, refresh: RefreshModels) -> None:
        """Ask the providers for their models now and every minute; one that is down is logged when that begins."""
        down: frozenset[str] = frozenset()
        while True:
            try:
                down = await self._refresh_once(refresh, down)
            except Exception as error:  # noqa: BLE001 - a fault here must not end the process that serves
                self.telemetry.unexpected(error, "")
            await asyncio.sleep(REFRESH_S)

    async def _watch_lag(self) -> None:
        """Measure how late the event loop is: whatever holds it up holds up every request."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LAG_EVERY_S
            await asyncio.sleep(LAG_EVERY_S)
            self.telemetry.loop_lagged(max(0.0, loop.time() - due))

    async def _follow(self, supervisor: int) -> None:
        """End in order where the supervisor has died without a word: nobody else would, and free the port."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            if os.getppid() != supervisor:
                signal.raise_signal(signal.SIGTERM)
                return

    async def _refresh_once(self, refresh: RefreshModels, down: frozenset[str]) -> frozenset[str]:
        failing = {report.provider: report.failure for report in await refresh() if report.failure is not None}
        for provider in sorted(failing.keys() - down):
            self.telemetry.log.warning("models not listed", provider=provider, reason=str(failing[provider]))
        return frozenset(failing)

    def _surroundings(self, running: Running) -> Surroundings:
        return Surroundings(
            clock=running.clock,
            ids=running.ids,
            observer=self.telemetry.observer,
            unexpected=self.telemetry.unexpected,
            metrics=self.telemetry.metrics,
            readiness=self.readiness,
            manners=self._manners(),
        )

    def _manners(self) -> Manners:
        return Manners(security_headers=self.settings.process.enable_security_headers)

    def _heed_signals(self) -> None:
        """
        Not be ready any more from the moment the process is told to end, and end at once when told so again.

        A terminal and systemd tell workers too, whom their supervisor then tells once more: only a third signal hurries
        them.
        """
        told = 0
        enough = 2 if self.supervisor is None else 3
        for number in ENDING_SIGNALS:
            server = signal.getsignal(number)

            def heed(_received: int, frame: FrameType | None, server: Any = server) -> None:
                nonlocal told
                told += 1
                self.readiness.ready = False
                if told >= enough:
                    self.telemetry.flush()
                # uvicorn hurries at a second SIGINT, and at nothing else.
                server(signal.SIGINT if told >= enough else signal.SIGTERM, frame)

            if callable(server):
                signal.signal(number, heed)


def _serve_here(config: uvicorn.Config, listening: socket.socket) -> None:
    server = uvicorn.Server(config)

    def leave(number: int, _frame: FrameType | None) -> None:
        # uvicorn raises the signal that ended it once more when it is done; by then it has been obeyed.
        if not server.started:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    for number in ENDING_SIGNALS:
        signal.signal(number, leave)
    server.run([listening])


class Supervisor(Multiprocess):
    """Keeps the workers; when it is told to end it lets go of the address first, so that nobody waits there in vain."""

    @override
    def terminate_all(self) -> None:
        """Tell all workers to end."""
        for listening in self.sockets:
            listening.close()
        super().terminate_all()


def _serve_in_workers(config: uvicorn.Config, listening: socket.socket, settings: Settings) -> None:
    with telemetry(settings), tempfile.TemporaryDirectory(prefix="ai-gateway-metrics-") as folder:
        os.environ[SHARED_FOLDER_VARIABLE] = folder  # noqa: TID251 - for the workers, which inherit it
        supervisor = Supervisor(config, sockets=[listening])
        supervisor.run()
    if STARTUP_FAILURE in {worker.exitcode for worker in supervisor.processes}:
        sys.exit(STARTUP_FAILURE)


def _tell(reason: str) -> None:
    sys.stderr.write(f"error: {reason}\n")


def _url(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
