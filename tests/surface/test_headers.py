"""Headers, both ways: closed lists, whatever a caller or an upstream puts into theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fakes.cerebras_double import HEADERS as CEREBRAS_HEADERS
from tests.fakes.changes import headers_added
from tests.fakes.openai_dialect import HEADERS as LAB_HEADERS
from tests.fakes.process import KEY
from tests.fakes.scenarios import Scenario
from tests.surface.providers import (
    AUTHORIZED,
    CREDENTIALS,
    HELLO,
    MODELS,
    NAMES,
    Name,
    Site,
    head_of,
    raw_answer,
    told,
)

pytest_plugins = ("tests.surface.doubled",)

Headers = Sequence[tuple[bytes, bytes]]

FRAMING = frozenset({b"content-length", b"transfer-encoding", b"host", b"content-type", b"content-encoding", b"expect"})
"""They say how the request itself is to be read, and are refused or needed."""
HOSTILE: Headers = (
    (b"Authorization", b"Bearer header-canary"),
    (b"X-Api-Key", b"header-canary"),
    (b"Api-Key", b"header-canary"),
    (b"Cookie", b"session=header-canary"),
    (b"Forwarded", b"for=header-canary;proto=https"),
    (b"X-Forwarded-For", b"169.254.169.254"),
    (b"X-Forwarded-Host", b"header-canary"),
    (b"X-Forwarded-Proto", b"https"),
    (b"X-Real-IP", b"header-canary"),
    (b"Via", b"1.1 header-canary"),
    (b"Proxy-Authorization", b"Basic header-canary"),
    (b"Keep-Alive", b"timeout=header-canary"),
    (b"TE", b"trailers"),
    (b"Trailer", b"X-Nominated"),
    (b"HTTP2-Settings", b"AAMAAABkAAQCAAAAAAIAAAAA"),
    (b"X-Nominated", b"header-canary"),
    (b"OpenAI-Organization", b"org-header-canary"),
    (b"OpenAI-Project", b"proj-header-canary"),
    (b"X-Stainless-Lang", b"header-canary"),
    (b"X-Stainless-Retry-Count", b"7"),
    (b"Idempotency-Key", b"header-canary"),
    (b"User-Agent", b"header-canary"),
    (b"Accept-Encoding", b"gzip, br"),
    (b"Accept", b"header-canary"),
    (b"X-Base-Url", b"http://header-canary"),
    (b"X-Request-Id", b"header-canary"),
    (b"Traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    (b"X-HTTP-Method-Override", b"DELETE"),
    (b"Range", b"bytes=0-1"),
)
_TOKEN = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NAMES = st.lists(st.sampled_from([bytes([char]) for char in _TOKEN]), min_size=1, max_size=20).map(b"".join)
_VALUES = st.lists(st.integers(0x20, 0xFF).filter(lambda char: char != 0x7F), max_size=40).map(
    lambda v: bytes(v).strip()
)
_CONNECTION = st.lists(st.sampled_from([b"close", b"X-Nominated", b"Authorization", b"Content-Type"]), max_size=3).map(
    lambda names: (b"Connection", b", ".join([*names, b"close"]))
)
HEADER_SETS = st.lists(
    st.one_of(st.sampled_from(HOSTILE), _CONNECTION, st.tuples(_NAMES, _VALUES)).filter(
        lambda header: header[0].lower() not in FRAMING
    ),
    max_size=12,
)

SECURITY = {"x-content-type-options", "x-frame-options", "referrer-policy"}
PRIVATE = {"cache-control", "vary"}
JOURNEY = {"x-gateway-provider", "x-gateway-model", "x-gateway-attempts"}
ALWAYS = {"content-type", "x-request-id", "openai-processing-ms", *SECURITY}

INJECTIONS = (
    "a\r\nset-cookie: evil=1",
    "a\n\ndata: [DONE]\n\n",
    "a\u2028b\u2029c\u0085d",
    "\u0000\u0001\u001b[31m",
    "'; DROP TABLE keys; --",
    "{{7*7}}${7*7}<%= 7*7 %>",
    "../../../../etc/passwd",
    '"},"level":"critical","event":"forged',
    "é😀漢",
    "%0d%0aset-cookie:%20evil=1",
    "x" * 480,
)


def chat_with(site: Site, model: str, headers: Headers) -> bytes:
    """Ask for a chat with raw headers, after the good key; return all that comes back."""
    body = json.dumps({"model": model, "messages": HELLO}).encode()
    closing = [] if any(name.lower() == b"connection" for name, _ in headers) else [(b"Connection", b"close")]
    return raw_answer(site.url, head_of("/v1/chat/completions", len(body), [*headers, *closing]) + body)


def sent_to(site: Site, name: Name) -> list[tuple[str, str]]:
    """Return the headers that a double saw last, in order, but for the length of the body."""
    return sorted((key.lower(), value) for key, value in site.last(name).headers if key.lower() != "content-length")


def expected_headers(site: Site, name: Name) -> list[tuple[str, str]]:
    """Return all headers that a provider of our own wire gets."""
    return [
        ("accept-encoding", "identity"),
        ("authorization", f"Bearer {CREDENTIALS[name]}"),
        ("content-type", "application/json"),
        ("host", site.doubles[name].url.removeprefix("http://")),
        ("user-agent", "ai-gateway"),
    ]


@pytest.mark.parametrize("name", ["lab", "ollama"])
def test_upstream_gets_these_headers_and_no_others(site: Site, name: Name) -> None:
    """What the request needs, the gateway's own credential, and the wish for an answer that is not compressed."""
    site.chat(f"{name}/{MODELS[name]}")

    connection = [("connection", "close")] if site.last(name).header("connection") == "close" else []
    assert sorted([*expected_headers(site, name), *connection]) == sent_to(site, name)


def test_cerebras_gets_the_headers_of_its_sdk_and_no_others(site: Site) -> None:
    """Among them nothing of the machine's but what the package tells everyone."""
    site.chat("cerebras/x")

    sent = dict(sent_to(site, "cerebras"))
    others = {name for name in sent if not name.startswith("x-stainless-")}
    assert {"accept", "accept-encoding", "authorization", "content-type", "host", "user-agent"} == others - {
        "connection"
    }
    assert (f"Bearer {CREDENTIALS['cerebras']}", "identity") == (sent["authorization"], sent["accept-encoding"])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("header", HOSTILE, ids=lambda header: header[0].decode())
def test_header_of_the_caller_does_not_pass(site: Site, name: Name, header: tuple[bytes, bytes]) -> None:
    """Each of them alone, and nominated in `Connection`: the upstream sees what it sees without it."""
    site.chat(f"{name}/x")
    without = sent_to(site, name)

    chat_with(site, f"{name}/x", [header, (b"Connection", b"close, " + header[0])])

    assert without == sent_to(site, name)
    assert 2 == len(site.asked(name))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(headers=HEADER_SETS)
def test_no_set_of_headers_passes(site: Site, name: Name, headers: Headers) -> None:
    """The headers to the upstream are the same for every caller, whatever the caller sends."""
    site.forget()
    site.chat(f"{name}/x")
    without = sent_to(site, name)

    answer = chat_with(site, f"{name}/x", headers)

    seen = site.asked(name)
    assert without == sent_to(site, name)
    assert (2 if answer.startswith(b"HTTP/1.1 200 ") else 1) == len(seen)


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=2_000, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(headers=HEADER_SETS)
def test_really_no_set_of_headers_passes(site: Site, name: Name, headers: Headers) -> None:
    """The same for many more."""
    site.forget()
    site.chat(f"{name}/x")
    without = sent_to(site, name)

    chat_with(site, f"{name}/x", headers)

    assert without == sent_to(site, name)


@pytest.mark.wire
@pytest.mark.parametrize("connection", [b"Upgrade, HTTP2-Settings", b"Upgrade"])
def test_offer_to_speak_another_protocol_is_declined(site: Site, connection: bytes) -> None:
    """Clients that offer HTTP/2 with a request, as Java's and curl's do, are answered by HTTP/1.1 each time."""
    body = json.dumps({"model": "lab/x", "messages": HELLO}).encode()
    offer = [(b"Connection", connection), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMAAABkAAQCAAAAAAIAAAAA")]
    second = head_of("/v1/chat/completions", len(body), [(b"Connection", b"close")]) + body

    answer = raw_answer(site.url, head_of("/v1/chat/completions", len(body), offer) + body + second, 2)

    assert 2 == answer.count(b"HTTP/1.1 200 OK\r\n"), answer
    assert ["upgrade" not in seen.header_names for seen in site.asked("lab")] == [True, True]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("scenario", ["text", "hop-headers", "429", "400", "500", "302"])
@pytest.mark.parametrize("name", NAMES)
def test_of_an_upstreams_headers_only_limits_pass(site: Site, name: Name, scenario: str, stream: bool) -> None:
    """No cookie, no server, no organization, no hop's own: the set of names is closed."""
    headers = {"cerebras": CEREBRAS_HEADERS, "ollama": (), "lab": LAB_HEADERS}[name]
    limits = {key for key, _ in headers if key.startswith("x-ratelimit-")}
    more = {"retry-after"} if scenario == "429" else set()

    answer = site.chat(f"{name}/fault-{scenario}", stream=stream)

    streamed = stream and answer.status_code == 200
    framing = {"transfer-encoding", "x-accel-buffering"} if streamed else {"content-length"}
    assert ALWAYS | PRIVATE | JOURNEY | framing | limits | more == set(answer.headers)
    assert len(answer.headers.raw) == len(answer.headers)
    assert "canary" not in str(answer.headers.raw)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("x-ratelimit-limit-requests", "1\r\nSet-Cookie: evil=1"),
        ("x-ratelimit-limit-requests", "1\nSet-Cookie: evil=1"),
        ("x-ratelimit-limit-requests", "1\r\n\r\n<script>evil</script>"),
        ("x-ratelimit-limit-requests", "1\x00evil=1"),
        ("x-ratelimit-limit-requests", "1\revil=1"),
        ("x-ratelimit-remaining-tokens", "1;\xffevil=1"),
        ("x-ratelimit-remaining-tokens", "evil=1" * 200),
        ("retry-after", "1\r\nX-Evil: evil=1"),
        ("x-ratelimit-evil", "evil=1"),
    ],
)
def test_header_of_an_upstream_injects_nothing(site: Site, header: str, value: str) -> None:
    """A broken header is dropped, or the answer is none; what follows a line end never becomes a header or a body."""
    site.doubles["lab"].next(Scenario("injecting", change=(headers_added((header, value)),)))

    answer = site.chat("lab/x")

    assert answer.status_code in {200, 502}
    assert "evil" not in str(answer.headers.raw)
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/chat/completions", {"model": "lab/x", "messages": HELLO}),
        ("POST", "/v1/chat/completions", {"model": "lab/x", "messages": HELLO, "stream": True}),
        ("POST", "/v1/chat/completions", {"model": "lab/fault-500", "messages": HELLO}),
        ("POST", "/v1/chat/completions", {"model": "lab/fault-close-early", "messages": HELLO}),
        ("POST", "/v1/chat/completions", {"model": "nothing", "messages": HELLO}),
        ("POST", "/v1/chat/completions", {}),
        ("POST", "/v1/completions", {"model": "lab/x", "prompt": "x"}),
        ("POST", "/v1/embeddings", {"model": "lab/x", "input": "x"}),
        ("POST", "/cerebras/v1/embeddings", {"model": "x", "input": "x"}),
        ("POST", "/ollama/v1/chat/completions", {"model": "x", "messages": HELLO}),
        ("POST", "/custom/v1/completions", {"model": "x", "prompt": "x"}),
        ("POST", "/nothing/v1/chat/completions", {}),
        ("GET", "/v1/models", None),
        ("GET", "/v1/models/lab/gpt-5-mini", None),
        ("GET", "/v1/models/nothing", None),
        ("GET", "/lab/v1/models", None),
        ("GET", "/lab/v1/models/gpt-5-mini", None),
        ("GET", "/v1/chat/completions", None),
        ("DELETE", "/v1/models", None),
        ("GET", "/v1/nothing", None),
        ("GET", "/admin/v1/keys", None),
    ],
)
@pytest.mark.parametrize("key", [KEY, "nope", ""])
def test_answers_to_callers_are_stored_nowhere(site: Site, method: str, path: str, body: object, key: str) -> None:
    """Every answer on a path that needs a key, good or bad, is private."""
    headers = {"authorization": f"Bearer {key}"} if key else {}

    answer = site.http.request(method, site.url + path, json=body, headers=headers)

    assert "private, no-store" == answer.headers["cache-control"]
    assert "Authorization" == answer.headers["vary"]
    assert "nosniff" == answer.headers["x-content-type-options"]


# --- injection


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("text", INJECTIONS)
def test_strings_of_the_caller_stay_strings(site: Site, name: Name, text: str, stream: bool) -> None:
    """In the model's name and every other member: they come back as they were, and are never header, event or line."""
    good = site.chat(f"{name}/x", stream=stream)

    answer = site.post(
        "/v1/chat/completions",
        {
            "model": f"{name}/{text}",
            "messages": [{"role": "user", "content": text, "name": "x"}],
            "stream": stream,
            "user": text,
        },
    )

    assert good.status_code == answer.status_code
    assert set(good.headers) == set(answer.headers)
    assert re.fullmatch(r"[\x21-\x7e]+", answer.headers["x-gateway-model"])
    if stream:
        said, usual = told(answer.content), told(good.content)
        assert (usual.events, usual.text, {f"{name}/{text}"}) == (
            said.events,
            said.text,
            {chunk["model"] for chunk in said.chunks},
        )
    else:
        assert f"{name}/{text}" == answer.json()["model"]
    assert text == site.last(name).model


@pytest.mark.parametrize("text", INJECTIONS)
def test_strings_in_errors_stay_strings(site: Site, text: str) -> None:
    """Names that nobody knows, and members that are wrong, are told in JSON and nowhere else."""
    asked: list[tuple[str, object]] = [
        ("/v1/chat/completions", {"model": f"nothing/{text}", "messages": HELLO}),
        ("/v1/chat/completions", {"model": "lab/x", "messages": [{"role": text, "content": 1}]}),
        ("/v1/chat/completions", {"model": "lab/x", "messages": HELLO, text: 1, "metadata": {text: 1}}),
        ("/v1/embeddings", {"model": f"cerebras/{text}", "input": text}),
        ("/v1/completions", {"model": "custom/x", "prompt": text, "logprobs": text}),
    ]
    for path, body in asked:
        answer = site.post(path, body)

        assert 400 <= answer.status_code < 500
        assert {"message", "type", "param", "code"} == set(answer.json()["error"])
        assert "evil" not in answer.headers


@pytest.mark.parametrize("surrogate", ["\\ud800", "x\\udfffy"])
@pytest.mark.parametrize("stream", ["true", "false"])
@pytest.mark.parametrize("name", [*NAMES, "custom", "nothing"])
def test_half_of_a_character_is_no_fault_of_the_gateway(site: Site, name: str, surrogate: str, stream: str) -> None:
    """JSON can write what Unicode does not have; that is the caller's mistake, or passes, but never a 500."""
    for model, text in ((surrogate, "hello"), ("x", surrogate)):
        body = f'{{"model":"{name}/{model}","messages":[{{"role":"user","content":"{text}"}}],"stream":{stream}}}'

        answer = site.post("/v1/chat/completions", body.encode())

        assert answer.status_code in {200, 400, 404}, answer.text


@pytest.mark.parametrize("given", ["a b", "a" * 129, "é", "a\tb", "<script>", '"quoted"', "", "a,b", "a;b", "../x"])
def test_odd_request_id_is_not_kept(site: Site, given: str) -> None:
    """An id that could break something is replaced by one of ours, in the answer and in the log."""
    request = head_of("/nowhere", 0, [(b"X-Request-Id", given.encode()), (b"Connection", b"close")])

    head = raw_answer(site.url, request).partition(b"\r\n\r\n")[0].decode("latin-1").lower()

    kept = re.search(r"^x-request-id: (.*)$", head, re.MULTILINE)
    assert kept is not None
    assert re.fullmatch(r"[a-z0-9._:-]{1,128}", kept[1].strip())
    assert given.lower() != kept[1].strip()


@pytest.mark.parametrize("given", ["a", "A.b_c:d-9", "a" * 128])
def test_sane_request_id_is_kept(site: Site, given: str) -> None:
    """The caller finds the request again."""
    answer = site.http.get(f"{site.url}/v1/models", headers={**AUTHORIZED, "x-request-id": given})

    assert given == answer.headers["x-request-id"]


@pytest.mark.wire
@pytest.mark.parametrize(
    "request_text",
    [
        b"GET /v1/models HTTP/9.9\r\n\r\n",
        b"FETCH /v1/models HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /v1/models HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=["version", "method", "header", "TLS"],
)
def test_what_is_no_http_is_refused_as_everything_is(site: Site, request_text: bytes) -> None:
    """Also what the server's parser refuses gets the four members, an id, and the end of its connection."""
    head, _, body = raw_answer(site.url, request_text, 5).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 400 ") or (request_text.startswith(b"FETCH") and b" 405 " in head[:16])
    assert b"\r\nx-request-id: " in head.lower()
    assert {"message", "type", "param", "code"} == set(json.loads(body)["error"])


def test_every_line_of_the_log_is_one_object(site: Site) -> None:
    """Whatever callers and upstreams say: names of models, ids and paths break no line."""
    for number, text in enumerate(INJECTIONS):
        site.post("/v1/chat/completions", {"model": f"lab/{text}", "messages": HELLO})
        site.chat("nothing", user=text)
        site.http.get(f"{site.url}/v1/models/{quote(text[:500])}", headers=AUTHORIZED)
        raw_answer(
            site.url,
            head_of(f"/x{number}", 0, [(b"X-Request-Id", text[:99].encode()), (b"Connection", b"close")])
            if text.isprintable()
            else head_of(f"/x{number}", 0, [(b"Connection", b"close")]),
        )
    site.post("/v1/chat/completions", {"model": "lab/x", "messages": HELLO}, {"x-request-id": "last-of-these"})
    site.gateway.out.wait_for("last-of-these")

    records = site.gateway.out.records
    assert all(record["event"] for record in records)
    assert "forged" not in {record["event"] for record in records}
    assert {"debug", "info", "warning", "error"} >= {record["level"] for record in records}
    assert [] == [line for line in site.gateway.out.lines if not line.rstrip("\n").isprintable()]
