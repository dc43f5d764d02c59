"""No request, whatever is in it, makes the gateway run code that is not its own; an audit hook watches the process."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from tests.fakes.process import KEY, gateway_process
from tests.surface.providers import HELLO, Site

pytest_plugins = ("tests.surface.doubled",)

AUTHORIZED = {"authorization": f"Bearer {KEY}"}
PLANTED = "planted-by-input"
HOSTILE = [
    f"__import__('os').system('touch {PLANTED}')",
    f"exec(\"open('{PLANTED}','w')\")",
    f"{{{{7*7}}}} ${{{{T(java.lang.Runtime)}}}} <%= `touch {PLANTED}` %> $(touch {PLANTED}); `touch {PLANTED}` | sh &",
    f'!!python/object/apply:os.system ["touch {PLANTED}"]',
    "{0.__class__.__mro__[1].__subclasses__} %(__class__)s %s %n",
    "tabnanny",
    "tabnanny:check",
    "file:///etc/passwd",
    pickle.dumps(print, 0).decode(),
]
HANDLER = """
import os
import pickle


class Obliging:
    async def complete(self, request, call):
        said = request.document.members["user"].decode()
        eval(said)
        __import__(eval(said))
        pickle.loads(pickle.dumps(print))
        os.system("true")

    async def stream(self, request, call):
        yield ()
"""
CONFIG = '[providers.obliging]\nkind = "custom"\nhandler = "obliging:Obliging"\n'


def bodies(text: str) -> Iterator[tuple[str, Any]]:
    """Give requests that have a text wherever a text may be, and where none may."""
    schema = {
        "type": "object",
        "title": text,
        "properties": {text: {"type": "string", "pattern": text, "format": text}},
    }
    message = {"role": "user", "content": [{"type": "text", "text": text}], "name": text}
    chat: dict[str, Any] = {"model": "custom", "messages": [message]}
    function = {"name": "f", "description": text, "parameters": schema}
    called = {"id": text, "type": "function", "function": {"name": text, "arguments": text}}
    yield "chat/completions", {**chat, "user": text, "metadata": {"a": text}, "stop": text[:30], text: text}
    yield "chat/completions", {**chat, "tools": [{"type": "function", "function": function}], "tool_choice": "required"}
    yield "chat/completions", {**chat, "messages": [message, {"role": "assistant", "tool_calls": [called]}]}
    format_ = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema, "description": text}}
    yield "chat/completions", {**chat, "response_format": format_, "stream": True}
    yield "chat/completions", {**chat, "model": text}
    yield "chat/completions", {**chat, "messages": text, "response_format": {"type": text}}
    yield (
        "chat/completions",
        {**chat, "handler": text, "provider": text, "base_url": text, "kind": text, "api_key": text},
    )
    yield "completions", {"model": "custom", "prompt": [text, text], "suffix": text}
    yield "embeddings", {"model": "custom", "input": [text], "encoding_format": text}
    yield "embeddings", {"model": "custom", "input": text}


def ask_everything(url: str, text: str) -> Iterator[httpx.Response]:
    """Send a text to every route, in every place of a request."""
    header = text.replace("\n", " ")
    segment = quote(text, safe="")
    with httpx.Client(base_url=url, headers={**AUTHORIZED, "x-request-id": header}, timeout=30) as client:
        for path, body in bodies(text):
            yield client.post(f"/v1/{path}", json=body)
        for prefix in ("custom", "lab", segment):
            yield client.post(f"/{prefix}/v1/chat/completions", json={"model": text, "messages": HELLO, "user": text})
            yield client.get(f"/{prefix}/v1/models/{segment}", params={"q": text, text: text})
        for path in ("chat/completions", "completions", "embeddings"):
            yield client.post(f"/v1/{path}", content=text.encode())
            yield client.post(f"/v1/{path}", content=pickle.dumps(text), headers={"content-type": header})
        for path in ("v1/models", "healthz", "livez", "readyz", "metrics", "openapi.json", "docs", segment):
            yield client.get(f"/{path}", params={"q": text}, headers={"user-agent": header})
        yield client.get("/v1/models", headers={"authorization": f"Bearer {header}"})
        yield client.get("/v1/models", headers={"authorization": header})


@pytest.mark.parametrize("text", HOSTILE)
def test_what_looks_like_code_is_a_text(site: Site, text: str) -> None:
    """Nothing is evaluated, imported, unpickled or started, on any route, and no answer is the gateway's fault."""
    statuses = {answer.status_code for answer in ask_everything(site.url, text)}

    assert [] == site.gateway.audit.strange
    assert not Path(f"/proc/{site.gateway.process.pid}/cwd/{PLANTED}").exists()
    assert {200, 400, 401, 404, 415} >= statuses > {200, 400}


def test_code_that_was_run_would_be_noticed(tmp_path: Path) -> None:
    """The hook sees a handler that does what it is told: in whatever way code comes in, it shows."""
    (tmp_path / "obliging.py").write_text(HANDLER, encoding="utf-8")
    with gateway_process(tmp_path, config=CONFIG) as running:
        asked = {"model": "obliging/x", "messages": HELLO, "user": "tabnanny"}
        answer = httpx.post(f"{running.url}/v1/chat/completions", json=asked, headers=AUTHORIZED)
        seen = [(run.event, run.about) for run in running.audit.strange]
        running.audit.begin()

    assert 502 == answer.status_code
    assert [
        ("compile", "<string>"),
        ("exec", "<module> of <string>"),
        ("compile", "<string>"),
        ("exec", "<module> of <string>"),
        ("import", "tabnanny"),
        ("pickle.find_class", "builtins"),
        ("os.system", "b'true'"),
    ] == seen
