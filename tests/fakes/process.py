"""The gateway as a process of its own, as its users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self

import attrs

from tests.fakes import audited
from tests.fakes.audit import Audit

KEY = "sk-surface-test-key"
ROOT = str(Path(__file__).parent.parent.parent)
START_S = 30.0
PLAIN: list[str] = []
"""The name of one of uvicorn's own protocols, where the gateway is to be served by it."""
QUIET = ("ALLOWED_API_KEYS", "CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "OLLAMA_HOST", "GATEWAY_CONFIG", "KEY_PEPPER")


@attrs.define(eq=False)
class Output:
    """The lines that a process writes, as they come."""

    stream: IO[str]
    lines: list[str] = attrs.field(factory=list)
    _collector: threading.Thread | None = None
    _changed: threading.Condition = attrs.field(factory=threading.Condition)
    _ended: bool = False

    @classmethod
    def of(cls, stream: IO[str]) -> Self:
        """Collect the lines of a stream."""
        output = cls(stream)
        output._collector = threading.Thread(target=output._collect, daemon=True)
        output._collector.start()
        return output

    def close(self) -> None:
        """Take the last lines of a process that has ended."""
        if self._collector is not None:
            self._collector.join(10)
        self.stream.close()

    def _collect(self) -> None:
        for line in self.stream:
            with self._changed:
                self.lines.append(line)
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def text(self) -> str:
        """All that was written."""
        return "".join(self.lines)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines as JSON; every line must be a JSON object."""
        return [json.loads(line) for line in list(self.lines)]

    def wait_for(self, word: str, seconds: float = START_S) -> str:
        """Return the first line that holds a word, once it is there."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or any(word in line for line in self.lines), timeout=seconds)
            line = next((line for line in self.lines if word in line), None)
            assert line is not None, f"no {word!r} in {self.text!r}"
            return line


@attrs.define(eq=False)
class GatewayProcess:
    """A running gateway."""

    process: subprocess.Popen[str]
    out: Output
    err: Output
    audit: Audit
    url: str = ""

    def end(self, number: int = signal.SIGTERM, seconds: float = 40.0) -> int:
        """Tell it to end and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)


def environment(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of a process: the machine's without anything that would set the gateway."""
    inherited = {name: value for name, value in os.environ.items() if name not in QUIET}  # noqa: TID251
    found = {**inherited, "ALLOWED_API_KEYS": KEY, **more}
    if PLAIN:
        found["PYTHONPATH"] = ROOT  # where the module is that serves it so
    return found


@contextmanager
def gateway_process(
    folder: Path,
    environ: Mapping[str, str] | None = None,
    config: str | None = None,
    arguments: Sequence[str] = (),
    command: Sequence[str] = (),
) -> Iterator[GatewayProcess]:
    """
    Run `ai-gateway serve` in a folder, on a port of its own, or another command; it is ended at the end.

    Nothing that was asked of it may have made it run code that is not its own, unless `audit` was looked at and begun
    anew. Of several workers this cannot be told, since one is asked while another still starts; nor of a command.
    """
    if config is not None:
        (folder / "gateway.toml").write_text(config, encoding="utf-8")
    with tempfile.TemporaryDirectory() as apart:
        audit = Audit(Path(apart) / "audit.jsonl")
        audit.path.touch()
        running = _begin(folder, environ or {}, command or _command(arguments), audit)
        try:
            running.url = json.loads(running.out.wait_for('"listening"'))["url"]
            running.audit.begin()
            yield running
            strange = running.audit.strange
        finally:
            _end(running)
        assert "--workers" in arguments or [] == strange


def _command(arguments: Sequence[str]) -> Sequence[str]:
    module = ["tests.fakes.plain", *PLAIN] if PLAIN else [audited.__name__]
    return [sys.executable, "-m", *module, "serve", "--port", "0", *arguments]


def _begin(folder: Path, environ: Mapping[str, str], command: Sequence[str], audit: Audit) -> GatewayProcess:
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment({audited.FILE_VARIABLE: str(audit.path), **environ}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stdout is not None
    assert process.stderr is not None
    return GatewayProcess(process, Output.of(process.stdout), Output.of(process.stderr), audit)


def _end(running: GatewayProcess) -> None:
    process = running.process
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    running.out.close()
    running.err.close()
