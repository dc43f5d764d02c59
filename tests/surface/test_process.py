"""The process: how it starts, tells of itself, and ends."""

from __future__ import annotations

import json
import re
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from tests.fakes.process import KEY, GatewayProcess, environment, gateway_process
from tests.surface.providers import until as wait_until

HANDLER = '''
import asyncio
from pathlib import Path

from tests.fakes.providers import chunk, chunks, answer


class Slow:
    """Says one word, then waits for a file named `go`."""

    async def complete(self, request, call):
        Path("asked").touch()
        try:
            while not Path("go").exists():
                await asyncio.sleep(0.02)
        except asyncio.CancelledError:
            Path("cancelled").touch()
            raise
        return answer()

    async def stream(self, request, call):
        yield [chunk({"role": "assistant", "content": "one"})]
        try:
            while not Path("go").exists():
                await asyncio.sleep(0.02)
        finally:
            Path("closed").touch()
        yield chunks("two")[1:]
'''
CONFIG = '[providers.slow]\nkind = "custom"\nhandler = "slow:Slow"\n'
HEADERS = {"authorization": f"Bearer {KEY}"}
ASKING = {"model": "slow/x", "messages": [{"role": "user", "content": "hi"}]}
ROOT = str(Path(__file__).parent.parent.parent)


@pytest.fixture
def slow(tmp_path: Path) -> Iterator[GatewayProcess]:
    """Return a gateway whose provider waits until it is told to go on."""
    (tmp_path / "slow.py").write_text(HANDLER, encoding="utf-8")
    with gateway_process(tmp_path, {"PYTHONPATH": ROOT}, CONFIG) as running:
        yield running


def until(path: Path, seconds: float = 10.0) -> None:
    """Wait until a file is there."""
    found = subprocess.run(
        ["/usr/bin/timeout", str(seconds), "sh", "-c", f"until [ -e '{path}' ]; do sleep 0.02; done"], check=False
    )
    assert 0 == found.returncode, path


def ask_until_refused(gateway: GatewayProcess) -> None:
    """Connect anew until that is no more possible; on the way, connections may be closed that nobody has taken."""
    while True:
        try:
            httpx.get(f"{gateway.url}/readyz")
        except httpx.ConnectError:
            return
        except httpx.TransportError:
            continue


def run(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the command line to its end."""
    return subprocess.run(
        [sys.executable, "-m", "entrypoints.cli", *arguments],
        cwd=folder,
        env=environment(environ),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_running_stream_is_finished_before_the_end(slow: GatewayProcess, tmp_path: Path) -> None:
    """At SIGTERM new connections are not taken, the running answer comes whole, and the exit status is 0."""
    with httpx.stream(
        "POST", f"{slow.url}/v1/chat/completions", json={**ASKING, "stream": True}, headers=HEADERS
    ) as got:
        lines = got.iter_lines()
        assert "one" in next(lines)
        slow.process.send_signal(signal.SIGTERM)
        ask_until_refused(slow)
        (tmp_path / "go").touch()
        rest = [line for line in lines if line]

    assert "data: [DONE]" == rest[-1]
    assert 0 == slow.process.wait(10)
    assert ["listening", "request", "stopped"] == [
        record["event"] for record in slow.out.records if record.get("route") != "/readyz"
    ]


def test_second_signal_ends_at_once(slow: GatewayProcess) -> None:
    """Who does not want to wait for running answers says so by telling it twice."""
    with httpx.stream(
        "POST", f"{slow.url}/v1/chat/completions", json={**ASKING, "stream": True}, headers=HEADERS
    ) as got:
        next(got.iter_lines())
        slow.process.send_signal(signal.SIGTERM)
        slow.process.send_signal(signal.SIGTERM)

        assert 0 == slow.process.wait(5)
    slow.out.wait_for('"stopped"')
    assert "lifespan" not in slow.out.text


def test_workers_that_are_told_beside_their_supervisor_finish_running_answers(tmp_path: Path) -> None:
    """A terminal's Ctrl-C and systemd's stop reach every process, and the supervisor passes its own on: one wish."""
    (tmp_path / "slow.py").write_text(HANDLER, encoding="utf-8")
    with gateway_process(tmp_path, {"PYTHONPATH": ROOT}, CONFIG, ["--workers", "2"]) as running:
        wait_until(lambda: running.out.text.count('"listening"') == 2, 20.0)
        with httpx.stream(
            "POST", f"{running.url}/v1/chat/completions", json={**ASKING, "stream": True}, headers=HEADERS
        ) as got:
            lines = got.iter_lines()
            assert "one" in next(lines)
            for process in psutil.Process(running.process.pid).children():
                process.send_signal(signal.SIGINT)
            running.process.send_signal(signal.SIGINT)
            ask_until_refused(running)
            (tmp_path / "go").touch()
            rest = [line for line in lines if line]

    assert "data: [DONE]" == rest[-1]


@pytest.mark.parametrize("stream", [True, False])
def test_hanging_up_ends_the_call_of_the_provider(slow: GatewayProcess, tmp_path: Path, stream: bool) -> None:
    """Within a second the provider is closed, streamed or not, and the log says who left."""
    host, port = slow.url.removeprefix("http://").split(":")
    body = json.dumps({**ASKING, "stream": stream}).encode()
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n"
        connection.sendall(
            f"{head}content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n".encode() + body
        )
        if stream:
            assert connection.recv(4096)
        else:
            until(tmp_path / "asked")

    until(tmp_path / ("closed" if stream else "cancelled"), 1.0)
    assert "client_gone" == json.loads(slow.out.wait_for('"request"'))["ending"]


def test_killed_process_keeps_its_key(tmp_path: Path) -> None:
    """The first start prints a key once; after kill -9 it still opens, and no other is made."""
    with gateway_process(tmp_path, {"ALLOWED_API_KEYS": ""}) as first:
        key = re.search(r"sk-gw-\w+", first.err.wait_for("sk-gw-"))
        assert key is not None
        first.process.kill()
        first.process.wait()
    kept = tmp_path / "data" / "keys.json"
    with gateway_process(tmp_path, {"ALLOWED_API_KEYS": ""}) as second:
        got = httpx.get(f"{second.url}/v1/models", headers={"authorization": f"Bearer {key[0]}"})
        none = httpx.get(f"{second.url}/v1/models")

    assert (200, 401) == (got.status_code, none.status_code)
    assert "sk-gw-" not in second.err.text + second.out.text + first.out.text
    assert key[0] not in kept.read_text(encoding="utf-8")
    assert 0o600 == stat.S_IMODE(kept.stat().st_mode)


def test_how_late_the_process_is_can_be_scraped(tmp_path: Path) -> None:
    """While it serves, it measures itself."""
    measured = re.compile(r"^gateway_event_loop_lag_seconds_count [1-9]", re.MULTILINE)
    with gateway_process(tmp_path) as running:
        wait_until(lambda: bool(measured.search(httpx.get(f"{running.url}/metrics").text)), 10.0)


def test_several_workers_count_together(tmp_path: Path) -> None:
    """`/metrics` tells the sum of all workers, whichever answers; all end in order, to the last line of the log."""
    with gateway_process(tmp_path, arguments=["--workers", "2"]) as running:
        wait_until(lambda: running.out.text.count('"listening"') == 2, 20.0)
        for _ in range(20):
            with httpx.Client() as client:
                assert 200 == client.get(f"{running.url}/v1/models", headers=HEADERS).status_code
        text = httpx.get(f"{running.url}/metrics").text
        status = running.end()

    counted = [line for line in text.splitlines() if line.startswith("gateway_requests_total") and "/v1/models" in line]
    assert (1, 20.0) == (len(counted), float(counted[0].rsplit(" ", 1)[1]))
    assert (0, 2) == (status, [record["event"] for record in running.out.records].count("stopped"))


def test_workers_end_when_their_supervisor_is_killed(tmp_path: Path) -> None:
    """Nobody else would end them, and the next start would find the address taken."""
    with gateway_process(tmp_path, arguments=["--workers", "2"]) as running:
        running.process.kill()
        ask_until_refused(running)

    assert "stopped" in [record["event"] for record in running.out.records]


@pytest.mark.soak
def test_workers_that_cannot_start_are_a_failure(tmp_path: Path) -> None:
    """Whoever started the gateway learns it by the exit status, as of a single process."""
    (tmp_path / "gateway.toml").write_text('[providers.mine]\nkind = "custom"\nhandler = "nothing:Here"\n')

    statuses = [run(tmp_path, "serve", "--port", "0", "--workers", number).returncode for number in ("1", "2")]

    assert [3, 3] == statuses


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_process_may_be_started_without_streams(tmp_path: Path, closed: str) -> None:
    """Their places stay taken: no socket gets one, and no log line is written to a caller."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/healthz"
    command = f'exec "{sys.executable}" -m entrypoints.cli serve --port {port} {closed}'
    with subprocess.Popen(["/bin/sh", "-c", command], cwd=tmp_path, env=environment({})) as process:
        answer = asked_until_there(url, process)
        process.terminate()

    assert (200, '{"status":"ok"}', 0) == (answer.status_code, answer.text, process.returncode)


def asked_until_there(url: str, process: subprocess.Popen[bytes]) -> httpx.Response:
    """Ask a process that starts until it answers."""
    pause = threading.Event()
    while process.poll() is None:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            pause.wait(0.02)
    raise AssertionError(process.returncode)


def test_line_of_a_request_holds_no_secrets(tmp_path: Path) -> None:
    """One JSON line for each request, with ids and durations, without the key, the prompt or a query string."""
    with gateway_process(tmp_path, {"LOG_LEVEL": "debug"}) as running:
        got = httpx.post(
            f"{running.url}/v1/chat/completions?api_key=sk-in-the-query",
            json={"model": "custom", "messages": [{"role": "user", "content": "a prompt that is private"}]},
            headers={**HEADERS, "x-request-id": "my-request:1"},
        )
        refused = httpx.get(f"{running.url}/v1/models?api_key={KEY}")
        line = json.loads(running.out.wait_for("my-request:1"))
        running.end()

    assert (200, 401) == (got.status_code, refused.status_code)
    assert ("custom", "custom", "/v1/chat/completions", 200, "finished") == tuple(
        line[name] for name in ("provider", "model", "route", "status", "ending")
    )
    assert line["prompt_tokens"] > 0
    assert line["duration_ms"] >= line["upstream_ms"] >= 0
    for private in (KEY, "private", "sk-in-the-query", "api_key="):
        assert private not in running.out.text + running.err.text


def test_bad_settings_are_told_all_at_once(tmp_path: Path) -> None:
    """Every problem with its path, exit status 2, and nothing is started."""
    (tmp_path / "gateway.toml").write_text('[server]\nport = "x"\nhots = 1\n[providers.v1]\nkind = "openai"\n')

    for command in (["serve"], ["config", "check"], ["models"], ["doctor"]):
        done = run(tmp_path, *command, REQUIRE_AUTH="perhaps")

        assert 2 == done.returncode
        for word in ("server.port", "hots", "providers.v1", "REQUIRE_AUTH"):
            assert word in done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.parametrize("open_up", [{"DEVELOPMENT_MODE": "true"}, {"REQUIRE_AUTH": "false"}])
def test_open_gateway_refuses_to_be_reached_from_elsewhere(tmp_path: Path, open_up: dict[str, str]) -> None:
    """Without keys only a loopback address is listened on."""
    done = run(tmp_path, "serve", "--host", "0.0.0.0", **open_up)  # noqa: S104 - that is what must be refused

    assert (2, False) == (done.returncode, "Traceback" in done.stderr)
    assert next(iter(open_up)) in done.stderr


def test_development_mode_needs_no_key(tmp_path: Path) -> None:
    """Any bearer or none, on a loopback address; no key is made."""
    with gateway_process(tmp_path, {"ALLOWED_API_KEYS": "", "DEVELOPMENT_MODE": "true"}) as running:
        statuses = [
            httpx.get(f"{running.url}/v1/models", headers=headers).status_code
            for headers in ({}, {"authorization": "Bearer anything"})
        ]

    assert ([200, 200], False) == (statuses, (tmp_path / "data").exists())


def test_taken_address_is_told_plainly(tmp_path: Path, gateway: GatewayProcess) -> None:
    """A port that is in use is no traceback."""
    done = run(tmp_path, "serve", "--port", gateway.url.rsplit(":", 1)[1])

    where = gateway.url.removeprefix("http://")
    remedy = "Choose another address with --host and --port."
    assert (1, f"error: cannot listen on {where}: Address already in use. {remedy}\n") == (done.returncode, done.stderr)


@pytest.mark.parametrize("spec", ["nothing_here:X", "slow:Nothing", "json:JSONDecoder"])
def test_handler_that_cannot_be_used_is_told_plainly(tmp_path: Path, spec: str) -> None:
    """The operator learns which class it is; the process does not start."""
    (tmp_path / "slow.py").write_text("", encoding="utf-8")
    (tmp_path / "gateway.toml").write_text(f'[providers.mine]\nkind = "custom"\nhandler = "{spec}"\n')

    done = run(tmp_path, "serve", "--port", "0")

    assert 0 < done.returncode
    assert spec in done.stderr
    assert "Traceback" not in done.stderr


def test_damaged_keys_are_not_replaced(tmp_path: Path) -> None:
    """Keys that cannot be read stop the start; they are left as they are."""
    kept = tmp_path / "data" / "keys.json"
    kept.parent.mkdir()
    kept.write_text("{", encoding="utf-8")

    done = run(tmp_path, "serve", "--port", "0", ALLOWED_API_KEYS="")

    assert (1, "{") == (done.returncode, kept.read_text(encoding="utf-8"))
    assert "keys.json" in done.stderr


def test_doctor_says_what_works(tmp_path: Path) -> None:
    """A table with a line for each provider; exit status 1 where one does not answer."""
    (tmp_path / "gateway.toml").write_text('[providers.lab]\nkind = "openai"\nbase_url = "http://127.0.0.1:9/v1"\n')

    done = run(tmp_path, "doctor")

    rows = [line.split() for line in done.stdout.splitlines()]
    assert (1, ["custom", "custom", "yes", "1"]) == (done.returncode, rows[1][:4])
    assert ["lab", "openai", "NO", "-"] == rows[2][:4]
    assert "could not be reached" in done.stdout


def test_models_and_version(tmp_path: Path) -> None:
    """The models that callers can ask for, and which gateway this is."""
    assert "custom/custom\n" == run(tmp_path, "models").stdout
    assert re.fullmatch(r"ai-gateway, version \d+\.\d+\.\d+\n", run(tmp_path, "--version").stdout)
