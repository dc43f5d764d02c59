"""Chat completions over HTTP."""

from __future__ import annotations

import asyncio
import json

import pytest
from starlette.types import Message, Receive, Scope, Send

from adapters.http.intake import Intake
from domain.chat import ChatRequest
from domain.errors import (
    CredentialRefused,
    InvalidRequest,
    Malformed,
    StreamBroken,
    Unavailable,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from domain.journey import Ending
from tests.fakes.providers import ScriptedProvider, answer, chunk, chunks
from tests.fakes.surface import Surface

ASKING = b'{"model":"a/m","messages":[{"role":"user","content":"hi"}]}'
STREAMING = ASKING[:-1] + b',"stream":true}'
WITH_USAGE = STREAMING[:-1] + b',"stream_options":{"include_usage":true}}'


async def test_answer_is_the_upstreams_under_the_callers_name_of_the_model() -> None:
    """Only `model` is replaced; the headers tell of the way."""
    surface = Surface()

    got = await surface.client().post("/v1/chat/completions", ASKING)

    expected = {name: json.loads(text) for name, text in answer().document.members.items()}
    assert (200, {**expected, "model": "a/m"}) == (got.status, got.json)
    assert "application/json" == got.headers["content-type"]
    assert ("a", "m", "1") == tuple(got.headers[f"x-gateway-{name}"] for name in ("provider", "model", "attempts"))
    assert got.headers["x-request-id"].startswith("req-")
    assert got.headers["openai-processing-ms"].isdecimal()
    assert "no-store" in got.headers["cache-control"]
    assert "nosniff" == got.headers["x-content-type-options"]


async def test_providers_own_path_takes_the_bare_name() -> None:
    """Under /<provider>/v1 the provider is fixed and the model is the upstream's name."""
    surface = Surface()

    got = await surface.client().post("/a/v1/chat/completions", ASKING.replace(b"a/m", b"m"))

    request, call = surface.provider.asked[0]
    assert isinstance(request, ChatRequest)
    assert (200, "m", "a", "m") == (got.status, got.json["model"], request.provider, call.model)


@pytest.mark.parametrize(
    ("given", "kept"), [("my-id:1.a_B", True), ("x" * 129, False), ("a b", False), ("a\nb", False), ("", False)]
)
async def test_sane_request_id_is_kept(given: str, kept: bool) -> None:
    """The caller's own id is echoed and logged; one that could break a header or a log line is replaced."""
    surface = Surface()

    got = await surface.client().post("/v1/chat/completions", ASKING, {"x-request-id": given})

    assert kept is (got.headers["x-request-id"] == given)
    assert got.headers["x-request-id"] == surface.watcher.records[0].journey.request_id


async def test_stream_is_framed_as_openai_does() -> None:
    """Each event is one data line; role first; finish; then [DONE], and no usage that was not asked for."""
    got = await Surface.of(chunks("Hel", "lo")).client().post("/v1/chat/completions", STREAMING)

    assert (200, "text/event-stream", True) == (got.status, got.headers["content-type"], got.complete)
    assert "content-length" not in got.headers
    assert b"[DONE]" == got.events[-1]
    pieces = [json.loads(event) for event in got.events[:-1]]
    assert [{"role": "assistant", "content": ""}, {"content": "Hel"}, {"content": "lo"}, {}] == [
        piece["choices"][0]["delta"] for piece in pieces
    ]
    assert [None, None, None, "stop"] == [piece["choices"][0]["finish_reason"] for piece in pieces]
    assert {("chatcmpl-1", 1, "a/m", "chat.completion.chunk")} == {
        (piece["id"], piece["created"], piece["model"], piece["object"]) for piece in pieces
    }
    assert not any("usage" in piece for piece in pieces)


async def test_usage_comes_last_and_alone_where_it_was_asked_for() -> None:
    """Every chunk has `usage: null`, and one last chunk without choices has the numbers."""
    got = await Surface.of(chunks("Hi")).client().post("/v1/chat/completions", WITH_USAGE)

    pieces = [json.loads(event) for event in got.events[:-1]]
    assert [None, None, None] == [piece["usage"] for piece in pieces[:-1]]
    assert ([], 3) == (pieces[-1]["choices"], pieces[-1]["usage"]["prompt_tokens"])


async def test_role_is_said_first_where_the_upstream_does_not() -> None:
    """Clients rely on the role in the first chunk."""
    script = [chunk({"content": "Hi"}), chunk({}, "stop")]

    got = await Surface.of(script).client().post("/v1/chat/completions", STREAMING)

    deltas = [json.loads(event)["choices"][0]["delta"] for event in got.events[:-1]]
    assert [{"role": "assistant", "content": ""}, {"content": "Hi"}, {}] == deltas


async def test_broken_stream_ends_with_an_error_and_no_done() -> None:
    """A stream that breaks off after its first chunk tells so in the stream."""
    surface = Surface.of([chunk({"role": "assistant", "content": "Hi"}), StreamBroken()])

    got = await surface.client().post("/v1/chat/completions", STREAMING)

    error = json.loads(got.events[-1])
    assert (200, True, {"error"}, "upstream_error") == (got.status, got.complete, set(error), error["error"]["code"])
    record = surface.watcher.records[0]
    assert (Ending.FAILED, "upstream_error", True) == (record.journey.ending, record.error, record.stream)


@pytest.mark.parametrize("fault", [RuntimeError("secret"), InvalidRequest("Wrong."), Unavailable("Not now.")], ids=repr)
async def test_whatever_breaks_a_stream_is_told_in_it(fault: Exception) -> None:
    """Also what should not happen after the first chunk; a fault of our own is reported inside."""
    surface = Surface.of([chunk({"role": "assistant", "content": "Hi"}), fault])

    got = await surface.client().post("/v1/chat/completions", STREAMING)

    assert (True, {"error"}) == (got.complete, set(json.loads(got.events[-1])))
    assert b"secret" not in got.body
    assert isinstance(fault, RuntimeError) is bool(surface.watcher.faults)


async def test_name_of_a_model_has_a_bound() -> None:
    """It stands in headers and log lines."""
    got = await Surface().client().post("/v1/chat/completions", ASKING.replace(b"a/m", b"a/" + b"m" * 600))

    assert (400, "string_above_max_length", "model") == (got.status, got.error["code"], got.error["param"])


async def test_body_of_very_many_members_is_refused() -> None:
    """Each would be handled by itself, while all others wait."""
    many = b",".join(b'"k%d":1' % number for number in range(1_100))

    got = await replace_intake(Surface()).client().post("/v1/chat/completions", ASKING[:-1] + b"," + many + b"}")

    assert (400, "invalid_json") == (got.status, got.error["code"])


def replace_intake(surface: Surface) -> Surface:
    """Return a surface that takes larger bodies than the tests' usual one."""
    surface.intake = Intake()
    return surface


async def test_server_that_reports_the_end_as_a_hang_up_changes_nothing() -> None:
    """After a complete answer the server says `disconnect`; that is no caller who left."""
    surface = Surface.of(chunks("Hi"))
    client = surface.client()
    app = client.app

    async def telling(scope: Scope, receive: Receive, send: Send) -> None:
        async def sent(message: Message) -> None:
            await send(message)
            if message["type"] == "http.response.body" and not message.get("more_body"):
                client.hang_up()
                for _ in range(3):
                    await asyncio.sleep(0)

        await app(scope, receive, sent)

    client.app = telling
    await client.post("/v1/chat/completions", STREAMING)

    record = surface.watcher.records[0]
    assert ("", Ending.FINISHED) == (record.error, record.journey.ending)


async def test_cerebras_path_adds_the_status_that_its_sdk_reads() -> None:
    """The SDK of Cerebras raises by `status_code` in the body."""
    provider = ScriptedProvider([[chunk({"content": "Hi"}), StreamBroken()]])
    surface = Surface()
    able = surface.gateway.stream_chat.providers.chat
    able["cerebras"] = provider  # type: ignore[index]
    surface.gateway.list_models.table.providers["cerebras"] = surface.gateway.list_models.table.providers["a"]  # type: ignore[index]

    got = await surface.client().post("/cerebras/v1/chat/completions", STREAMING)

    assert 502 == json.loads(got.events[-1])["status_code"]


@pytest.mark.parametrize("body", [ASKING, STREAMING], ids=["whole", "stream"])
@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (UpstreamError(400, "Bad temperature.", "invalid_value", "temperature"), 400, "invalid_value"),
        (UpstreamError(404, "No such model.", "model_not_found"), 404, "model_not_found"),
        (UpstreamError(408), 408, "upstream_timeout"),
        (UpstreamError(409), 409, "conflict"),
        (UpstreamError(413), 413, "request_too_large"),
        (UpstreamError(422), 422, None),
        (UpstreamError(429, retry_after="7"), 429, "rate_limit_exceeded"),
        (UpstreamError(429, code="insufficient_quota"), 429, "insufficient_quota"),
        (UpstreamError(503), 503, "service_unavailable"),
        (UpstreamError(402), 502, "upstream_error"),
        (UpstreamError(418), 502, "upstream_error"),
        (UpstreamError(500, "Boom."), 502, "upstream_error"),
        (CredentialRefused(401), 502, "upstream_error"),
        (Unreachable("connect"), 502, "upstream_error"),
        (Malformed("an empty answer"), 502, "upstream_error"),
        (UpstreamTimeout("first_byte", 60), 504, "upstream_timeout"),
    ],
    ids=repr,
)
async def test_failure_before_the_first_byte_is_a_true_status(
    failure: Exception, status: int, code: str | None, body: bytes
) -> None:
    """Streamed or not: nothing was sent yet, so the status tells."""
    got = await Surface.of(failure).client().post("/v1/chat/completions", body)

    assert (status, code, "a") == (got.status, got.error["code"], got.headers["x-gateway-provider"])
    assert (status in {429, 503}) == ("retry-after" in got.headers)


async def test_upstreams_words_and_waits_are_passed_on() -> None:
    """Its message, code, param and retry-after are the upstream's where it gave them."""
    failure = UpstreamError(429, "Slow down.", "tokens", "model", retry_after="7")

    got = await Surface.of(failure).client().post("/v1/chat/completions", ASKING)

    assert ("Slow down.", "tokens", "model") == tuple(got.error[name] for name in ("message", "code", "param"))
    assert "7" == got.headers["retry-after"]


async def test_unexpected_fault_says_nothing_of_itself() -> None:
    """A fault of our own is a 500 without a word of the exception; it is reported inside."""
    surface = Surface.of(RuntimeError("secret inside"))

    got = await surface.client().post("/v1/chat/completions", ASKING)

    assert (500, "internal_error") == (got.status, got.error["code"])
    assert b"secret" not in got.body
    assert ["secret inside"] == [str(fault) for fault in surface.watcher.faults]


@pytest.mark.parametrize("body", [ASKING, STREAMING], ids=["whole", "stream"])
async def test_hanging_up_before_the_first_byte_stops_the_upstream(body: bytes) -> None:
    """A caller who leaves while the gateway waits leaves nothing running."""
    event = asyncio.Event()
    surface = Surface.of([event] if body is STREAMING else event)
    client = surface.client()
    async with asyncio.TaskGroup() as group:
        group.create_task(client.post("/v1/chat/completions", body))
        await surface.provider.called.wait()
        client.hang_up()

    assert (1, 0) == (surface.provider.closed, client.answer.status)
    record = surface.watcher.records[0]
    assert (499, Ending.CLIENT_GONE, "client_gone") == (record.status, record.journey.ending, record.error)


async def test_hanging_up_in_the_middle_stops_the_upstream() -> None:
    """A caller who leaves mid-stream leaves nothing running, and the request has one ending."""
    surface = Surface.of([chunk({"role": "assistant", "content": "Hi"}), asyncio.Event()])
    client = surface.client()
    async with asyncio.TaskGroup() as group:
        group.create_task(client.post("/v1/chat/completions", STREAMING))
        await client.progress.wait()
        client.hang_up()

    assert 1 == surface.provider.closed
    record = surface.watcher.records[0]
    assert (200, Ending.CLIENT_GONE, "client_gone") == (record.status, record.journey.ending, record.error)


async def test_silence_is_filled_with_comments_after_the_first_chunk_only() -> None:
    """Before the first chunk nothing is sent; afterwards a comment keeps the connection alive."""
    release_first, release_rest = asyncio.Event(), asyncio.Event()
    surface = Surface.of(
        [release_first, chunk({"role": "assistant", "content": "Hi"}), release_rest, chunk({}, "stop")], ping_s=0.02
    )
    client = surface.client()

    async def caller() -> None:
        surface.clock.seconds += 1
        async with asyncio.timeout(0.1), asyncio.TaskGroup() as waiting:
            waiting.create_task(_nothing(client.progress))

    async with asyncio.TaskGroup() as group:
        group.create_task(client.post("/v1/chat/completions", STREAMING))
        await surface.provider.called.wait()
        with pytest.raises(TimeoutError):
            await caller()
        assert not client.progress.is_set()
        release_first.set()
        await client.progress.wait()
        surface.clock.seconds += 1
        while b": ping\n\n" not in client.answer.parts:
            client.progress.clear()
            await client.progress.wait()
        release_rest.set()

    assert b"[DONE]" == client.answer.events[-1]


async def _nothing(event: asyncio.Event) -> None:
    await event.wait()


async def test_servers_end_is_told_in_the_stream() -> None:
    """When the server cancels a stream at its own end, the caller gets an error, not silence."""
    surface = Surface.of([chunk({"role": "assistant", "content": "Hi"}), asyncio.Event()])
    client = surface.client()
    serving = asyncio.get_running_loop().create_task(client.post("/v1/chat/completions", STREAMING))
    await client.progress.wait()

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert "service_unavailable" == json.loads(client.answer.events[-1])["error"]["code"]
    assert (1, True) == (surface.provider.closed, client.answer.complete)
