"""This gateway, by each of its kinds of provider, as its users run it."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path

from bench.targets.target import KEY, Launch, Site, Target
from bench.trouble import Missing

HERE = Path(__file__).parents[2]
CONFIG = """\
[auth]
keys = ["{key}"]

[providers.mock]
{provider}

[models.mock]
targets = [{{ provider = "mock", model = "mock-upstream" }}]

[routing]
default_provider = ""
"""
OPENAI = 'kind = "openai"\nbase_url = "http://{upstream}/v1"\napi_key = "sk-upstream"'
OLLAMA = 'kind = "ollama"\nbase_url = "http://{upstream}"'
CEREBRAS = 'kind = "cerebras"\nbase_url = "http://{upstream}"\napi_key = "sk-upstream"'
ADAPTER_CELLS = frozenset({"plain-1", "plain-32", "first-1", "paced-64", "flood-32"})
UNSET = ("ALLOWED_API_KEYS", "CEREBRAS_API_KEY", "CEREBRAS_BASE_URL", "OLLAMA_HOST", "GATEWAY_CONFIG", "KEY_PEPPER")


def gateway(name: str = "ours", checkout: Path = HERE) -> Target:
    """Return the gateway of a checkout with its own environment, in front of an OpenAI-compatible upstream."""
    about = "this gateway, kind openai: auth, alias, deadlines, hang-up watch, one log record a request, metrics"
    return Target(name, about, *_ways(checkout, OPENAI))


def ollama(name: str = "ours", checkout: Path = HERE) -> Target:
    """Return the gateway in front of an Ollama server."""
    about = "this gateway, kind ollama: OpenAI's dialect from Ollama's own"
    return Target(f"{name}-ollama", about, *_ways(checkout, OLLAMA), cells=ADAPTER_CELLS)


def cerebras(name: str = "ours", checkout: Path = HERE) -> Target:
    """Return the gateway in front of Cerebras, through its SDK."""
    about = "this gateway, kind cerebras: through the SDK"
    return Target(f"{name}-cerebras", about, *_ways(checkout, CEREBRAS), cells=ADAPTER_CELLS)


def _ways(checkout: Path, provider: str) -> tuple[partial[str], partial[Launch], partial[None]]:
    program = checkout / ".venv" / "bin" / "ai-gateway"
    if checkout == HERE:
        program = Path(sys.executable).with_name("ai-gateway")
    return partial(_version, checkout), partial(_launch, program, provider), partial(_install, program, checkout)


def _install(program: Path, checkout: Path) -> None:
    if not program.exists():
        raise Missing(f"The gateway in {checkout}", f"make -C {checkout} .venv/.run")


def _version(checkout: Path) -> str:
    asked = ["git", "-C", str(checkout), "describe", "--always", "--dirty"]
    told = subprocess.run(asked, capture_output=True, text=True, check=False)
    return told.stdout.strip() or "unknown"


def _launch(program: Path, provider: str, site: Site) -> Launch:
    config = site.folder / "gateway.toml"
    config.write_text(CONFIG.format(key=KEY, provider=provider.format(upstream=site.upstream)), encoding="utf-8")
    environ = dict.fromkeys(UNSET, "") | {"DATA_DIR": str(site.folder / "data")}
    return Launch((str(program), "serve", "--port", str(site.port), "--config", str(config)), environ)
