"""Targets as running processes: started on their core, asked until they answer, stopped while others are measured."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs

from bench.cells import CELLS, body
from bench.machine import Cores
from bench.programs import Programs
from bench.targets.target import Site, Target, free_port
from bench.trees import Memory, cpu_s, memory, tell
from bench.trouble import Unusable

ROOT = Path(__file__).parents[1]
END_S = 2.0
ASK_S = 30.0
POLL_S = 0.002
OK = 200
# Bytecode is written, as it is wherever a gateway is installed; nothing of ours leads a target elsewhere.
NOT_INHERITED = ("PYTHONDONTWRITEBYTECODE", "http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@attrs.frozen
class Mock:
    """The running upstream."""

    port: int

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"

    def set_pace(self, pace_us: int) -> None:
        """Set the time between two events of the streams that begin from now on."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        connection.request("POST", f"/mock/pace?us={pace_us}")
        connection.getresponse().read()
        connection.close()


@attrs.frozen
class Place:
    """Where a benchmark runs, and the upstream that runs there."""

    cores: Cores
    programs: Programs
    folder: Path
    mock: Mock


@attrs.define
class Running:
    """
    A target that runs.

    `pid` is the root of its process tree, None where it is the upstream itself.
    `cold_start_s` is the time from its start to its first good answer.
    """

    target: Target
    address: str
    pid: int | None = None
    cold_start_s: float = 0.0

    def cpu_s(self) -> float:
        """Return its CPU time until now, in s."""
        return 0.0 if self.pid is None else cpu_s(self.pid)

    def memory(self) -> Memory:
        """Return what it holds of the memory."""
        return Memory(0.0, 0.0) if self.pid is None else memory(self.pid)

    def pause(self) -> None:
        """Stop it in its tracks."""
        if self.pid is not None:
            tell(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Continue it."""
        if self.pid is not None:
            tell(self.pid, signal.SIGCONT)


def pinned(core: int) -> tuple[str, ...]:
    """Return the command that keeps another command on a core."""
    return ("taskset", "-c", str(core))


@contextmanager
def running_mock(program: Path, core: int) -> Iterator[Mock]:
    """Run the upstream, on a core."""
    arguments = [*pinned(core), str(program)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield Mock(json.loads(process.stdout.readline())["port"])
        finally:
            process.kill()


@contextmanager
def running_target(target: Target, place: Place) -> Iterator[Running]:
    """
    Run a target until it has answered a request as it should, hand it out, end it.

    Raises `Unusable` where it ends or does not answer.
    """
    target = attrs.evolve(
        target, headers=tuple(header.replace("{upstream}", place.mock.address) for header in target.headers)
    )
    if target.launch is None:
        yield Running(target, place.mock.address)
        return
    with ExitStack() as stack:
        site = _site(target, place)
        launch = target.launch(site)
        environ = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        log = stack.enter_context((site.folder / "output.log").open("wb"))
        began = time.monotonic()
        process = subprocess.Popen(
            [*pinned(place.cores.target), *launch.arguments],
            cwd=site.folder,
            env=environ | dict(launch.environ),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        stack.callback(_end, process)
        _wait_for_answer(target, site, process, began)
        yield Running(target, f"127.0.0.1:{site.port}", process.pid, time.monotonic() - began)


def _site(target: Target, place: Place) -> Site:
    folder = Path(tempfile.mkdtemp(prefix=f"{target.name}-", dir=place.folder))
    return Site(folder, free_port(), place.mock.address)


def _wait_for_answer(target: Target, site: Site, process: subprocess.Popen[bytes], began: float) -> None:
    last = "no answer"
    while time.monotonic() - began < target.start_s:
        if process.poll() is not None:
            raise Unusable(target.name, f"ended at its start, {_end_of_log(site)}")
        try:
            last = _ask(target, site.port)
        except (OSError, http.client.HTTPException) as error:
            last = str(error) or type(error).__name__
        if last == "":
            return
        time.sleep(POLL_S)
    raise Unusable(target.name, f"did not answer in {target.start_s:.0f} s: {last}, {_end_of_log(site)}")


def _ask(target: Target, port: int) -> str:
    """Return what is wrong with its answer, "" if nothing."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_S)
    headers = dict(header.split(": ", 1) for header in target.headers) | {"Content-Type": "application/json"}
    connection.request("POST", target.path, body(CELLS[0], target.model), headers)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    if answer.status == OK and '"choices"' in text:
        return ""
    return f"{answer.status} {text[:200]}"


def _end_of_log(site: Site) -> str:
    lines = (site.folder / "output.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
    words = " / ".join(line.strip() for line in lines[-3:])[-400:]
    return "its last words: " + words.replace(str(ROOT), ".")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, seconds in ((signal.SIGTERM, END_S), (signal.SIGKILL, END_S)):
        tell(process.pid, signal.SIGCONT)
        tell(process.pid, number)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            continue
        break
    tell(process.pid, signal.SIGKILL)  # what its session has left behind


def run_all(targets: Sequence[Target], place: Place, stack: ExitStack) -> tuple[list[Running], list[str]]:
    """Start all targets, each stopped as soon as it has answered; return also why others do not run."""
    running: list[Running] = []
    missing: list[str] = []
    for target in targets:
        try:
            started = stack.enter_context(running_target(target, place))
        except Unusable as trouble:
            missing.append(str(trouble))
            continue
        started.pause()
        running.append(started)
    return running, missing
