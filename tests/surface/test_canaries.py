"""Secrets go through a gateway with every fault on, at its most talkative; none of them is found anywhere after."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import attrs
import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from domain.journey import Ending
from tests.fakes import process
from tests.fakes.changes import body_of, messages_changed, status_set
from tests.fakes.dialect import Fault
from tests.fakes.scenarios import Scenario
from tests.surface import providers
from tests.surface.canaries import Canary, canaries_of, dump_of, leaks, traces
from tests.surface.providers import AUTHORIZED, NAMES, Name, Site, raw_answer, running_site, wait_for_models

pytest_plugins = ("tests.surface.doubled",)

PEPPER = "Pq7+pepper/canary=0Zx%w3v8m2k9c4"
KEY = "Gk7+gateway/canary=0Zx%a1"
STRANGE_KEY = "Sk7+stranger/canary=0Zx%b2"
QUERY_KEY = "Qk7+query/canary=0Zx%c3"
CREDENTIALS: dict[Name, str] = {
    "cerebras": "csk-Ck7canary0Zxd4m8v2",
    "ollama": "0k7canary3f9a1b.Zxe5OllamaCloud",
    "lab": "Lk7+lab/canary=0Zx%f6",
}
PROMPT = 'prompt "canary" Zürich \\ 😀'
ARGUMENTS = "arguments-canary-81z"
SECRETS = [
    Canary("gateway key", KEY, peppers=(PEPPER, "ai-gateway: nothing is kept")),
    Canary("stranger's key", STRANGE_KEY, peppers=(PEPPER, "ai-gateway: nothing is kept")),
    Canary("pepper", PEPPER),
    Canary("key in a query", QUERY_KEY),
    *[Canary(f"credential of {name}", credential, peppers=(PEPPER,)) for name, credential in CREDENTIALS.items()],
]
CONTENT = [Canary("prompt", PROMPT, secret=False), Canary("arguments", ARGUMENTS, secret=False)]
HANDLER = '''
class Leaky:
    """Fails with all that it knows in its words."""

    async def complete(self, request, call):
        secret = {"request": request, "call": call}
        raise RuntimeError(f"cannot do {request!r} {secret!r}")

    async def stream(self, request, call):
        raise ValueError(str(request), call)
        yield []
'''
API = ("chat/completions", "completions", "embeddings", "models", "models/{model:path}")
LABELS = {
    "method": {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "other"},
    "provider": {*NAMES, "custom", "none", "other"},
    "ending": {ending.value for ending in Ending},
    "kind": {"prompt", "completion", "cached", "reasoning"},
    "route": {
        *(f"/v1/{path}" for path in API),
        *(f"/{{provider}}/v1/{path}" for path in API),
        *("/healthz", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs", "(none)", "other"),
    },
}
ECHOES = [
    Scenario(f"echo-{status}", fault=Fault(status, echo=True)) for status in (400, 401, 403, 404, 422, 429, 500, 503)
]


FAULTS = (
    *(
        "400",
        "401",
        "402",
        "403",
        "404",
        "429",
        "500",
        "503",
        "400-html",
        "500-html",
        "500-text",
        "302",
        "html",
        "empty",
    ),
    *(
        "text",
        "tools",
        "malformed",
        "not-object",
        "no-choices",
        "hop-headers",
        "gzip",
        "error-first",
        "error-mid-stream",
    ),
    *("close-early", "reset-early", "cut-head", "early-eof", "reset", "silence", "400-echo", "401-echo", "500-echo"),
)


@attrs.frozen
class Run:
    """What a gateway left behind, and what its callers got, by what was asked."""

    traces: dict[str, bytes]
    answers: dict[str, bytes]
    asked: int


def asking(model: str, *, stream: bool = False) -> dict[str, object]:
    """Return a chat whose every free text is a canary."""
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": json.dumps({"a": ARGUMENTS})}}
    return {
        "model": model,
        "stream": stream,
        "messages": [
            {"role": "user", "content": PROMPT},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": PROMPT},
        ],
    }


def telling(credential: str) -> list[Scenario]:
    """Return scenarios of an upstream that repeats the credential wherever an error has room for it."""
    detail = dict.fromkeys(("message", "type", "param", "code"), credential)
    forms = [{"error": detail}, detail, {"error": credential}, {"error": {"message": f"bad token {credential}!"}}]
    bodies = [json.dumps(form).encode() + b"\n" for form in forms]
    whole = [
        Scenario(f"telling-{status}-{number}", change=(body_of(body), status_set(status)))
        for status in (400, 500, 200)
        for number, body in enumerate(bodies)
    ]
    pieces = [
        Scenario(f"telling-in-band-{number}", change=(messages_changed(_ending_with(body)),))
        for number, body in enumerate(bodies)
    ]
    return [*whole, *pieces]


def _ending_with(body: bytes) -> Callable[[list[bytes]], list[bytes]]:
    """Return what puts an error in the place of a stream's second half, as an event or a line."""

    def ended(messages: list[bytes]) -> list[bytes]:
        said = b"data: " + body + b"\n" if messages[0].startswith(b"data:") else body
        return [*messages[: len(messages) // 2], said]

    return ended


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Ask for everything with every fault, and end the gateway."""
    folder = tmp_path_factory.mktemp("canaries")
    (folder / "leaky.py").write_text(HANDLER, encoding="utf-8")
    environ = {"ALLOWED_API_KEYS": json.dumps([KEY]), "KEY_PEPPER": PEPPER, "DATA_DIR": str(folder / "data")}
    more = '[providers.leaky]\nkind = "custom"\nhandler = "leaky:Leaky"\n'
    with running_site(folder, environ, CREDENTIALS, more, wait_s=0.3) as site:
        wait_for_models(site, KEY)
        answers = {what: dump_of(answer) for what, answer in _asked(site)}
        answers["broken HTTP"] = raw_answer(site.url, b"GET /" + QUERY_KEY.encode() + b" HTTP/9.9\r\nX: \0\r\n\r\n")
        site.gateway.end()
        return Run(traces(site.gateway, folder / "data"), answers, len(answers))


def _asked(site: Site) -> Iterator[tuple[str, httpx.Response]]:
    """Ask for everything; give each answer with what it answers."""
    good = {"authorization": f"Bearer {KEY}"}
    for name in NAMES:
        double = site.doubles[name]
        for stream in (False, True):
            for scenario in FAULTS:
                yield (
                    f"{name} {scenario} {stream}",
                    site.post("/v1/chat/completions", asking(f"{name}/fault-{scenario}", stream=stream), good),
                )
            for echo in [*ECHOES, *telling(CREDENTIALS[name])]:
                double.next(echo)
                yield (
                    f"{name} {echo.name} {stream}",
                    site.post("/v1/chat/completions", asking(f"{name}/x", stream=stream), good),
                )
        yield f"{name} text", site.post(f"/{name}/v1/completions", {"model": "x", "prompt": PROMPT}, good)
        yield f"{name} vectors", site.post(f"/{name}/v1/embeddings", {"model": "x", "input": [PROMPT]}, good)
    for stream in (False, True):
        yield f"leaky {stream}", site.post("/leaky/v1/chat/completions", asking("x", stream=stream), good)
    yield from _refused(site, good)
    yield "metrics", site.http.get(f"{site.url}/metrics")
    yield "models", site.http.get(f"{site.url}/v1/models", headers=good)


def _refused(site: Site, good: dict[str, str]) -> Iterator[tuple[str, httpx.Response]]:
    """Ask for what the gateway itself refuses."""
    chat = "/v1/chat/completions"
    for number, headers in enumerate(
        (
            {"authorization": f"Bearer {STRANGE_KEY}"},
            {"authorization": f"Basic {STRANGE_KEY}"},
            {"authorization": f"Bearer {KEY[:-1]}"},
            {"authorization": "", "x-api-key": STRANGE_KEY},
            {"authorization": "", "api-key": f"{KEY}x"},
            {"authorization": "", "cookie": f"key={KEY}"},
        )
    ):
        yield f"bad key {number}", site.post(chat, asking("lab/x"), headers)
    for query in (f"api_key={quote(QUERY_KEY)}", f"key={quote(QUERY_KEY, safe='')}", f"access_token={quote(KEY)}"):
        yield f"key in query {query[:5]}", site.http.get(f"{site.url}/v1/models?{query}")
        yield f"keys in query {query[:5]}", site.post(f"{chat}?{query}", asking("lab/x"), good)
        yield f"unknown path {query[:5]}", site.http.get(f"{site.url}/nothing?{query}", headers=good)
    whole = json.dumps(asking("lab/x"), ensure_ascii=False).encode()
    wrong = {
        "cut": whole[:-9],
        "latin-1": whole.decode().replace("😀", "").encode("latin-1"),
        "twice": whole[:-1] + b', "model": "x"}',
        "array": b"[" + whole + b"]",
        "type": json.dumps({**asking("lab/x"), "temperature": PROMPT, "tools": [ARGUMENTS]}).encode(),
        "deep": whole[:-1] + b', "x": ' + b"[" * 99 + b"]" * 99 + b"}",
    }
    for what, body in wrong.items():
        yield f"wrong {what}", site.post(chat, body, good)
    yield "wrong kind", site.post(chat, whole, {**good, "content-type": "text/plain"})
    yield "compressed", site.post(chat, whole, {**good, "content-encoding": "gzip"})


def test_run_was_asked_much(run: Run) -> None:
    """The proof is worth something only where there was something to leak."""
    assert run.asked > 300
    assert run.traces["stdout"].count(b'"event":"request"') >= 300
    assert any(b"HTTP" in answer or b"[DONE]" in answer for answer in run.answers.values())


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
def test_secret_is_in_nothing_that_the_gateway_wrote(run: Run, secret: Canary) -> None:
    """Neither in its log nor beside it nor in its data, whole, encoded, digested or by its beginning."""
    assert [] == leaks(run.traces, [secret])


@pytest.mark.parametrize("secret", SECRETS, ids=lambda secret: secret.name)
def test_secret_is_in_no_answer(run: Run, secret: Canary) -> None:
    """Whatever the upstream said of it, in whatever form: no body, no header, no metric."""
    assert [] == leaks(run.answers, [secret])


@pytest.mark.parametrize("content", CONTENT, ids=lambda content: content.name)
def test_content_is_not_kept_nor_told(run: Run, content: Canary) -> None:
    """Prompts and arguments are in no log and no file; no provider here repeats them, and neither does the gateway."""
    assert [] == leaks(run.traces, [content])
    assert [] == leaks(run.answers, [content])


def test_first_key_is_shown_once_and_kept_nowhere(tmp_path: Path) -> None:
    """Its holder reads it at the first start; its file has a digest that only the pepper makes."""
    environ = {"ALLOWED_API_KEYS": "", "KEY_PEPPER": PEPPER, "LOG_LEVEL": "debug"}
    with process.gateway_process(tmp_path, environ) as running:
        found = re.search(r"sk-gw-\w+", running.err.wait_for("sk-gw-"))
        assert found is not None
        with httpx.Client(base_url=running.url) as client:
            headers = {"authorization": f"Bearer {found[0]}"}
            asked = asking("custom")
            answers = {
                path: dump_of(client.request(method, path, headers=headers, json=asked if method == "POST" else None))
                for method, path in [
                    ("GET", "/v1/models"),
                    ("POST", "/v1/chat/completions"),
                    ("GET", f"/v1/models?api_key={found[0]}"),
                    ("GET", "/v1/nothing"),
                    ("GET", "/metrics"),
                ]
            }
        running.end()
    places = {**traces(running, tmp_path / "data"), **answers}
    shown, kept = places.pop("stderr"), places.pop("file keys.json")
    key, pepper = Canary("first key", found[0], peppers=(PEPPER,)), Canary("pepper", PEPPER)

    assert answers["/v1/models"].startswith(b"content-type: application/json")
    assert [] == leaks(places, [key, pepper])
    assert [] == leaks({"keys.json": kept}, [attrs.evolve(key, secret=False), pepper])
    assert [] == leaks({"stderr": shown}, [pepper])
    assert 1 <= shown.count(found[0].encode()) <= 2, "it is shown by itself, and in a command that uses it"


def test_labels_of_metrics_are_closed_sets(site: Site) -> None:
    """Callers can ask for what they like: no name, path or method of theirs becomes a label."""
    drawn = random.Random(149)
    words = ["".join(drawn.choices("abcdefghijklmnopqrstuvwxyz0123456789-_.", k=12)) for _ in range(300)]
    for number, word in enumerate(words):
        model = [word, f"lab/{word}", f"{word}/{word}", f"custom/{word}"][number % 4]
        match number % 5:
            case 0:
                site.http.get(f"{site.url}/{word}", headers=AUTHORIZED)
            case 1:
                site.http.get(f"{site.url}/v1/models/{word}", headers={"authorization": f"Bearer {word}"})
            case 2:
                site.http.request(word.upper().strip("-_.0123456789") or "X", f"{site.url}/v1/models")
            case 3:
                site.post(f"/{word}/v1/chat/completions", {"model": word})
            case _:
                site.post("/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": word}]})

    text = site.http.get(f"{site.url}/metrics").text

    assert [] == [word for word in words if word in text]
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    assert [] == [sample for sample in samples if not all(map(_is_closed, sample.labels, sample.labels.values()))]
    assert any(sample.labels.get("route") == "(none)" for sample in samples)


def _is_closed(label: str, value: str) -> bool:
    """Whether a label's value is one of those that can be told beforehand."""
    return value.isdecimal() if label == "status" else label == "le" or value in LABELS[label]


def test_output_of_the_standing_gateway_has_no_secrets(site: Site) -> None:
    """What all the other tests made it say is searched too."""
    site.chat("lab/fault-401-echo")
    secrets = canaries_of(
        key=process.KEY, **{f"credential_of_{name}": text for name, text in providers.CREDENTIALS.items()}
    )

    assert [] == leaks(traces(site.gateway), secrets)
