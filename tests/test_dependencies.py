"""What the gateway is built from is known: versions, hashes, and no code that arrives by another way."""

from __future__ import annotations

import ast
import builtins
import hashlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
SOURCES = [
    path for package in ("domain", "application", "adapters", "entrypoints") for path in (ROOT / package).rglob("*.py")
]
PINNED = re.compile(
    r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;]+)(?: ; (?P<marker>[^\\]+?))?(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
)

# Installed by a tool that we chose, for a reason that we know.
PTH_FILES_THAT_RUN_CODE = {
    "_virtualenv.pth",  # virtual environments that uv makes
    "a1_coverage.pth",  # measures the servers that tests start
    "distutils-precedence.pth",  # setuptools, which came with Python up to 3.11
}

CODE_FROM_DATA = {
    "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
    "builtins.compile", "builtins.eval", "builtins.exec", "code", "compile", "ctypes", "dill", "eval", "exec",
    "marshal", "multiprocessing", "os.execl", "os.execle", "os.execlp", "os.execv", "os.execve", "os.execvp", "os.fork",
    "os.popen", "os.posix_spawn", "os.spawnl", "os.spawnv", "os.startfile", "os.system", "pickle", "pty", "runpy",
    "shelve", "subprocess", "yaml.load", "yaml.unsafe_load",
}  # fmt: skip
DYNAMIC_IMPORTS = {"__import__", "builtins.__import__", "importlib.import_module", "importlib.util", "pkgutil"}


def pins(lock: Path) -> dict[str, str]:
    """Return the versions that a lock file pins, by name."""
    return {match["name"]: match["version"] for match in PINNED.finditer(lock.read_text())}


def uses(source: str, banned: set[str]) -> list[str]:
    """Return the lines of `source` that name something banned, or something inside it, by whatever alias."""
    tree = ast.parse(source)
    aliases: dict[str, str] = {}
    found = []

    def note(line: int, name: str) -> None:
        parts = name.split(".")
        if any(".".join(parts[:end]) in banned for end in range(1, len(parts) + 1)):
            found.append(f"{line}: {name}")

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                note(node.lineno, name.name)
                aliases[name.asname or name.name.split(".")[0]] = name.name if name.asname else name.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom):
            for name in node.names:
                note(node.lineno, f"{node.module}.{name.name}")
                aliases[name.asname or name.name] = f"{node.module}.{name.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and (name_used := _dotted(node, aliases)):
            note(node.lineno, name_used)
    return found


def _dotted(node: ast.expr, aliases: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return aliases.get(node.id, node.id if hasattr(builtins, node.id) else "")
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value, aliases)):
        return f"{owner}.{node.attr}"
    return ""


@pytest.mark.parametrize(
    ("name", "floor"), [("starlette", "1.3.1"), ("h11", "0.16"), ("python-multipart", "0.0.27")], ids=lambda text: text
)
def test_no_release_with_a_known_hole_is_installed(name: str, floor: str) -> None:
    """Each floor is the first release without a published hole in how requests are read."""
    try:
        installed = version(name)
    except PackageNotFoundError:
        return  # what is not there has no hole

    assert Version(installed) >= Version(floor)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_locked_requirement_has_hashes_and_no_address(lock: Path) -> None:
    """A lock is pinned names and hashes, nothing else: no index, no address, no folder."""
    assert "" == PINNED.sub("", lock.read_text()).strip()
    assert len(pins(lock)) > 1


def test_the_locks_agree() -> None:
    """One package has one version, whether it runs, tests or builds the gateway."""
    run, dev, build = (pins(ROOT / "requirements" / f"{name}.txt") for name in ("run", "dev", "build"))

    assert run.items() <= dev.items()
    assert build == {name: dev.get(name, pinned) for name, pinned in build.items()}


def test_the_run_lock_holds_what_the_project_asks_for() -> None:
    """Who changes pyproject.toml runs `make lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    run = pins(ROOT / "requirements" / "run.txt")
    requirements = [Requirement(line) for line in project["dependencies"]]

    missing = [need for need in requirements if run.get(canonicalize_name(need.name), "0") not in need.specifier]

    assert [] == missing


def test_the_default_install_stays_lean() -> None:
    """Each package more is one more to trust; raise the number only for a reason."""
    assert len(pins(ROOT / "requirements" / "run.txt")) <= 36


@pytest.mark.parametrize("installer", ["pip", "uv"])
@pytest.mark.parametrize("tampered", [False, True], ids=["as locked", "tampered"])
def test_a_tampered_package_is_not_installed(installer: str, tampered: bool, tmp_path: Path) -> None:
    """A file whose hash is not the locked one stops the install."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv") or ""
    assert find_spec("pip") if installer == "pip" else uv, f"{installer} is missing: make test installs it"
    wheel = tmp_path / "planted-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("planted.py", "")
        archive.writestr("planted-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: planted\nVersion: 1.0\n")
        archive.writestr(
            "planted-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr("planted-1.0.dist-info/RECORD", "")
    locked = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (tmp_path / "lock.txt").write_text(f"planted==1.0 --hash=sha256:{locked}\n")
    if tampered:
        with zipfile.ZipFile(wheel, "a") as archive:
            archive.writestr("planted_too.py", "print('not what was locked')")

    command = [sys.executable, "-m", "pip"] if installer == "pip" else [uv, "pip"]
    options = ["--no-index", f"--find-links={tmp_path}", "--require-hashes", f"--target={tmp_path / 'installed'}"]
    run = subprocess.run(
        [*command, "install", *options, "-r", str(tmp_path / "lock.txt")],
        cwd=tmp_path,
        env={"PATH": str(Path(sys.executable).parent), "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (tmp_path / "installed" / "planted.py").exists() is not tampered, run.stdout + run.stderr
    assert (run.returncode == 0) is not tampered
    assert ("hash" in (run.stdout + run.stderr).lower()) is tampered


def test_nothing_installed_runs_code_when_python_starts() -> None:
    """A `.pth` file with an import, or a sitecustomize, would run in every process without being called."""
    site_packages = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    runs_code = {
        path.name
        for folder in site_packages
        for path in folder.glob("*.pth")
        if re.search(r"^import[ \t]", path.read_text(), re.MULTILINE)
    }

    assert runs_code <= PTH_FILES_THAT_RUN_CODE
    assert [] == [path for folder in site_packages for path in folder.glob("*customize.py")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_code_comes_from_data(path: Path) -> None:
    """Nothing evaluates code or starts a process; only the operator's own handler is imported by its name."""
    banned = CODE_FROM_DATA if path.is_relative_to(ROOT / "adapters" / "custom") else CODE_FROM_DATA | DYNAMIC_IMPORTS

    assert [] == uses(path.read_text(), banned)


@pytest.mark.parametrize(
    "source",
    [
        "eval('1')",
        "run = exec",
        "import pickle",
        "from subprocess import run",
        "import os as system\nsystem.system('true')",
        "from os import popen",
        "from yaml import load as read",
        "import asyncio\nasyncio.create_subprocess_exec('true')",
        "import importlib\nimportlib.import_module('json')",
        "import importlib.util",
        "__import__('json')",
    ],
)
def test_the_search_for_code_from_data_finds_it(source: str) -> None:
    """Whatever name it goes by."""
    assert uses(source, CODE_FROM_DATA | DYNAMIC_IMPORTS)


@pytest.mark.parametrize(
    "source",
    [
        "import re\nre.compile('a')",
        "code = 1\nprint(code)",
        "from importlib.metadata import version",
        "self.load(exec_s=1)",
    ],
)
def test_the_search_for_code_from_data_finds_nothing_else(source: str) -> None:
    """What only looks alike is let be."""
    assert [] == uses(source, CODE_FROM_DATA | DYNAMIC_IMPORTS)
