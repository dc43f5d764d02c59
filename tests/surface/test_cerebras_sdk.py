"""The official `cerebras.cloud.sdk` package, pointed at `{gateway}/cerebras` as its users point it at Cerebras."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cerebras.cloud import sdk
from cerebras.cloud.sdk import AsyncCerebras, Cerebras

from tests.fakes.process import KEY
from tests.surface.providers import CREDENTIALS, FIRST_BYTE_S, HELLO, Site

pytest_plugins = ("tests.surface.doubled",)

WORDS = "A café crème costs €3.20 / cup 😀."
MODEL = "llama3.1-8b"


@pytest.fixture
def client(site: Site) -> Iterator[Cerebras]:
    """Return the package's client; it posts to `/v1/…` below its base URL."""
    with Cerebras(
        api_key=KEY, base_url=f"{site.url}/cerebras", max_retries=0, warm_tcp_connection=False, timeout=30
    ) as client:
        yield client


def asynchronous(site: Site) -> AsyncCerebras:
    """Return the asynchronous client."""
    return AsyncCerebras(
        api_key=KEY, base_url=f"{site.url}/cerebras", max_retries=0, warm_tcp_connection=False, timeout=30
    )


def test_chat_is_answered_with_all_that_cerebras_told(site: Site, client: Cerebras) -> None:
    """The package reads the answer as Cerebras's own: times and fingerprint too."""
    answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO)

    assert (MODEL, WORDS, "stop") == (answer.model, answer.choices[0].message.content, answer.choices[0].finish_reason)
    assert (81, 64) == (answer.usage.total_tokens, answer.usage.prompt_tokens_details.cached_tokens)
    assert ("fp_a59cbc1ea3ce06edf9bf", 0.01) == (answer.system_fingerprint, answer.time_info.total_time)
    assert CREDENTIALS["cerebras"] == site.last("cerebras").told


def test_stream_says_the_same(client: Cerebras) -> None:
    """Every chunk has the caller's model; the words together are the answer."""
    chunks: list[Any] = list(client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))

    assert WORDS == "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert {(chunks[0].id, MODEL)} == {(chunk.id, chunk.model) for chunk in chunks}
    assert "stop" == chunks[-1].choices[0].finish_reason


def test_usage_is_streamed_to_who_asks_for_it(client: Cerebras) -> None:
    """It comes last."""
    chunks: list[Any] = list(
        client.chat.completions.create(model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True})
    )

    assert (81, []) == (chunks[-1].usage.total_tokens, chunks[-1].choices)


async def test_asynchronous_client_is_answered_too(site: Site) -> None:
    """The same, whole and streamed."""
    async with asynchronous(site) as client:
        whole: Any = await client.chat.completions.create(model=MODEL, messages=HELLO)
        stream: Any = await client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
        said = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert (WORDS, WORDS) == (whole.choices[0].message.content, said)


def test_its_own_parameters_reach_cerebras(site: Site, client: Cerebras) -> None:
    """What only Cerebras knows is sent on as it came."""
    client.chat.completions.create(
        model=MODEL,
        messages=HELLO,
        clear_thinking=True,
        disable_reasoning=True,
        min_tokens=1,
        reasoning_format="hidden",
        service_tier="auto",
    )

    seen = site.last("cerebras").json
    assert (True, True, 1, "hidden", "auto") == tuple(
        seen[name] for name in ("clear_thinking", "disable_reasoning", "min_tokens", "reasoning_format", "service_tier")
    )


def test_reasoning_is_read(client: Cerebras) -> None:
    """Whole and streamed, under the name that Cerebras has for it."""
    whole: Any = client.chat.completions.create(model="fault-reasoning", messages=HELLO)
    chunks: list[Any] = list(client.chat.completions.create(model="fault-reasoning", messages=HELLO, stream=True))

    reasoning = "".join(chunk.choices[0].delta.reasoning or "" for chunk in chunks)
    assert whole.choices[0].message.reasoning
    assert whole.choices[0].message.reasoning == reasoning


def test_text_completions_are_answered(client: Cerebras) -> None:
    """Whole and streamed alike."""
    whole: Any = client.completions.create(model=MODEL, prompt="Once")
    chunks: list[Any] = list(client.completions.create(model=MODEL, prompt="Once", stream=True))

    assert whole.choices[0].text
    assert whole.choices[0].text == "".join(chunk.choices[0].text or "" for chunk in chunks)


def test_models_are_listed_and_found(client: Cerebras) -> None:
    """By their bare names."""
    assert ["gpt-oss-120b", "llama3.1-8b", "zai-glm-4.7"] == sorted(model.id for model in client.models.list().data)
    assert MODEL == client.models.retrieve(MODEL).id


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("scenario", "error", "status"),
    [
        ("400", sdk.BadRequestError, 400),
        ("401", sdk.InternalServerError, 502),
        ("402", sdk.InternalServerError, 502),
        ("404", sdk.NotFoundError, 404),
        ("409", sdk.ConflictError, 409),
        ("422", sdk.UnprocessableEntityError, 422),
        ("429", sdk.RateLimitError, 429),
        ("500", sdk.InternalServerError, 502),
        ("503", sdk.InternalServerError, 503),
        ("close-early", sdk.InternalServerError, 502),
        ("error-first", sdk.InternalServerError, 502),
    ],
)
def test_errors_are_raised_as_its_own(
    client: Cerebras, scenario: str, error: type[sdk.APIStatusError], status: int, stream: bool
) -> None:
    """Each status is the class that the package has for it, before the first chunk too."""
    with pytest.raises(error) as caught:
        client.chat.completions.create(model=f"fault-{scenario}", messages=HELLO, stream=stream)

    body: Any = caught.value.body
    assert status == caught.value.status_code
    assert {"message", "type", "param", "code"} == set(body)


def test_wrong_key_is_an_authentication_error(site: Site) -> None:
    """The gateway's own 401."""
    with (
        Cerebras(api_key="nope", base_url=f"{site.url}/cerebras", max_retries=0, warm_tcp_connection=False) as client,
        pytest.raises(sdk.AuthenticationError),
    ):
        client.models.list()


@pytest.mark.parametrize(
    ("scenario", "status"), [("error-mid-stream", 502), ("early-eof", 502), ("reset", 502), ("silence", 504)]
)
def test_error_in_a_stream_is_raised_by_its_status(client: Cerebras, scenario: str, status: int) -> None:
    """The event has a `status_code`, by which the package raises; the chunks before it arrive."""
    said: list[Any] = []

    with pytest.raises(sdk.APIStatusError) as caught:
        said.extend(client.chat.completions.create(model=f"fault-{scenario}", messages=HELLO, stream=True))

    assert status == caught.value.status_code
    assert isinstance(caught.value, sdk.InternalServerError)


async def test_error_in_a_stream_is_raised_by_the_asynchronous_client_too(site: Site) -> None:
    """After the chunks that came before it."""
    said: list[Any] = []
    async with asynchronous(site) as client:
        stream: Any = await client.chat.completions.create(model="fault-silence", messages=HELLO, stream=True)
        with pytest.raises(sdk.InternalServerError) as caught:
            await _read_into(said, stream)

    assert 504 == caught.value.status_code
    assert said
    assert f"{FIRST_BYTE_S:g} s" in str(caught.value)


async def _read_into(said: list[Any], stream: Any) -> None:
    """Keep what comes before an error."""
    async for chunk in stream:
        said.append(chunk)  # noqa: PERF401 - a comprehension would lose them


def test_unknown_path_is_an_error_of_its_own(client: Cerebras) -> None:
    """What the gateway does not have is a 404 with a body that the package reads."""
    with pytest.raises(sdk.NotFoundError) as caught:
        client.get("/v1/nothing", cast_to=object)

    body: Any = caught.value.body
    assert "unknown_url" == body["code"]


def test_warming_of_its_connection_does_no_harm(site: Site) -> None:
    """By itself the package greets a server at `/v1/tcp_warming`: that is a 404 here, which it takes in its stride."""
    with Cerebras(api_key=KEY, base_url=f"{site.url}/cerebras", max_retries=0) as client:
        answer: Any = client.chat.completions.create(model=MODEL, messages=HELLO)

    assert (WORDS, []) == (
        answer.choices[0].message.content,
        [seen.path for seen in site.doubles["cerebras"].seen if "warming" in seen.path],
    )
