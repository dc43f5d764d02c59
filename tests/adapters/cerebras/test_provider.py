"""What is Cerebras's own about the provider; what all providers do is in the contracts."""

from __future__ import annotations

import platform
from contextlib import aclosing, suppress
from typing import Any

import attrs
import httpx
import pytest
from cerebras.cloud.sdk import APIConnectionError, __version__
from typing_extensions import override

from adapters.cerebras.provider import CerebrasProvider, cerebras_provider
from adapters.upstream.sdk import SdkClient
from adapters.wire.jsontext import document_of, render
from domain.chat import ChatChunk, ChatRequest
from domain.completions import CompletionRequest
from domain.errors import Malformed, ProviderFailure, UpstreamError, UpstreamTimeout
from domain.ports.providers import Call
from domain.usage import Usage
from tests.fakes import changes
from tests.fakes.cerebras_double import CerebrasDouble
from tests.fakes.scenarios import Scenario

KEY = "csk-canary-0123456789"
ANSWER = (
    b'{"id":"1","choices":[{"index":0,"message":{"role":"assistant","content":"4","reasoning":"2+2"},'
    b'"reasoning_logprobs":{"content":[]},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,'
    b'"image_tokens":0},"time_info":{"queue_time":1e-05},"new":9007199254740993}'
)
FIRST = b'{"id":"1","choices":[{"index":0,"delta":{"role":"assistant","reasoning":"2+2"},"finish_reason":null}]}'
BARE = b'{"id":"1","object":"chat.completion.chunk","time_info":{"queue_time":1e-05}}'
LAST = (
    b'{"id":"1","choices":[{"index":0,"delta":{},"reasoning_logprobs":null,"finish_reason":"stop"}],'
    b'"usage":{"prompt_tokens":3,"completion_tokens":2},"time_info":{"total_time":0.10}}'
)

TOO_MANY = "Requests per minute limit exceeded."
NO_MODEL = "Model does not exist or you do not have access to it."


def chat(*, stream: bool = False, **members: Any) -> ChatRequest:
    """Return a chat of one message."""
    asked = {"model": "fast", "messages": [{"role": "user", "content": "2+2?"}], "stream": stream, **members}
    return ChatRequest("fast", document_of(asked), stream=stream)


def call(connect_s: float = 5) -> Call:
    """Return a call for a model."""
    return Call("gpt-oss-120b", connect_s=connect_s, first_byte_s=5, idle_s=5, total_s=10)


def at(double: CerebrasDouble) -> CerebrasProvider:
    """Return the provider for a double."""
    return cerebras_provider(KEY, double.url)


def saying(*changed: changes.Change) -> Scenario:
    """Return a scenario with changes of our own."""
    return Scenario("said", change=changed)


async def streamed(provider: CerebrasProvider) -> list[ChatChunk]:
    """Return all chunks of a streamed chat."""
    async with aclosing(provider.stream(chat(stream=True), call())) as steps:
        return [chunk async for step in steps for chunk in step]


async def failure(provider: CerebrasProvider, told: Call | None = None) -> tuple[object, ...]:
    """Return what a chat's failure is and says: exceptions equal themselves only."""
    with pytest.raises(ProviderFailure) as raised:
        await provider.complete(chat(), told or call())
    return type(raised.value), *attrs.astuple(raised.value)


# --- what is sent


async def test_a_request_carries_the_headers_of_the_sdk_and_no_others() -> None:
    async with CerebrasDouble() as double:
        await at(double).complete(chat(), call())

    told = {name.lower(): value for name, value in double.seen[0].headers}
    for about_the_machine in ("x-stainless-arch", "x-stainless-os"):
        assert told.pop(about_the_machine)
    assert told == {
        "host": double.url.removeprefix("http://"),
        "accept": "application/json",
        "accept-encoding": "identity",
        "authorization": f"Bearer {KEY}",
        "content-length": str(len(double.seen[0].body)),
        "content-type": "application/json",
        "user-agent": f"AsyncCerebras/Python {__version__}",
        "x-stainless-async": "async:asyncio",
        "x-stainless-read-timeout": "5",
        "x-stainless-lang": "python",
        "x-stainless-package-version": __version__,
        "x-stainless-retry-count": "0",
        "x-stainless-runtime": platform.python_implementation(),
        "x-stainless-runtime-version": platform.python_version(),
    }


async def test_each_capability_has_its_path_and_its_bytes() -> None:
    async with CerebrasDouble(key=KEY) as double:
        provider = at(double)
        await provider.complete(chat(n=1), call())
        await provider.complete_text(CompletionRequest("fast", document_of({"prompt": "2+2="})), call())
        await provider.list_models(Call(""))

    assert [(seen.method, seen.path, seen.body) for seen in double.seen] == [
        (
            "POST",
            "/v1/chat/completions",
            b'{"model":"gpt-oss-120b","messages":[{"role":"user","content":"2+2?"}],"stream":false,"n":1}',
        ),
        ("POST", "/v1/completions", b'{"prompt":"2+2=","model":"gpt-oss-120b"}'),
        ("GET", "/v1/models", b""),
    ]


async def test_a_server_that_refuses_what_it_does_not_know_takes_what_openai_defines() -> None:
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    messages: list[dict[str, Any]] = [
        {"role": "developer", "content": [{"type": "text", "text": "Be brief.", "cache_control": {}}]},
        {"role": "user", "content": [{"type": "text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}}]},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}], "annotations": [], "audio": None},
        {"role": "assistant", "content": None, "refusal": None, "reasoning_content": "hm", "tool_calls": [called]},
        {"role": "tool", "tool_call_id": "c", "content": "4"},
    ]
    others: dict[str, Any] = {"max_tokens": 5, "safety_identifier": "a", "reasoning_effort": "xhigh", "store": True}
    options = {"include_obfuscation": False}
    request = chat(stream=True, **{**others, "messages": messages, "metadata": {}, "stream_options": options})
    async with CerebrasDouble() as double:
        async for _ in at(double).stream(request, call()):
            pass

    assert double.seen[0].complete


@pytest.mark.parametrize("ending", ["/", "/v1", "/v1/"])
async def test_the_base_url_may_end_as_other_programs_want_it(ending: str) -> None:
    async with CerebrasDouble() as double:
        await cerebras_provider(KEY, double.url + ending).complete(chat(), call())

    assert double.seen[0].path == "/v1/chat/completions"


async def test_a_cookie_of_one_answer_does_not_go_into_the_next_request() -> None:
    async with CerebrasDouble() as double:
        provider = at(double)
        await provider.complete(chat(), call())
        await provider.complete(chat(), call())

    assert [seen.header("cookie") for seen in double.seen] == [None, None]


@pytest.mark.parametrize("status", [302, 307])
async def test_a_redirect_takes_the_credential_nowhere(status: int) -> None:
    async with CerebrasDouble() as elsewhere, CerebrasDouble() as double:
        location = ("Location", f"{elsewhere.url}/v1/chat/completions")
        double.always(saying(changes.status_set(status), changes.headers_added(location)))
        found = await failure(at(double))

    assert found == (Malformed, f"status {status} where an answer was due")
    assert elsewhere.seen == []


async def test_no_connection_is_warmed() -> None:
    async with CerebrasDouble() as double:
        await at(double).complete(chat(), call())

    assert (double.warmings, double.connections) == (0, 1)


def test_the_key_shows_in_no_text_of_the_provider() -> None:
    assert KEY not in repr(cerebras_provider(KEY))


# --- what comes back


async def test_a_whole_answer_keeps_what_the_sdk_would_lose() -> None:
    async with CerebrasDouble() as double:
        double.always(saying(changes.body_of(ANSWER)))
        answer = await at(double).complete(chat(), call())

    assert answer.usage == Usage(3, 2)
    assert render(answer.document) == ANSWER


@pytest.mark.parametrize("mark", [b"", b"data: [DONE]\n\n"])
async def test_a_streamed_answer_may_have_usage_beside_a_choice_and_chunks_without(mark: bytes) -> None:
    body = b"".join([b"data: " + data + b"\n\n" for data in (FIRST, BARE, LAST)]) + mark
    async with CerebrasDouble() as double:
        double.always(saying(changes.body_of(body, "text/event-stream")))
        chunks = await streamed(at(double))

    assert [(len(chunk.choices), chunk.usage) for chunk in chunks] == [(1, None), (0, None), (1, Usage(3, 2))]
    assert [render(chunk.document) for chunk in chunks] == [FIRST, BARE, LAST]


async def test_an_error_in_a_stream_tells_its_status() -> None:
    async with CerebrasDouble() as double:
        double.always("error-mid-stream")
        with pytest.raises(UpstreamError) as raised:
            await streamed(at(double))

    assert (raised.value.status, raised.value.message) == (500, "Encountered a server error.")


# --- what goes wrong


@pytest.mark.parametrize(
    "expected",
    [
        UpstreamError(402, "Payment required.", "payment_required", "billing"),
        UpstreamError(404, NO_MODEL, "model_not_found", "model"),
        UpstreamError(429, TOO_MANY, "request_quota_exceeded", "quota", "7"),
    ],
    ids=lambda expected: str(expected.status),
)
async def test_a_flat_error_is_told_in_its_own_words(expected: UpstreamError) -> None:
    async with CerebrasDouble() as double:
        double.always(str(expected.status))

        assert await failure(at(double)) == (UpstreamError, *attrs.astuple(expected))


@pytest.mark.parametrize("status", [408, 409, 429, 500])
async def test_nothing_is_tried_again_even_where_the_server_asks_for_it(status: int) -> None:
    again = saying(changes.status_set(status), changes.headers_added(("x-should-retry", "true")))
    async with CerebrasDouble() as double:
        double.always(again)
        await failure(at(double))

    assert len(double.seen) == 1


@pytest.mark.parametrize("scenario", ["text", "429", "500"])
async def test_the_limits_are_relayed_on_answers_and_on_errors(scenario: str) -> None:
    told = call()
    async with CerebrasDouble() as double:
        double.always(scenario)
        with suppress(UpstreamError):
            await at(double).complete(chat(), told)

    assert told.relayed == {
        **({"retry-after": "7"} if scenario == "429" else {}),
        "x-ratelimit-limit-requests-day": "14400",
        "x-ratelimit-limit-tokens-minute": "60000",
        "x-ratelimit-remaining-requests-day": "14399",
        "x-ratelimit-remaining-tokens-minute": "59935",
        "x-ratelimit-reset-requests-day": "16632.54382",
        "x-ratelimit-reset-tokens-minute": "12.54382",
    }


async def test_a_redirect_without_end_is_cut() -> None:
    async with CerebrasDouble() as double:
        double.always(saying(changes.endless(changes.BLOCK), changes.status_set(302)))

        assert await failure(at(double)) == (Malformed, "status 302 where an answer was due")


async def test_a_handshake_that_takes_too_long_ends_at_the_deadline_of_the_connection() -> None:
    async with CerebrasDouble() as double:
        provider = cerebras_provider(KEY, double.url.replace("http:", "https:"))

        assert await failure(provider, call(connect_s=0.05)) == (UpstreamTimeout, "connect", 0.05)


async def test_a_fault_of_our_own_is_not_dressed_up_as_the_providers() -> None:
    class Faulty(httpx.AsyncBaseTransport):
        @override
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise ZeroDivisionError

    provider = cerebras_provider(KEY, http_client=SdkClient(Faulty()))

    with pytest.raises(APIConnectionError):
        await provider.complete(chat(), call())
