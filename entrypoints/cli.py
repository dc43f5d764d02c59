"""The command line: `ai-gateway`."""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn

import click

from adapters.disk.folder import DataError
from entrypoints.settings import Settings, SettingsError, config_warnings, load_settings

CONFIG = click.option("--config", type=click.Path(dir_okay=False), help="The configuration file; else ./gateway.toml.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("ai-gateway"), prog_name="ai-gateway")
def main() -> None:
    """A self-hosted, OpenAI-compatible AI gateway."""
    _hold_standard_streams()


@main.command()
@CONFIG
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--log-level", help="How much is logged: debug, info, warning, error or critical.")
@click.option("--data-dir", type=click.Path(file_okay=False), help="The folder of what the gateway keeps.")
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that serve.")
def serve(workers: int, **flags: Any) -> None:
    """Answer HTTP requests."""
    settings = _settings(flags)
    # The other commands need no server, and it is slow to import.
    from entrypoints.keyring import first_key, open_keys  # noqa: PLC0415
    from entrypoints.server import serve as serve_until_told  # noqa: PLC0415

    try:
        key = first_key(settings)
        open_keys(settings)  # keys that cannot be used are told here, not by each worker
        if key is not None:
            click.echo(_welcome(key, settings), err=True)
        serve_until_told(flags, settings, workers)
    except DataError as error:
        _fail(str(error))
    except OSError as error:
        where = f"{settings.server.host}:{settings.server.port}"
        reason = (error.strerror or str(error)).partition(" (while")[0]  # Python tells the address once more
        _fail(f"cannot listen on {where}: {reason}. Choose another address with --host and --port.")


@main.group()
def config() -> None:
    """Look at the configuration."""


@config.command()
@CONFIG
def check(**flags: Any) -> None:
    """Say whether the configuration can be used; exit status 2 where it cannot."""
    settings = _settings(flags)
    for warning in config_warnings(settings):
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"The configuration is good: {settings.config_file or 'defaults and environment, no file'}.")


@main.command()
@CONFIG
def models(**flags: Any) -> None:
    """List the models that callers can ask for."""
    from entrypoints.checkup import list_models  # noqa: PLC0415 - `config check` needs no gateway

    for name in asyncio.run(list_models(_settings(flags))):
        click.echo(name)


@main.command()
@CONFIG
def doctor(**flags: Any) -> None:
    """Ask each provider for its models and say what works; exit status 1 where one does not."""
    from entrypoints.checkup import examine, table  # noqa: PLC0415 - `config check` needs no gateway

    findings = asyncio.run(examine(_settings(flags)))
    click.echo(table(findings))
    sys.exit(0 if all(finding.works for finding in findings) else 1)


def _settings(flags: dict[str, Any]) -> Settings:
    """
    Return the settings; where they cannot be used, say everything that is wrong with them and leave with status
    2.
    """
    try:
        return load_settings(flags, os.environ, Path.cwd())  # noqa: TID251 - read once, at the start of the process
    except SettingsError as error:
        for problem in error.problems:
            click.echo(f"error: {problem}", err=True)
        sys.exit(2)


def _welcome(key: str, settings: Settings) -> str:
    """Return what the first start says: the key, once, and how to use it."""
    host, port = settings.server.host, settings.server.port
    return f"""
This is the first start, so a key was made. It is shown this once; only its digest is kept.

    {key}

Try it:

    curl http://{host}:{port}/v1/chat/completions \\
      -H "Authorization: Bearer {key}" \\
      -H "Content-Type: application/json" \\
      -d '{{"model": "custom", "messages": [{{"role": "user", "content": "Hello!"}}]}}'
"""


def _hold_standard_streams() -> None:
    """
    Lead streams nowhere that the process was started without.

    Otherwise the next file or socket would get a stream's place, and what is printed would go there.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free, and that is this one
            setattr(sys, name, open(number, mode, encoding="utf-8"))  # noqa: PTH123, SIM115 - it stays open to the end


def _fail(reason: str) -> NoReturn:
    click.echo(f"error: {reason}", err=True)
    sys.exit(1)


if __name__ == "__main__":
    main()
