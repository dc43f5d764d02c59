"""Fetches peers from their registries, each into a folder of its own, once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.trouble import Unusable

ROOT = Path(__file__).parents[2]
FETCH_S = 300.0
_DONE = ".fetched"


def folder(name: str, version: str) -> Path:
    """Return where a peer is kept."""
    return ROOT / ".bench" / "peers" / f"{name}-{version}"


def fetch_python(name: str, version: str, requirement: str) -> None:
    """
    Install a Python package into an environment of its own; nothing where that has been done.

    Raises `Unusable`.
    """
    place = folder(name, version)
    if (place / _DONE).exists():
        return
    python = str(place / "bin" / "python")
    uv = str(Path(sys.executable).with_name("uv"))
    ways = [
        ([uv, "venv", "--quiet"], [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", python]),
        # Where uv gets nothing, pip tries: it may know a package mirror that uv was not told of.
        ([sys.executable, "-m", "venv"], [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]),
    ]
    for number, (make, install) in enumerate(ways, 1):
        shutil.rmtree(place, ignore_errors=True)
        try:
            _run(name, [*make, str(place)])
            _run(name, [*install, requirement])
        except Unusable:
            if number == len(ways):
                raise
        else:
            break
    (place / _DONE).touch()


def fetch_node(name: str, version: str, package: str, overrides: Mapping[str, str]) -> None:
    """
    Install an npm package, with these versions of packages that it depends on; nothing where that has been done.

    No script of any package runs. Raises `Unusable`.
    """
    place = folder(name, version)
    if (place / _DONE).exists():
        return
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unusable(name, "there is no Node.js with npm")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    wanted = {"private": True, "dependencies": {package: version}, "overrides": overrides}
    (place / "package.json").write_text(json.dumps(wanted), encoding="utf-8")
    _run(name, [npm, "install", "--ignore-scripts", "--legacy-peer-deps", "--no-audit", "--no-fund"], place)
    (place / _DONE).touch()


def _run(name: str, command: Sequence[str], cwd: Path = ROOT) -> None:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=FETCH_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unusable(name, f"could not be fetched in {FETCH_S:.0f} s") from error
    except OSError as error:
        raise Unusable(name, f"could not be fetched: {error}") from error
    if done.returncode != 0:
        words = " / ".join(done.stderr.strip().splitlines()[-2:])
        raise Unusable(name, f"could not be fetched: {words[-300:]}")
