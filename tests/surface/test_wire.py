"""The wire of a running gateway: hostile bytes, connections without end, and a system that has no more files."""

from __future__ import annotations

import json
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from entrypoints.files import BESIDE, WANTED, raise_file_limit, room_for_connections
from tests.adapters.http.vectors import HOSTILE, SMUGGLED, Vector
from tests.fakes.echo import answers_in
from tests.fakes.process import KEY, GatewayProcess, gateway_process
from tests.fakes.served import rest_of, until
from tests.surface.providers import connected, raw_answer

pytestmark = pytest.mark.wire

ROUTES = (b"/v1/chat/completions", b"/v1/completions", b"/v1/embeddings", b"/custom/v1/chat/completions")
PERMITTED = b"Host: x\r\nAuthorization: Bearer " + KEY.encode() + b"\r\nContent-Type: application/json\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Return a gateway of our own, whose connections we may use up."""
    with gateway_process(tmp_path_factory.mktemp("wire")) as process:
        yield process


@pytest.mark.parametrize("vector", HOSTILE, ids=lambda vector: vector.name)
def test_hostile_bytes_are_refused_on_every_route(running: GatewayProcess, vector: Vector) -> None:
    """The error object, an id and the end of the connection; what is smuggled behind them is never served."""
    routes = ROUTES if vector.request.startswith(b"POST /v1/chat/completions ") else ROUTES[:1]
    for route in routes:
        request = vector.request.replace(ROUTES[0], route).replace(b"Host: x\r\n", PERMITTED, 1) + SMUGGLED
        (told,) = answers_in(raw_answer(running.url, request, 5))

        assert (vector.status, vector.code, "close") == (told.status, told.code, told.headers["connection"])
        assert told.headers["x-request-id"].startswith("req-")


def test_refusals_are_logged_and_counted(running: GatewayProcess) -> None:
    """A line each, like every request, with the id that the caller got."""
    (told,) = answers_in(raw_answer(running.url, b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 5))
    line = json.loads(running.out.wait_for(told.headers["x-request-id"]))
    metrics = httpx.get(f"{running.url}/metrics").text

    assert ("request", "OTHER", "(none)", 405, "method_not_allowed", "refused") == tuple(
        line[name] for name in ("event", "method", "route", "status", "error", "ending")
    )
    assert (
        'gateway_requests_total{ending="refused",method="other",provider="none",route="(none)",status="405"}' in metrics
    )


def test_process_without_files_goes_on(running: GatewayProcess) -> None:
    """Connections beyond the limit of the system are shed, nothing spins or falls, and afterwards all is as before."""
    process = psutil.Process(running.process.pid)
    before = process.rlimit(psutil.RLIMIT_NOFILE)
    process.rlimit(psutil.RLIMIT_NOFILE, (process.num_fds() + 20, before[1]))
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(running.url)) for _ in range(60)]
        for connection in connections:
            connection.settimeout(5)
            connection.sendall(HEALTH.replace(b"close", b"keep-alive"))
        answered = [_beginning(connection) for connection in connections]
        used = sum(process.cpu_times()[:2])
        pause = threading.Event()
        pause.wait(0.5)
        busy = sum(process.cpu_times()[:2]) - used
    until(lambda: is_served(running.url))
    process.rlimit(psutil.RLIMIT_NOFILE, before)

    assert 15 <= answered.count(b"HTTP/1.1 200 ") <= 22  # a file or two may be given back meanwhile
    assert {b"HTTP/1.1 200 ", b""} == set(answered)
    assert busy < 0.25
    assert running.process.poll() is None
    assert "Traceback" not in running.err.text


def is_served(url: str) -> bool:
    """Whether a good request gets a good answer."""
    try:
        return raw_answer(url, HEALTH, 5).startswith(b"HTTP/1.1 200 ")
    except ConnectionResetError:
        return False


def _beginning(connection: socket.socket) -> bytes:
    try:
        return connection.recv(4096)[:13]
    except ConnectionResetError:
        return b""


def test_connections_are_bounded_by_the_files_that_there_are(tmp_path: Path) -> None:
    """Each caller may need a connection to a provider as well: what is left of the files is kept for those."""
    script = f"ulimit -n {BESIDE + 40}; exec {sys.executable} -m entrypoints.cli serve --port 0"
    with gateway_process(tmp_path, command=["sh", "-c", script]) as small, ExitStack() as stack:
        held = [stack.enter_context(connected(small.url)) for _ in range(30)]
        for connection in held:
            connection.sendall(HEALTH.replace(b"close", b"keep-alive"))
        answered = [_beginning(connection) for connection in held]
        for connection in held:
            connection.close()
        until(lambda: is_served(small.url))

    assert [b"HTTP/1.1 200 ", b"HTTP/1.1 503 "] == sorted(set(answered))
    assert 20 == answered.count(b"HTTP/1.1 200 ")


def test_room_for_connections_follows_the_limit_of_files() -> None:
    """Half of what is left, and never so little that nobody is served."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = []
    try:
        for soft in (32, 256, 1024):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 200), before[1]))
            found.append(room_for_connections())
        raise_file_limit()
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert [68, 96, 480] == found
    assert raised >= min(1024, before[1] if before[1] > 0 else 1024)
    assert room_for_connections() <= WANTED


def _half_open(url: str, number: int, stack: ExitStack) -> list[socket.socket]:
    connections = [stack.enter_context(connected(url)) for _ in range(number)]
    for connection in connections[::2]:
        connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nA:")
    return connections


def _times(url: str, number: int) -> list[float]:
    found = []
    with httpx.Client(base_url=url) as client:
        for _ in range(number):
            began = time.perf_counter()
            assert 200 == client.get("/healthz").status_code
            found.append(time.perf_counter() - began)
    return sorted(found)


@pytest.mark.soak
def test_thousands_of_half_open_connections_leave_good_callers_alone(running: GatewayProcess) -> None:
    """At most 64 KiB each, all closed at their deadline; the slowest of good answers hardly slower than without."""
    raise_file_limit()
    process = psutil.Process(running.process.pid)
    calm = _times(running.url, 2000)
    before = process.memory_info().rss
    with ExitStack() as stack:
        connections = _half_open(running.url, 5_000, stack)
        beset = _times(running.url, 2000)
        grown = process.memory_info().rss - before
        ends = [rest_of(connection)[:12] for connection in connections]

    assert [b"HTTP/1.1 408", b""] * 2_500 == ends
    assert grown < 5_000 * (64 << 10)
    assert beset[len(beset) // 2] < calm[len(calm) // 2] * 1.5
    assert beset[-20] < calm[-20] * 1.1 + 0.005  # the 99th of a hundred, on a machine that others use too


@pytest.mark.soak
@pytest.mark.parametrize("http", ["httptools", "h11"])
def test_surface_is_the_same_on_uvicorns_own_protocols(http: str) -> None:
    """All other tests of the surface pass there too."""
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "pytest", "tests/surface", "--http", http, "-m", "not soak and not wire", "-q"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=1200, check=False)

    assert 0 == done.returncode, done.stdout[-4000:]
