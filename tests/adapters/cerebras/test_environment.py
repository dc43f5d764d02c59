"""The process's environment has no say in how the gateway talks to Cerebras."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
EVIL = "http://127.0.0.1:9"  # nobody listens on the discard port
POISON = {
    "ALL_PROXY": EVIL,
    "CEREBRAS_API_KEY": "csk-of-the-environment",
    "CEREBRAS_BASE_URL": EVIL,
    "CEREBRAS_CUSTOM_HEADERS": "Authorization: Bearer evil\nX-Evil: 1",
    "CEREBRAS_LOG": "debug",
    "HTTPS_PROXY": EVIL,
    "HTTP_PROXY": EVIL,
    "NETRC": "/dev/null",
    "SSL_CERT_DIR": "/nowhere",
    "SSL_CERT_FILE": "/nowhere/at/all.pem",
    "http_proxy": EVIL,
}
PROGRAM = """
import asyncio, json, sys

opened = []
sys.addaudithook(lambda name, args: opened.append(name) if name in WATCHED else None)
WATCHED = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "subprocess.Popen", "os.system"}

from adapters.cerebras.provider import cerebras_provider
from adapters.wire.jsontext import document_of
from domain.chat import ChatRequest
from domain.ports.providers import Call
from tests.fakes.cerebras_double import CerebrasDouble

early = "cerebras" in sys.modules and "adapters.cerebras.client" in sys.modules

async def main():
    request = ChatRequest("m", document_of({"messages": [{"role": "user", "content": "prompt"}]}))
    async with CerebrasDouble() as double:
        opened.clear()
        provider = cerebras_provider("csk-given", double.url)
        constructed = opened.copy()
        await provider.complete(request, Call("m"))
        sent = opened[len(constructed):]
    headers = {name.lower(): value for name, value in double.seen[0].headers}
    print(json.dumps({"early": early, "constructed": constructed, "sent": sent, "headers": headers}))

asyncio.run(main())
"""


@pytest.fixture(scope="module")
def told() -> dict[str, Any]:
    """Return what a process with a poisoned environment saw; what it wrote beside is under `stderr`."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=POISON, capture_output=True, text=True, check=True
    )
    return {**json.loads(done.stdout), "stderr": done.stderr}


def test_the_request_goes_where_it_should_with_the_key_that_was_given(told: dict[str, Any]) -> None:
    headers = told["headers"]

    assert headers["authorization"] == "Bearer csk-given"
    assert "x-evil" not in headers


def test_construction_opens_nothing_and_a_request_opens_one_connection(told: dict[str, Any]) -> None:
    assert told["constructed"] == []
    assert told["sent"] == ["socket.connect"]


def test_the_log_that_the_sdk_would_write_stays_empty(told: dict[str, Any]) -> None:
    assert told["stderr"] == ""


def test_the_sdk_is_imported_no_sooner_than_a_provider_is_made(told: dict[str, Any]) -> None:
    assert told["early"] is False
