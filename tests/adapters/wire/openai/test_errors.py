"""OpenAI's error object, both ways; nothing secret and no markup comes through."""

from __future__ import annotations

import json
from time import process_time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.wire.openai.errors import (
    MAX_MESSAGE,
    error_object,
    error_of,
    failure_of,
    redacted,
    render_error,
    sane_wait,
    status_of,
    without,
)
from domain.errors import CredentialRefused, Malformed, UpstreamError

CANARY = "cAnArY0123456789"
SPELLINGS = [
    "Authorization: Bearer §",
    "authorization: bearer §",
    "AUTHORIZATION :  Basic   §",
    "Proxy-Authorization: Token §",
    "Authorization=§",
    '{"authorization":"Bearer §"}',
    "{'Authorization': 'Bearer §'}",
    "Bearer §",
    "Bearer\t§",
    "bearer: §",
    "with bearer '§' it",
    "basic §",
    "x-api-key: §",
    "api_key=§",
    "apiKey='§'",
    "OPENAI_API_KEY=§",
    "api_keys=['§']",
    '{"api_key": "§"}',
    "API key § is wrong",
    "API key: §",
    "Incorrect API key provided: §.",
    "The API key is §",
    "api\u00a0key: §",
    "access_token=§",
    '"auth_token": "§"',
    "session-token: §",
    "secret_key = §",
    "client secret: §",
    "https://user:§@host/v1",
    "https://§@host/v1",
    "https://host/v1?api_key=§",
    "https://host/v1?a=1&key=§&b=2",
    "https://host/v1?token=§",
    "sk-§",
    "sk-gw-§",
    "sk-proj-§_x-y",
    "csk-§",
    "gsk_§",
    "hf_§",
    "key-§",
    "the key `csk-§`.",
    "first sk-§, then csk-§ and Bearer §",
    "\n sk-§\n",
    "\x00sk-§",
]
HARMLESS = [
    "max_tokens must be at least 1.",
    "Invalid value for 'temperature': 3 is above 2.",
    "This model's maximum context length is 8192 tokens.",
    'The key "foo" is not a member of the object.',
    "Unexpected token <eos> in the middle, 1 < 2 > 0.",
    "model 'x' not found, try pulling it first",
    "The task-1234 failed; ask-me-anything-now.",
    "Line one\n\tLine two: é 😀",
]


def body_of(**members: Any) -> bytes:
    """Return an upstream's error."""
    return json.dumps({"error": members}).encode()


# --- what never comes through


@pytest.mark.parametrize("around", ["§", "Denied: §", "x" * 2000 + " §", "§ " + "x" * 3000, "é § é"], ids=range(5))
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_credential_in_an_upstreams_message_is_not_relayed(spelling: str, around: str) -> None:
    """However it is spelled, wherever it stands, in each of the known forms, and where it would be cut."""
    said = around.replace("§", spelling).replace("§", CANARY)
    for body in (
        body_of(message=said, type=said, code=said, param=said),
        json.dumps({"message": said, "type": said, "code": said, "param": said}).encode(),
        json.dumps({"error": said}).encode(),
    ):
        failure = failure_of(400, {}, body)

        assert isinstance(failure, UpstreamError)
        assert CANARY not in repr(failure) + str(failure)


@pytest.mark.parametrize("message", HARMLESS)
def test_other_messages_come_through_as_they_are(message: str) -> None:
    """They are what helps the caller."""
    assert message == redacted(message)


@pytest.mark.parametrize(
    "page",
    [
        "<!DOCTYPE html><html><body>502</body></html>",
        "<html>\r\n<head><title>502 Bad Gateway</title></head>",
        "Error: <HTML>",
        "< body onload=x>",
        "<h1>Oops</h1>",
        "</div>",
        "a <b <script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg/onload=alert(1)>",
        "<iframe>",
        "<p>Not found</p>",
        "<center>nginx</center>",
        "<!-- a padding to disable MSIE -->",
    ],
)
def test_markup_is_not_relayed(page: str) -> None:
    """A page of some proxy's is no message; as the whole body it is no error object either."""
    for body in (body_of(message=page), json.dumps({"error": page}).encode(), page.encode()):
        failure = failure_of(502, {"content-type": "text/html"}, body)

        assert "The upstream answered with status 502." == str(failure)


@given(st.text(max_size=20), st.integers(0, 400))
def test_a_message_has_at_most_2_kb(piece: str, times: int) -> None:
    """In UTF-8, and never half a character; without control characters that would spoil a log."""
    found = redacted(piece.encode("utf-8", "ignore").decode() * times)

    assert len(found.encode()) <= MAX_MESSAGE == 2048
    assert not any(ord(character) < 0x20 and character not in "\t\n" for character in found)


@pytest.mark.parametrize("character", ["é", "😀", "x"])
def test_a_long_message_is_cut_between_characters(character: str) -> None:
    """As much of it as fits is kept."""
    assert character * (MAX_MESSAGE // len(character.encode())) == redacted(character * 9999)


@pytest.mark.parametrize(
    "piece",
    [
        "api key",
        "api key ",
        " ",
        "bearer ",
        "authorization:",
        "://",
        "://a",
        "sk-",
        "<",
        "< ",
        "x ",
        "key=",
        "\"'",
        "?",
    ],
)
def test_no_message_takes_long(piece: str) -> None:
    """The event loop waits for it; an upstream may send 64 KB of whatever it likes."""
    begun = process_time()
    for message in (piece * (20_000 // len(piece)), piece + " " * 20_000, piece + "a" * 20_000):
        redacted(message)

    assert process_time() - begun < 1


@pytest.mark.parametrize("status", [401, 403])
def test_of_a_refused_credential_nothing_is_kept(status: int) -> None:
    """Whose credential it was is all that a caller learns."""
    failure = failure_of(status, {"retry-after": CANARY}, body_of(message=CANARY, code=CANARY))

    assert isinstance(failure, CredentialRefused)
    assert status == failure.status
    assert CANARY not in repr(failure) + str(failure)


@pytest.mark.parametrize("status", [100, 204, 301, 302, 304])
def test_an_answer_that_is_neither_is_malformed(status: int) -> None:
    """Redirects are not followed: they would take the credential along."""
    failure = failure_of(status, {"location": "https://elsewhere/"}, b"")

    assert isinstance(failure, Malformed)
    assert "elsewhere" not in str(failure)


# --- what does


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (body_of(message="No.", type="t", param="messages[0].role", code="c"), ("No.", "c", "messages[0].role")),
        (body_of(message="No.", code=None, param=None, type=None), ("No.", None, None)),
        (body_of(message="No.", code=400), ("No.", "400", None)),
        (body_of(message="No.", code=True, param=["x"], type={}), ("No.", None, None)),
        (body_of(message="No.", code="x" * 129, param="a\nb", type="<b>"), ("No.", None, None)),
        (
            b'{"message":"Wrong.","type":"invalid_request_error","param":"quota","code":"wrong_api_format"}',
            ("Wrong.", "wrong_api_format", "quota"),
        ),
        (b'{"error":"model \\"x\\" not found"}', ('model "x" not found', None, None)),
        (b'{"error":{"message":5}}', ("", None, None)),
        (b'{"error":{"message":null}}', ("", None, None)),
        (b'{"error":null}', ("", None, None)),
        (b'{"error":[]}', ("", None, None)),
        (b"{}", ("", None, None)),
        (b"[]", ("", None, None)),
        (b"null", ("", None, None)),
        (b"", ("", None, None)),
        (b"404 page not found", ("", None, None)),
        (b"\xff\xfe", ("", None, None)),
        (b'{"error":{"message":"No.","n":1e999}}', ("", None, None)),
        (b'{"a":' * 100_000, ("", None, None)),
    ],
    ids=range(19),
)
def test_the_known_forms_are_read(body: bytes, expected: tuple[object, ...]) -> None:
    """OpenAI's, Cerebras's and Ollama's; anything else says nothing."""
    found = failure_of(404, {}, body)

    assert isinstance(found, UpstreamError)
    assert expected == (found.message, found.code, found.param)
    assert 404 == found.status


@given(st.binary(max_size=60), st.integers(400, 599))
def test_any_body_is_a_failure(body: bytes, status: int) -> None:
    """Nothing that an upstream sends is a fault of the gateway's."""
    found = failure_of(status, {}, body)

    assert isinstance(found, CredentialRefused if status in {401, 403} else UpstreamError)
    assert found.status == status


def test_when_to_try_again_is_kept() -> None:
    """As its header says it."""
    found = failure_of(429, {"retry-after": "7"}, b"{}")

    assert isinstance(found, UpstreamError)
    assert "7" == found.retry_after


@given(*[st.sampled_from(["x", "a_b", "No such thing.", "a[0].b"])] * 2, *[st.sampled_from(["x", "a_b", None])] * 2)
def test_what_is_written_reads_the_same(message: str, kind: str, param: str | None, code: str | None) -> None:
    """Four members, always."""
    text = render_error(message, kind, param, code)

    found = failure_of(400, {}, text)

    assert json.loads(text) == error_object(message, kind, param, code)
    assert ["message", "type", "param", "code"] == list(json.loads(text)["error"])
    assert isinstance(found, UpstreamError)
    assert (message, param, code) == (found.message, found.param, found.code)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"status_code": 429}, 429),
        ({"error": {"status_code": 429, "code": 500}}, 429),
        ({"error": {"status": 503}}, 503),
        ({"error": {"code": 400}}, 400),
        ({"status_code": 429, "error": {"code": 400}}, 429),
        ({"error": {"code": "400"}}, 502),
        ({"error": {"code": 200}}, 502),
        ({"error": {"code": 600}}, 502),
        ({"error": {"code": True}}, 502),
        ({"error": "x"}, 502),
        ("x", 502),
        (None, 502),
    ],
    ids=str,
)
def test_the_status_of_an_error_inside_a_stream(said: object, expected: int) -> None:
    """What it says itself, the nearest place first; 502 where it says nothing that can be one."""
    assert expected == status_of(said)


def test_an_error_may_be_given_decoded() -> None:
    """Where it came inside something else."""
    found = error_of({"error": {"message": "No.", "code": "c"}}, 409, "3")

    assert (409, "No.", "c", "3") == (found.status, found.message, found.code, found.retry_after)


@pytest.mark.parametrize("quoted", ["T0pQ-lab-credential", "T0pQ-lab*******", "T0pQ-lab"])
def test_our_credential_is_not_quoted_back(quoted: str) -> None:
    """Whatever its form: whole, masked behind its first characters, or cut."""
    error = UpstreamError(400, f"bad key ({quoted}) here", code=quoted, param=f"x.{quoted}")

    clean = without("T0pQ-lab-credential", error)

    assert quoted[:8] not in repr(clean)
    assert (None, None, 400) == (clean.code, clean.param, clean.status)
    assert "here" in clean.message


def test_error_that_quotes_nothing_stays_as_it_is() -> None:
    """Also where there is no credential."""
    error = UpstreamError(400, "bad", code="invalid_value", param="n")

    assert repr(error) == repr(without("", error)) == repr(without("T0pQ-lab-credential", error))


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("7", True),
        ("0.5", True),
        ("Wed, 21 Oct 2026 07:28:00 GMT", True),
        ("soon", False),
        ("\u4e00", False),
        ("7\r\nx: y", False),
        ("9" * 5000, False),
        ("-1", False),
    ],
)
def test_only_a_time_to_wait_is_relayed_as_one(given: str, kept: bool) -> None:
    """Seconds or a date; anything else is dropped."""
    assert (given if kept else None) == sane_wait(given)
