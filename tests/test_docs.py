"""Every command and every example that the docs show is run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest
from typing_extensions import override

from entrypoints.settings import load_settings
from tests.fakes.process import KEY, GatewayProcess, environment, gateway_process

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@attrs.frozen
class Example:
    """A block of a page."""

    page: str
    number: int
    kind: str
    text: str

    @override
    def __str__(self) -> str:
        """Name it for the test's report."""
        return f"{self.page}-{self.number}"


def examples(*kinds: str) -> list[Example]:
    """Return the blocks of these kinds, of all pages."""
    return [
        Example(str(page.relative_to(ROOT)), number, kind, text)
        for page in PAGES
        for number, (kind, text) in enumerate(FENCE.findall(page.read_text(encoding="utf-8")), 1)
        if kind in kinds
    ]


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    """Return a gateway that also has the providers which the pages speak of, answered by the built-in engine."""
    config = "".join(f'[providers.{name}]\nkind = "custom"\n' for name in ("cerebras", "ollama", "lab", "mine"))
    folder = tmp_path_factory.mktemp("docs")
    with gateway_process(folder, config=config + '[routing]\ndefault_provider = "custom"\n') as running:
        yield running


def commands(text: str) -> list[str]:
    """Return the commands of a block: joined over their continuation lines, without comments."""
    joined = text.replace("\\\n", " ")
    return [line for line in (re.sub(r"\s{2,}#.*$", "", line).strip() for line in joined.splitlines()) if line]


def runnable(command: str, gateway: GatewayProcess) -> str:
    """
    Return a command as it is run here: against the gateway of the test, where it would start one only to its
    check.
    """
    command = command.replace("http://127.0.0.1:8000", gateway.url)
    if command.startswith("make "):
        return f"make --no-print-directory -n -C {ROOT} {command.split(maxsplit=1)[1]}"
    return command.replace("ai-gateway serve", "ai-gateway config check")


@pytest.mark.parametrize("example", examples("sh", "bash", "console"), ids=str)
def test_command_works(example: Example, gateway: GatewayProcess, tmp_path: Path) -> None:
    """A command of the docs ends well: curl gets no 5xx and no 404, ai-gateway and make know what they are asked."""
    tools = tmp_path / "bin"
    tools.mkdir()
    tool = tools / "ai-gateway"
    tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m entrypoints.cli "$@"\n', encoding="utf-8")
    tool.chmod(0o755)
    environ = environment({"GATEWAY_KEY": KEY, "PATH": f"{tools}:{os.environ['PATH']}"})  # noqa: TID251
    script = "set -e\n" + "\n".join(runnable(command, gateway) for command in commands(example.text))

    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == done.returncode, done.stderr
    assert not re.search(r'"code": ?"(invalid_api_key|unknown_url|model_not_found|internal_error)"', done.stdout)


@pytest.mark.parametrize("example", examples("python"), ids=str)
def test_program_works(example: Example, gateway: GatewayProcess, tmp_path: Path) -> None:
    """A program of the docs runs."""
    program = tmp_path / "my_module.py"
    program.write_text(example.text.replace("http://127.0.0.1:8000", gateway.url), encoding="utf-8")

    done = subprocess.run(
        [sys.executable, program.name],
        cwd=tmp_path,
        env=environment({"GATEWAY_KEY": KEY, "PYTHONPATH": str(ROOT)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert 0 == done.returncode, done.stderr


@pytest.mark.parametrize("example", examples("toml"), ids=str)
def test_configuration_is_taken(example: Example, tmp_path: Path) -> None:
    """A configuration of the docs is good as it stands, with the secrets that it refers to."""
    tomllib.loads(example.text)
    text = re.sub(r"file://(/[^\s\"]+)", f"file://{tmp_path}/secret", example.text)
    (tmp_path / "secret").write_text("sk-from-a-file", encoding="utf-8")
    (tmp_path / "gateway.toml").write_text(text, encoding="utf-8")
    names = re.findall(r"env://(\w+)", text)

    settings = load_settings({}, {name: f"sk-{name.lower()}" for name in names}, tmp_path)

    assert settings.config_file is not None


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of the repository leads to one."""
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]

    assert [] == [link for link in links if not (page.parent / link).exists()]
