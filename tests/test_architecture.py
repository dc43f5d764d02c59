"""The layering that `.importlinter` describes holds, and each of its contracts would notice if it did not."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LINT_IMPORTS = Path(sys.executable).with_name("lint-imports")
PACKAGES = ("domain", "application", "adapters", "entrypoints")

VIOLATIONS = [
    ("inward", {"domain/policy/planted.py": "import adapters"}),
    ("domain", {"domain/planted.py": ""}),
    ("domain", {"domain/policy/planted.py": "import domain.ports.planted", "domain/ports/planted.py": ""}),
    ("pure-domain", {"domain/policy/planted.py": "import time"}),
    ("pure-domain", {"domain/ports/planted.py": "from pathlib import Path"}),
    ("plain-application", {"application/settlement.py": "import time"}),
    ("plain-application", {"application/settlement.py": "import msgspec"}),
    ("use-cases", {"application/list_models.py": "import application.authenticate"}),
    ("use-cases", {"application/planted.py": ""}),
    ("adapters", {"adapters/memory/planted.py": "import adapters.custom"}),
    ("adapters", {"adapters/upstream/planted.py": "import adapters.memory"}),
    ("adapters", {"adapters/planted.py": ""}),
    ("wire", {"adapters/wire/planted.py": "import socket"}),
    ("driving-side", {"adapters/memory/planted.py": "import application"}),
    ("punq", {"entrypoints/planted.py": "import punq"}),
    ("starlette", {"adapters/memory/planted.py": "import starlette"}),
    ("httpx", {"adapters/http/planted.py": "import httpx"}),
    ("cerebras", {"adapters/openai/planted.py": "import cerebras.cloud.sdk"}),
    ("telemetry", {"adapters/http/planted.py": "import logging"}),
    ("telemetry", {"adapters/http/planted.py": "import prometheus_client"}),
    ("telemetry", {"entrypoints/planted.py": "import structlog"}),
    ("processes", {"adapters/http/planted.py": "import click"}),
    ("processes", {"adapters/http/planted.py": "import uvicorn"}),
    (
        "acyclic",
        {
            "adapters/wire/planted.py": "import adapters.wire.sown",
            "adapters/wire/sown.py": "import adapters.wire.planted",
        },
    ),
]


def contracts() -> dict[str, str]:
    """Return the contracts' names by their ids."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / ".importlinter")
    prefix = "importlinter:contract:"
    return {section.removeprefix(prefix): parser[section]["name"] for section in parser if section.startswith(prefix)}


def broken(folder: Path) -> set[str]:
    """Return the names of the contracts that the code in `folder` breaks."""
    run = subprocess.run(
        [LINT_IMPORTS, "--no-cache", "--no-logo"],
        cwd=folder,
        env={"COLUMNS": "1000"},  # so that no name is wrapped
        capture_output=True,
        text=True,
        check=False,
    )
    verdicts = dict(re.findall(r"^(.+) (KEPT|BROKEN)$", run.stdout, re.MULTILINE))

    assert set(contracts().values()) == set(verdicts), run.stdout + run.stderr
    assert int("BROKEN" in verdicts.values()) == run.returncode
    return {name for name, verdict in verdicts.items() if verdict == "BROKEN"}


@pytest.fixture(scope="module")
def already_broken() -> set[str]:
    """Return what is broken before anything is planted, so that one mistake fails one test."""
    return broken(ROOT)


def test_the_code_breaks_no_contract(already_broken: set[str]) -> None:
    """Every import stands where the architecture allows it."""
    assert set() == already_broken


def test_every_contract_has_a_planted_violation() -> None:
    """A contract that nobody saw break may hold for a wrong reason."""
    assert set(contracts()) == {contract for contract, _ in VIOLATIONS}


@pytest.mark.parametrize(
    ("contract", "plants"),
    VIOLATIONS,
    ids=[f"{contract}, {', '.join(plants)}, {next(iter(plants.values()))}" for contract, plants in VIOLATIONS],
)
def test_a_planted_violation_breaks_its_contract_and_no_other(
    contract: str, plants: dict[str, str], already_broken: set[str], tmp_path: Path
) -> None:
    """Each contract notices what it is there for."""
    shutil.copy(ROOT / ".importlinter", tmp_path)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for path, line in plants.items():
        with (tmp_path / path).open("a") as file:
            file.write(f"\n{line}\n")

    assert already_broken | {contracts()[contract]} == broken(tmp_path)
