"""What callers get wrong: a typed error each, never a 5xx, and nothing reaches a provider."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.fakes.asgi import GOOD, Answer
from tests.fakes.gateway import SECRET
from tests.fakes.surface import Surface

PATH = "/v1/chat/completions"
MESSAGES = b'"messages":[{"role":"user","content":"hi"}]'

BODIES = [
    (b"", "invalid_json", None),
    (b"nonsense", "invalid_json", None),
    (b'{"model":"a/m",' + MESSAGES, "invalid_json", None),
    (b"\xff\xfe", "invalid_json", None),
    (b"\xef\xbb\xbf{}", "invalid_json", None),
    (b'{"model":"a/m","x":NaN,' + MESSAGES + b"}", "invalid_json", None),
    (b'{"model":"a/m","x":"\\ud800",' + MESSAGES + b"}", "invalid_json", None),
    (b'{"model":"a/m","x":' + b"[" * 70 + b"]" * 70 + b"," + MESSAGES + b"}", "invalid_json", None),
    (b"[" * 2000, "invalid_json", None),
    (b'{"model":"a/m","x":' + b"1" * 1500 + b"," + MESSAGES + b"}", "invalid_json", None),
    (b"[]", "invalid_json", None),
    (b'"text"', "invalid_json", None),
    (b"{}", "missing_required_parameter", "model"),
    (b"{" + MESSAGES + b"}", "missing_required_parameter", "model"),
    (b'{"model":null,' + MESSAGES + b"}", "missing_required_parameter", "model"),
    (b'{"model":"",' + MESSAGES + b"}", "missing_required_parameter", "model"),
    (b'{"model":"a/m"}', "missing_required_parameter", "messages"),
    (b'{"model":"a/m","messages":null}', "missing_required_parameter", "messages"),
    (b'{"model":"a/m","messages":[]}', "empty_array", "messages"),
    (b'{"model":"a/m","messages":"hi"}', "invalid_type", "messages"),
    (b'{"model":5,' + MESSAGES + b"}", "invalid_type", "model"),
    (b'{"model":"a/m","model":"b/m",' + MESSAGES + b"}", "duplicate_parameter", "model"),
    (b'{"model":"a/m","mod\\u0065l":"b/m",' + MESSAGES + b"}", "duplicate_parameter", "model"),
    (b'{"model":"a/m","messages":[{"role":5,"content":"x"}]}', "invalid_type", "messages[0].role"),
    (b'{"model":"a/m","messages":[{"content":"x"}]}', "missing_required_parameter", "messages[0].role"),
    (b'{"model":"a/m","messages":[{"role":"user","content":5}]}', "invalid_type", "messages[0].content"),
    (
        b'{"model":"a/m","messages":[{"role":"user","content":[{"type":"text"}]}]}',
        "invalid_type",
        "messages[0].content[0].text",
    ),
    (
        b'{"model":"a/m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}',
        "invalid_type",
        "messages[0].content[0].image_url",
    ),
    (b'{"model":"a/m","temperature":"hot",' + MESSAGES + b"}", "invalid_type", "temperature"),
    (b'{"model":"a/m","stream":"yes",' + MESSAGES + b"}", "invalid_type", "stream"),
    (b'{"model":"a/m","n":1.5,' + MESSAGES + b"}", "invalid_type", "n"),
    (b'{"model":"a/m","stop":[1],' + MESSAGES + b"}", "invalid_type", "stop[0]"),
    (
        b'{"model":"a/m","tools":[{"type":"function","function":{}}],' + MESSAGES + b"}",
        "missing_required_parameter",
        "tools[0].function.name",
    ),
    (b'{"model":"a/m","metadata":{"a":1},' + MESSAGES + b"}", "invalid_type", "metadata"),
]


@pytest.mark.parametrize(("body", "code", "param"), BODIES, ids=range(len(BODIES)))
async def test_bad_body_is_a_400_that_names_the_member(body: bytes, code: str, param: str | None) -> None:
    """The error says what is wrong and where; no provider is asked."""
    surface = Surface()

    got = await surface.client().post(PATH, body)

    assert (400, code, param, "invalid_request_error") == (
        got.status,
        got.error["code"],
        got.error["param"],
        got.error["type"],
    )
    assert [] == surface.provider.asked


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
async def test_rubbish_is_a_400(body: bytes) -> None:
    """Whatever the bytes are."""
    surface = Surface()

    got = await surface.client().post(PATH, body)

    assert (400, []) == (got.status, surface.watcher.faults)


@pytest.mark.parametrize("path", [PATH, "/v1/completions", "/v1/embeddings", "/a/v1/chat/completions"])
async def test_every_inference_path_checks_its_body(path: str) -> None:
    """Each kind of question has the same gate."""
    got = await Surface().client().post(path, b'{"model":[]}')

    assert (400, "model") == (got.status, got.error["param"])


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"content-type": "text/plain"}, 415, "unsupported_media_type"),
        ({"content-type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        ({"content-type": "multipart/form-data; boundary=x"}, 415, "unsupported_media_type"),
        ({"content-encoding": "gzip"}, 415, "unsupported_encoding"),
        ({"content-encoding": "br"}, 415, "unsupported_encoding"),
        ({"content-encoding": "gzip, identity"}, 415, "unsupported_encoding"),
        ({"content-length": "99999"}, 413, "request_too_large"),
    ],
)
async def test_wrong_kind_or_size_is_refused_by_its_headers(headers: dict[str, str], status: int, code: str) -> None:
    """What is not plain JSON, or announces too much, is refused."""
    surface = Surface()

    got = await surface.client().post(PATH, b"{}", headers)

    assert (status, code, []) == (got.status, got.error["code"], surface.provider.asked)


@pytest.mark.parametrize(
    "kind", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/vnd.api+json", ""]
)
async def test_json_by_any_of_its_names_is_taken(kind: str) -> None:
    """Parameters, case and suffix do not matter; no content type is taken as JSON."""
    got = await Surface().client().post(PATH, b'{"model":"a/m",' + MESSAGES + b"}", {"content-type": kind})

    assert 200 == got.status


async def test_body_that_grows_too_large_is_refused_and_drained() -> None:
    """A chunked body without a length is cut off at the limit; the rest is read, so that the answer can be."""
    client = Surface().client()

    got = await client.run("POST", PATH, [b"x" * 1000] * 20, GOOD)

    assert (413, "request_too_large", True) == (got.status, got.error["code"], client.incoming.empty())


async def test_body_that_stops_coming_is_a_408() -> None:
    """An upload that stalls does not hold its place for ever."""
    client = Surface().client()
    client.app = _without_the_rest(client.app)

    got = await client.run("POST", PATH, [b"{"], GOOD)

    assert (408, "request_timeout") == (got.status, got.error["code"])


def _without_the_rest(app: ASGIApp) -> ASGIApp:
    """Say that more of the body follows, and never send it."""

    async def stalled(scope: Scope, receive: Receive, send: Send) -> None:
        came = asyncio.Event()

        async def begin() -> Message:
            if came.is_set():
                await asyncio.Event().wait()
            came.set()
            return {**await receive(), "more_body": True}

        await app(scope, begin, send)

    return stalled


async def test_hanging_up_while_sending_ends_quietly() -> None:
    """A caller who leaves during the upload gets no answer, and the log says so."""
    surface = Surface()
    client = surface.client()
    client.hang_up()

    got = await client.run("POST", PATH, [], GOOD)

    assert (0, 499, "client_gone") == (got.status, surface.watcher.records[0].status, surface.watcher.records[0].error)


NO_KEY: list[dict[str, str]] = [
    {},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": "Basic " + SECRET},
    {"authorization": SECRET},
    {"authorization": "Bearer wrong"},
    {"authorization": "Bearer " + SECRET + "x"},
    {"authorization": "Bearer wrong", "x-api-key": SECRET},
    {"authorization": "", "x-api-key": SECRET},
    {"x-api-key": "wrong", "api-key": SECRET},
    {"x-api-key": ""},
    {"authorization": "Bearer \xff"},
    {"authorization": "Bearer " + "x" * 100_000},
]


@pytest.mark.parametrize("headers", NO_KEY, ids=range(len(NO_KEY)))
@pytest.mark.parametrize(("method", "path"), [("POST", PATH), ("GET", "/v1/models"), ("POST", "/a/v1/embeddings")])
async def test_no_good_key_is_a_401_before_the_body_is_looked_at(
    headers: dict[str, str], method: str, path: str
) -> None:
    """`Authorization`, when present, alone decides; a bad key with bad JSON is a 401; the key is not echoed."""
    got = await Surface().client().run(method, path, [b"{bad"], headers)

    assert (401, "invalid_api_key", "Bearer") == (got.status, got.error["code"], got.headers["www-authenticate"])
    assert b"wrong" not in got.body


@pytest.mark.parametrize(
    "headers",
    [
        {"authorization": f"Bearer {SECRET}"},
        {"authorization": f"bearer   {SECRET} "},
        {"x-api-key": SECRET},
        {"api-key": SECRET},
        {"authorization": f"Bearer {SECRET}", "x-api-key": "wrong"},
    ],
)
async def test_good_key_is_taken_from_any_of_its_places(headers: dict[str, str]) -> None:
    """Bearer in any case, x-api-key, api-key."""
    got = await Surface().client().run("GET", "/v1/models", [b""], headers)

    assert 200 == got.status


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "/v1/",
        "/v2/chat/completions",
        "/chat/completions",
        "/v1/chat/completions/",
        "//v1/models",
        "/v1/%2e%2e/models",
        "/nope/v1/models/x/../y/z/v1",
    ],
)
async def test_unknown_path_is_a_404(path: str) -> None:
    """With the error object, and a hint where the API is."""
    got = await Surface().client().run("GET", path, [b""], GOOD)

    assert (404, "unknown_url") == (got.status, got.error["code"])


async def test_unknown_provider_is_a_404() -> None:
    """A path of a provider that is not there is an unknown path."""
    got = await Surface().client().post("/nope/v1/chat/completions", b"{}")

    assert (404, "unknown_url") == (got.status, got.error["code"])


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", PATH, "POST"),
        ("DELETE", "/v1/models", "GET"),
        ("POST", "/healthz", "GET"),
        ("TRACE", PATH, "POST"),
        ("BREW", PATH, "POST"),
    ],
)
async def test_wrong_method_is_a_405_that_says_what_is_allowed(method: str, path: str, allow: str) -> None:
    """With `Allow` and the error object."""
    got = await Surface().client().run(method, path, [b""], GOOD)

    assert (405, "method_not_allowed") == (got.status, got.error["code"])
    assert allow in got.headers["allow"]


@pytest.mark.parametrize(
    "model", ["nope", "zzz/m", "a/", "\r\nset-cookie: x=1", "../../etc/passwd", "{{7*7}}", "' OR 1=1 --"]
)
async def test_unknown_model_is_a_404(model: str) -> None:
    """Absent and forbidden look alike; the name is inert."""
    surface = Surface()

    got: Answer = await surface.client().post(PATH, b'{"model":' + _quoted(model) + b"," + MESSAGES + b"}")

    assert (404, "model_not_found", "model", []) == (
        got.status,
        got.error["code"],
        got.error["param"],
        surface.provider.asked,
    )


async def test_name_of_a_model_cannot_break_a_header() -> None:
    """Whatever name a caller sends, the headers stay one line each."""
    got = await Surface().client().post(PATH, b'{"model":"a/x\\r\\nset-cookie: y=1\\u00e9",' + MESSAGES + b"}")

    assert (200, "x%0D%0Aset-cookie:%20y=1%C3%A9") == (got.status, got.headers["x-gateway-model"])


def _quoted(text: str) -> bytes:
    return json.dumps(text).encode()


@pytest.mark.parametrize(
    "member", ["api_base", "base_url", "api_key", "proxy", "model_list", "user_config", "extra_headers"]
)
async def test_body_cannot_choose_the_upstream(member: str) -> None:
    """Members that other gateways take as orders are the provider's to ignore: they change nothing here."""
    surface = Surface()

    got = await surface.client().post(
        PATH, b'{"model":"a/m","' + member.encode() + b'":"http://169.254.169.254",' + MESSAGES + b"}"
    )

    assert (200, "a") == (got.status, got.headers["x-gateway-provider"])


PIECES = st.sampled_from(
    [
        "v1",
        "V1",
        "chat",
        "completions",
        "models",
        "a",
        "..",
        ".",
        "",
        "%2f",
        "..;",
        "@",
        "healthz",
        "livez",
        "docs",
        "x:y",
        "\x00",
        "é",
    ]
)


@given(st.lists(PIECES, max_size=6), st.sampled_from(["GET", "POST", "HEAD", "PUT", "get", "PRI"]))
async def test_no_spelling_of_a_path_opens_a_closed_route(pieces: list[str], method: str) -> None:
    """Whoever has no key gets what an open route gives, or 401, 404, 405: auth belongs to the route that matched."""
    surface = Surface()

    got = await surface.client().run(method, "/" + "/".join(pieces), [b"{}"])

    matched = surface.watcher.records[0].route
    assert got.status in ({200} if matched in {"/healthz", "/livez", "/docs"} else {401, 404, 405})
    assert [] == surface.provider.asked
