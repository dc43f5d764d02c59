"""Every fault of an upstream, as a caller of a running gateway meets it: never a broken answer that looks whole."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import httpx
import pytest

from tests.fakes import cerebras_double, ollama_double, openai_dialect, openai_double
from tests.fakes.answers import Delivery, Ending, Framing
from tests.fakes.changes import body_of, status_set
from tests.fakes.dialect import Fault
from tests.fakes.scenarios import Scenario, named
from tests.surface.providers import (
    AUTHORIZED,
    CREDENTIALS,
    FIRST_BYTE_S,
    GRACE_S,
    HELLO,
    IDLE_S,
    NAMES,
    TOTAL_S,
    Name,
    Site,
    connected,
    head_of,
    raw_answer,
    told,
    until,
)

pytest_plugins = ("tests.surface.doubled",)

SCENARIOS: Mapping[Name, frozenset[str]] = {
    "cerebras": cerebras_double.CEREBRAS_SCENARIOS,
    "ollama": ollama_double.OLLAMA_SCENARIOS,
    "lab": openai_double.OPENAI_SCENARIOS,
}
SLACK_MIB = 12
"""What a process may grow by beside the bytes that it keeps: the HTTP client reads some 8 MiB ahead of who asks it."""
CHAT_PATHS: Mapping[Name, str] = {
    "cerebras": "/v1/chat/completions",
    "ollama": "/api/chat",
    "lab": "/v1/chat/completions",
}

Outcome = tuple[int, str | None]
"""A status and a code; of a stream that broke after its first chunk, 200 and the code of its last event."""

GOOD: Outcome = (200, "stop")
BROKEN: Outcome = (502, "upstream_error")
LATE: Outcome = (504, "upstream_timeout")
DEFAULT_CODES: Mapping[int, str | None] = {
    400: None,
    404: "not_found",
    408: "upstream_timeout",
    409: "conflict",
    413: "request_too_large",
    422: None,
    429: "rate_limit_exceeded",
    502: "upstream_error",
    503: "service_unavailable",
}
OWN_CODES: Mapping[Name, Mapping[int, str | None]] = {
    "cerebras": {status: said[3] for status, said in cerebras_double.ERRORS.items()},
    "lab": {status: said[3] for status, said in openai_dialect.ERRORS.items()},
    "ollama": {404: "model_not_found"},
}

WAITING = ("slow", "head-only", "silence")
"""Which end at the deadline of one wait."""
ENDLESS = ("drip", "endless-stream", "endless-line", "endless-pings")
"""Which end at the deadline of the whole, or at a limit of size."""
REFUSED = ("401", "403", "401-echo")
REDIRECTS = ("301", "302", "303", "307", "308")
NO_ANSWER = (
    *("close-early", "reset-early", "cut-head", "huge-head", "gzip", "gzip-bomb", "endless-error"),
    *("empty", "html", "not-object", "no-choices"),
)
BROKEN_STREAMS = ("early-eof", "reset", "malformed")
FINISHES = {"tool": "tool_calls", "tools": "tool_calls", "length": "length"}


def expected_outcome(name: Name, scenario: str, *, stream: bool) -> Outcome:
    """Return what `docs/reference/errors.md` says of a scenario."""
    fault = named(scenario).fault
    if fault is not None and scenario not in REFUSED:
        own = (fault.code if name != "ollama" else None) or OWN_CODES[name].get(fault.status)
        status = fault.status if fault.status in DEFAULT_CODES else 502
        return status, (own if fault.form == "json" else None) or DEFAULT_CODES[status]
    if scenario in {*REFUSED, *REDIRECTS, *NO_ANSWER}:
        return BROKEN
    if scenario in {"error-first", "error-mid-stream"}:
        in_band = stream and scenario == "error-mid-stream"
        return 200 if in_band else 502, "internal_error" if name == "cerebras" else "upstream_error"
    if scenario == "other-form":
        return GOOD if stream and name == "ollama" else BROKEN  # one line with all in it is a stream of Ollama's
    if scenario in BROKEN_STREAMS:
        return (200, "upstream_error") if stream else BROKEN
    return 200, FINISHES.get(scenario, "stop")


def outcome_of(answer: httpx.Response, *, stream: bool) -> Outcome:
    """Return what an answer was, after checking that its form is right whatever it was."""
    assert answer.headers["x-request-id"]
    if answer.status_code == 200 and stream:
        assert "text/event-stream" == answer.headers["content-type"].partition(";")[0]
        said = told(answer.content)
        assert said.done != bool(said.errors)
        assert said.chunks
        return 200, said.errors[0]["error"]["code"] if said.errors else said.finish
    assert "application/json" == answer.headers["content-type"]
    if answer.status_code == 200:
        return 200, answer.json()["choices"][0]["finish_reason"]
    error = answer.json()["error"]
    assert {"message", "type", "param", "code"} == set(error)
    assert error["message"]
    assert error["code"] is None or isinstance(error["code"], str)
    return answer.status_code, error["code"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "scenario"),
    [(name, scenario) for name in NAMES for scenario in sorted(SCENARIOS[name]) if scenario not in WAITING + ENDLESS],
)
def test_outcome_is_as_documented(site: Site, name: Name, scenario: str, stream: bool) -> None:
    """Before the first chunk a true status with a typed error; after it one error event, no `[DONE]`, the end."""
    answer = site.chat(f"{name}/fault-{scenario}", stream=stream)

    assert expected_outcome(name, scenario, stream=stream) == outcome_of(answer, stream=stream)
    assert 1 == len(site.asked(name))
    if scenario == "stale":  # the next request was taken before the connection closed: it must not be sent twice
        assert (502, "upstream_error") == outcome_of(site.chat(f"{name}/x"), stream=False)
        assert GOOD == outcome_of(site.chat(f"{name}/x"), stream=False)


def timed(site: Site, model: str, *, stream: bool) -> tuple[Outcome, float]:
    """Return what a chat came to, and how long that took."""
    begun = time.monotonic()
    answer = site.chat(model, stream=stream)
    return outcome_of(answer, stream=stream), time.monotonic() - begun


def test_silence_ends_at_its_deadline(site: Site) -> None:
    """No first byte, nothing after the head, nothing after half of it: 504 or the error event, and not much later."""
    wanted = {
        (name, scenario, stream): (200, "upstream_timeout") if (scenario, stream) == ("silence", True) else LATE
        for name in NAMES
        for scenario in WAITING
        for stream in (False, True)
    }
    with ThreadPoolExecutor(len(wanted)) as pool:
        futures = {case: pool.submit(timed, site, f"{case[0]}/fault-{case[1]}", stream=case[2]) for case in wanted}
        found = {case: future.result() for case, future in futures.items()}

    assert wanted == {case: outcome for case, (outcome, _) in found.items()}
    for case, (_, took) in found.items():
        deadline = FIRST_BYTE_S if case[1] == "slow" else IDLE_S
        assert deadline <= took <= deadline + GRACE_S, case


def test_drip_ends_at_the_deadline_of_the_whole(site: Site) -> None:
    """An upstream that always says a little keeps no one waiting for ever, neither before nor after the first chunk."""
    wanted: dict[tuple[str, str, bool], Outcome] = {
        (name, scenario, stream): (200, "upstream_timeout") if (scenario, stream) == ("drip-500", True) else LATE
        for name in NAMES
        for scenario, stream in [("drip", False), ("drip", True), ("drip-500", True)]
    }
    with ThreadPoolExecutor(len(wanted)) as pool:
        futures = {case: pool.submit(timed, site, f"{case[0]}/fault-{case[1]}", stream=case[2]) for case in wanted}
        found = {case: future.result() for case, future in futures.items()}

    assert wanted == {case: outcome for case, (outcome, _) in found.items()}
    for case, (_, took) in found.items():
        assert TOTAL_S <= took <= TOTAL_S + GRACE_S, case


@contextmanager
def growth(site: Site) -> Iterator[list[int]]:
    """Watch the memory of the gateway; afterwards the list holds by how many bytes it grew at most."""
    before, grown, over = site.memory(), [0], threading.Event()

    def watch() -> None:
        while not over.wait(0.005):
            grown[0] = max(grown[0], site.memory() - before)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield grown
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("name", "scenario"),
    [(name, scenario) for name in NAMES for scenario in ("gzip-bomb", "endless-line", "endless-error", "huge-head")]
    + [("lab", "endless-stream"), ("ollama", "endless-stream"), ("cerebras", "endless-pings")],
)
def test_too_much_is_a_failure_within_bounds(site: Site, name: Name, scenario: str, stream: bool) -> None:
    """What never ends, or unpacks to too much, is cut off: an error, and no memory beyond the limit of an answer."""
    limit = 32 if not stream and scenario in {"endless-line", "endless-stream", "endless-pings"} else 1
    for said in ("x", "fault-early-eof"):  # what the first answers of a process cost is no matter of their size
        site.chat(f"{name}/{said}", stream=stream)

    with growth(site) as grown:
        status, code = outcome_of(site.chat(f"{name}/fault-{scenario}", stream=stream), stream=stream)

    assert code in {"upstream_error", "upstream_timeout"}
    assert (status == 200) <= stream
    assert grown[0] <= (limit + SLACK_MIB) << 20
    assert GOOD == outcome_of(site.chat(f"{name}/x"), stream=False)


# --- truncation


def wire_of(site: Site, name: Name, *, stream: bool) -> bytes:
    """Return all bytes that a double sends for a good chat, the head included."""
    asked = {
        "model": "fault-cut-99999999",
        "messages": HELLO,
        "stream": stream,
        **({"stream_options": {"include_usage": True}} if stream and name != "ollama" else {}),
    }
    body = json.dumps(asked).encode()
    head = head_of(CHAT_PATHS[name], len(body), key=CREDENTIALS[name])
    return raw_answer(site.doubles[name].url, head + body)


def check_cuts(site: Site, name: Name, offsets: Iterable[int], *, stream: bool, how: str = "cut") -> None:
    """Break the upstream's connection at each offset, and see that a caller can always tell."""
    wire = wire_of(site, name, stream=stream)
    whole = told(site.chat(f"{name}/x", stream=True).content)
    mark = wire.rindex(b'"done":true' if name == "ollama" else b"[DONE]") if stream else len(wire)
    for offset in offsets:
        if offset >= len(wire):
            break
        answer = site.chat(f"{name}/fault-{how}-{offset}", stream=stream)
        outcome = outcome_of(answer, stream=stream)
        if outcome == GOOD:
            said = told(answer.content)
            assert offset > mark, f"an answer cut at byte {offset} looks whole"
            assert (whole.text, whole.finish) == (said.text, said.finish)
        else:
            assert outcome in {BROKEN, (200, "upstream_error")}, offset
            assert stream or outcome == BROKEN


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("how", ["cut", "reset"])
@pytest.mark.parametrize("name", NAMES)
def test_cut_answer_never_looks_whole(site: Site, name: Name, how: str, stream: bool) -> None:
    """Wherever the connection ends or is reset: 502, or an error event and no `[DONE]`."""
    check_cuts(site, name, range(3, 10_000, 83 if how == "cut" else 191), stream=stream, how=how)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_answer_cut_in_its_last_bytes_never_looks_whole(site: Site, name: Name, stream: bool) -> None:
    """There the difference is smallest."""
    length = len(wire_of(site, name, stream=stream))
    check_cuts(site, name, range(length - 12, length), stream=stream)


@pytest.mark.soak
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_answer_cut_at_any_byte_never_looks_whole(site: Site, name: Name, stream: bool) -> None:
    """The same at every offset there is."""
    check_cuts(site, name, range(10_000), stream=stream)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stream", [False, True])
def test_cut_without_a_length_never_looks_whole(site: Site, name: Name, stream: bool) -> None:
    """Where only the end of the connection ends the body, a cut is a clean end; it is noticed all the same."""
    check_cuts_without_length(site, name, stream=stream, stride=97)


@pytest.mark.soak
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stream", [False, True])
def test_cut_at_any_byte_without_a_length_never_looks_whole(site: Site, name: Name, stream: bool) -> None:
    """The same at every offset there is."""
    check_cuts_without_length(site, name, stream=stream, stride=1)


def check_cuts_without_length(site: Site, name: Name, *, stream: bool, stride: int) -> None:
    """Cut a body that ends with its connection, and see that a caller can always tell."""
    double = site.doubles[name]
    whole = told(site.chat(f"{name}/x", stream=True).content)
    length = len(wire_of(site, name, stream=stream))
    for offset in range(5, length, stride):
        delivery = Delivery(framing=Framing.CLOSE, cut_at=offset, ending=Ending.CLOSE)
        double.next(Scenario("close-framed cut", delivery=delivery))
        answer = site.chat(f"{name}/x", stream=stream)
        outcome = outcome_of(answer, stream=stream)
        if outcome != GOOD:
            assert outcome in {BROKEN, (200, "upstream_error")}, offset
        elif stream:
            said = told(answer.content)
            assert (whole.text, whole.finish) == (said.text, said.finish)
        else:
            assert whole.text == answer.json()["choices"][0]["message"]["content"]


# --- what must not pass


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("scenario", REDIRECTS)
@pytest.mark.parametrize("name", NAMES)
def test_redirects_are_not_followed(site: Site, name: Name, scenario: str, stream: bool) -> None:
    """The place that they lead to sees nothing, least of all the credential; the caller does not learn of it."""
    answer = site.chat(f"{name}/fault-{scenario}", stream=stream)

    assert BROKEN == outcome_of(answer, stream=stream)
    assert [] == [seen.path for seen in site.doubles[name].seen if "elsewhere" in seen.path]
    assert "location" not in answer.headers
    assert "elsewhere" not in answer.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("scenario", REFUSED)
@pytest.mark.parametrize("name", NAMES)
def test_refused_credential_is_not_the_callers_business(site: Site, name: Name, scenario: str, stream: bool) -> None:
    """502, and nothing of what the upstream said: it may quote the key."""
    answer = site.chat(f"{name}/fault-{scenario}", stream=stream)

    message = "The upstream refused the gateway's credential. The operator of the gateway has to check it."
    assert {
        "error": {"message": message, "type": "upstream_error", "param": None, "code": "upstream_error"}
    } == answer.json()
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize("scenario", ["400-echo", "500-echo"])
@pytest.mark.parametrize("name", NAMES)
def test_credential_that_an_upstream_quotes_is_redacted(site: Site, name: Name, scenario: str) -> None:
    """Whatever form the credential has: the gateway knows its own."""
    answer = site.chat(f"{name}/fault-{scenario}")

    assert CREDENTIALS[name][:8] not in answer.text
    assert CREDENTIALS[name][-8:] not in answer.text


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("scenario", "retry_after"),
    [("429", "7"), ("429-bare", "1"), ("429-date", "Wed, 21 Oct 2099 07:28:00 GMT"), ("503", "3"), ("503-html", "3")],
)
@pytest.mark.parametrize("name", NAMES)
def test_limits_of_the_upstream_are_told(site: Site, name: Name, scenario: str, retry_after: str, stream: bool) -> None:
    """`retry-after` always, and every `x-ratelimit-*` header that the upstream sent, also with an error."""
    headers = {"cerebras": cerebras_double.HEADERS, "ollama": (), "lab": openai_dialect.HEADERS}[name]
    limits = {header: value for header, value in headers if header.startswith("x-ratelimit-")}

    answer = site.chat(f"{name}/fault-{scenario}", stream=stream)

    assert retry_after == answer.headers["retry-after"]
    assert limits == {header: value for header, value in answer.headers.items() if header.startswith("x-ratelimit-")}


@pytest.mark.parametrize("value", ["\u00e4\u00b8\u0080", "soon \xff", "x" * 5000, "7, 7"])
@pytest.mark.parametrize("status", [429, 503])
def test_odd_retry_after_breaks_nothing(site: Site, status: int, value: str) -> None:
    """The status is told all the same, with a `retry-after` that can be sent."""
    site.doubles["lab"].next(Scenario("odd", fault=Fault(status, retry_after=value)))

    answer = site.chat("lab/x")

    assert status == answer.status_code
    assert answer.headers["retry-after"]
    assert answer.headers["retry-after"].isascii()
    assert len(answer.headers["retry-after"]) <= 128


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("member", ["message", "code", "param", "type"])
@pytest.mark.parametrize("status", [400, 500])
def test_credential_in_any_member_of_an_error_is_redacted(site: Site, name: Name, member: str, status: int) -> None:
    """Also without a word before it that says what it is; and the log does not have it either."""
    said = {"message": "no", "type": "x", "param": None, "code": None, member: CREDENTIALS[name]}
    body = json.dumps({"error": said}).encode()
    site.doubles[name].next(Scenario("telling", change=(body_of(body), status_set(status))))

    answer = site.post(
        "/v1/chat/completions",
        {"model": f"{name}/x", "messages": HELLO},
        {"x-request-id": f"telling-{name}-{member}-{status}"},
    )
    line = site.gateway.out.wait_for(f"telling-{name}-{member}-{status}")

    assert CREDENTIALS[name] not in answer.text
    assert CREDENTIALS[name] not in line


# --- hang-ups


@contextmanager
def asked_by_hand(site: Site, model: str, *, stream: bool) -> Iterator[socket.socket]:
    """Send a chat over a connection of its own."""
    body = json.dumps({"model": model, "messages": HELLO, "stream": stream}).encode()
    with connected(site.url) as connection:
        connection.sendall(head_of("/v1/chat/completions", len(body), [(b"Connection", b"close")]) + body)
        yield connection


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("scenario", ["slow", "silence"])
@pytest.mark.parametrize("name", NAMES)
def test_hanging_up_ends_the_call_upstream(site: Site, name: Name, scenario: str, stream: bool) -> None:
    """Within a second, streamed or not, before the upstream's first byte and after it."""
    double = site.doubles[name]

    with asked_by_hand(site, f"patient-{name}-{scenario}", stream=stream) as connection:
        double.holding.wait_here()
        if stream and scenario == "silence":
            assert connection.recv(4096)

    double.closed_early.wait_here(1.0)
    double.idle.wait_here(1.0)
    assert [True] == [seen.gone for seen in site.asked(name)]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_reset_by_the_caller_ends_the_call_upstream(site: Site, name: Name, stream: bool) -> None:
    """A connection that is torn down is a hang-up too."""
    double = site.doubles[name]

    with asked_by_hand(site, f"patient-{name}-slow", stream=stream) as connection:
        double.holding.wait_here()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    double.closed_early.wait_here(1.0)


@pytest.mark.parametrize("stream", [False, True])
def test_hang_ups_of_many_leave_the_others_alone(site: Site, stream: bool) -> None:
    """Half of many callers leave: their calls end, the others' do not, and the next caller is served."""
    double, many = site.doubles["lab"], 60
    double.idle.wait_here()
    with ExitStack() as all_of_them:
        staying = [
            all_of_them.enter_context(asked_by_hand(site, "patient-lab-silence", stream=stream))
            for _ in range(many // 2)
        ]
        with ExitStack() as half_of_them:
            for _ in range(many // 2):
                half_of_them.enter_context(asked_by_hand(site, "patient-lab-silence", stream=stream))
            until(lambda: double.answering == many)
        until(lambda: double.answering == many // 2, 2.0)
        assert GOOD == outcome_of(site.chat("lab/x"), stream=False)
        double.released.set()
        try:
            ends = [_end_of(connection, stream=stream) for connection in staying]
        finally:
            double.released.clear()

    double.idle.wait_here(2.0)
    assert [True] * (many // 2) == ends
    assert GOOD == outcome_of(site.chat("lab/x", stream=True), stream=True)
    assert 200 == site.http.get(f"{site.url}/readyz", headers=AUTHORIZED).status_code


def _end_of(connection: socket.socket, *, stream: bool) -> bool:
    """Return whether a good answer came to its end."""
    connection.settimeout(5)
    found = b"".join(iter(lambda: connection.recv(65_536), b""))
    return found.startswith(b"HTTP/1.1 200 ") and (b"[DONE]" if stream else b'"finish_reason"') in found
