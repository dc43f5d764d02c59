"""The C programs of the benchmark: a deterministic upstream, and a load client that is not the bottleneck."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import attrs

from bench.trouble import Missing

HERE = Path(__file__).parent
FLAGS = ("-O2", "-std=gnu11", "-Wall", "-Wextra")


@attrs.frozen
class Programs:
    """Where the built programs are."""

    mock: Path
    load: Path


def build(folder: Path) -> Programs:
    """
    Compile what has changed since it was last compiled into `folder`.

    Raises `Missing` where there is no C compiler.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return Programs(_compiled(HERE / "mock", folder), _compiled(HERE / "load", folder))


def _compiled(source: Path, folder: Path) -> Path:
    program = folder / source.name
    files = sorted(source.glob("*.[ch]"))
    if program.exists() and program.stat().st_mtime > max(file.stat().st_mtime for file in files):
        return program
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        raise Missing("A C compiler", "apt-get install gcc libc6-dev")
    made = program.with_suffix(f".{os.getpid()}")
    sources = [str(file) for file in files if file.suffix == ".c"]
    subprocess.run([compiler, *FLAGS, "-o", str(made), *sources], check=True)
    made.replace(program)
    return program
