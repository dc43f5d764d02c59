"""The official `openai` package through the gateway to doubles of its providers: what they see, and what comes back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.fakes.changes import ODD_TEXT
from tests.fakes.dialect import recorded
from tests.fakes.openai_dialect import events
from tests.fakes.process import KEY
from tests.surface.providers import AUTHORIZED, HELLO, MODELS, NAMES, Name, Site, data_of_events, members

pytest_plugins = ("tests.surface.doubled",)

WORDS = dict.fromkeys(NAMES, "A café crème costs €3.20 / cup 😀.") | {"ollama": "A café crème costs €3.20 & more 😀."}
TOOL: Any = {
    "type": "function",
    "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
}
SCHEMA: Any = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
FORMAT: Any = {"type": "json_schema", "json_schema": {"name": "thing", "schema": SCHEMA, "strict": True}}
ODD_BODY = (
    '{"messages" : [{"role":"user","content":"caf\\u00e9 \\/ \\ud83d\\ude00 é","vendor_note":{"x":[1.0,1E+2,-0.0]},'
    '"name":"\\u0061nn"}], "model":"MODEL","seed":9223372036854775807,"temperature":0.10,"top_p":1.0e-1,'
    '"user":null,"stop":null,"vendor_extra":{"trace":9223372036854775807123,"note":"a\\/b","deep":[[{"n":1E400}]]},'
    '"metadata":{"k":"v\\u2028"},"logit_bias":{"50256":-100}STREAM}'
)


@pytest.fixture(params=["/v1", "own path"])
def base(request: pytest.FixtureRequest) -> str:
    """Return the two ways to a provider: by the name of the model, and by the path."""
    return str(request.param)


@pytest.fixture
def ask(site: Site, base: str) -> Iterator[Any]:
    """Return what gives a provider's client, and the name that its model has there."""
    clients: list[openai.OpenAI] = []

    def asking(name: Name, model: str | None = None) -> tuple[openai.OpenAI, str]:
        model = model or MODELS[name]
        path, model = ("/v1", f"{name}/{model}") if base == "/v1" else (f"/{name}/v1", model)
        clients.append(openai.OpenAI(base_url=site.url + path, api_key=KEY, max_retries=0))
        return clients[-1], model

    yield asking
    for client in clients:
        client.close()


@pytest.mark.parametrize("name", NAMES)
def test_chat_is_answered_by_the_provider(site: Site, ask: Any, name: Name) -> None:
    """The words are the upstream's, the name of the model the caller's; the upstream gets its own name of it."""
    client, model = ask(name)

    answer = client.chat.completions.create(model=model, messages=HELLO)

    assert (model, WORDS[name], "stop") == (
        answer.model,
        answer.choices[0].message.content,
        answer.choices[0].finish_reason,
    )
    assert answer.usage.prompt_tokens + answer.usage.completion_tokens == answer.usage.total_tokens > 0
    assert MODELS[name] == site.last(name).model


@pytest.mark.parametrize("usage", [True, False])
@pytest.mark.parametrize("name", NAMES)
def test_stream_says_the_same(site: Site, ask: Any, name: Name, usage: bool) -> None:
    """One id, time and model in all chunks; usage in a last chunk, where it was asked for and nowhere else."""
    client, model = ask(name)
    more = {"stream_options": {"include_usage": True}} if usage else {}

    pieces = list(client.chat.completions.create(model=model, messages=HELLO, stream=True, **more))

    chosen = [piece for piece in pieces if piece.choices]
    assert {(pieces[0].id, pieces[0].created, model)} == {(piece.id, piece.created, piece.model) for piece in pieces}
    assert WORDS[name] == "".join(piece.choices[0].delta.content or "" for piece in chosen)
    assert ("assistant", "stop") == (chosen[0].choices[0].delta.role, chosen[-1].choices[0].finish_reason)
    assert [] == [piece.usage for piece in chosen if piece.usage is not None]
    assert (1 if usage else 0) == len(pieces) - len(chosen)
    assert not usage or pieces[-1].usage.total_tokens > 0
    assert site.last(name).json["stream"] is True


@pytest.mark.parametrize("name", NAMES)
async def test_asynchronous_client_is_answered_too(site: Site, name: Name) -> None:
    """The same, whole and streamed, through the asynchronous package."""
    async with openai.AsyncOpenAI(base_url=f"{site.url}/v1", api_key=KEY, max_retries=0) as client:
        model = f"{name}/{MODELS[name]}"
        whole = await client.chat.completions.create(model=model, messages=HELLO)
        stream = await client.chat.completions.create(model=model, messages=HELLO, stream=True)
        said = "".join([piece.choices[0].delta.content or "" async for piece in stream])

    assert (WORDS[name], WORDS[name]) == (whole.choices[0].message.content, said)


@pytest.mark.parametrize(("scenario", "calls"), [("tool", 1), ("tools", 2)])
@pytest.mark.parametrize("name", NAMES)
def test_tools_are_called_whole_and_streamed_alike(ask: Any, name: Name, scenario: str, calls: int) -> None:
    """Every call has an id, a name and arguments that are a string of JSON; parallel calls do not mix."""
    client, model = ask(name, f"fault-{scenario}")
    asked: Any = {"model": model, "messages": HELLO, "tools": [TOOL], "parallel_tool_calls": True}

    whole = client.chat.completions.create(**asked)
    pieces = list(client.chat.completions.create(**asked, stream=True))

    made = whole.choices[0].message.tool_calls
    streamed: dict[int, list[str]] = {}
    for delta in (delta for piece in pieces for delta in piece.choices[0].delta.tool_calls or ()):
        call = streamed.setdefault(delta.index, ["", "", ""])
        call[0] += delta.id or ""
        call[1] += delta.function.name or ""
        call[2] += delta.function.arguments or ""
    assert calls == len(made) == len({call.id for call in made}) == len(streamed)
    assert [(call.function.name, json.loads(call.function.arguments)) for call in made] == [
        (call[1], json.loads(call[2])) for _, call in sorted(streamed.items())
    ]
    assert all(call[0] for call in streamed.values())
    assert ("tool_calls", "tool_calls") == (whole.choices[0].finish_reason, pieces[-1].choices[0].finish_reason)


@pytest.mark.parametrize("name", NAMES)
def test_structured_output_is_asked_for_in_the_providers_words(site: Site, ask: Any, name: Name) -> None:
    """The schema reaches the upstream: Ollama's as `format`, the others' as it came."""
    client, model = ask(name)

    client.chat.completions.create(model=model, messages=HELLO, response_format=FORMAT)

    seen = site.last(name).json
    assert (SCHEMA if name == "ollama" else FORMAT) == seen["format" if name == "ollama" else "response_format"]


@pytest.mark.parametrize("name", ["lab", "ollama"])
def test_embeddings_come_in_the_encoding_asked_for(site: Site, ask: Any, name: Name) -> None:
    """Base64, which the package asks for by itself, and numbers hold the same vectors."""
    client, model = ask(name, "text-embedding-3-small" if name == "lab" else "nomic-embed-text")

    packed = client.embeddings.create(model=model, input=["one", "two"])
    plain = client.embeddings.create(model=model, input=["one", "two"], encoding_format="float")

    assert [0, 1] == [item.index for item in packed.data]
    assert [item.embedding for item in packed.data] == [item.embedding for item in plain.data]
    assert (model, model) == (packed.model, plain.model)
    assert packed.usage.prompt_tokens == packed.usage.total_tokens > 0
    assert model.removeprefix(f"{name}/") == site.last(name).model


def test_cerebras_has_no_embeddings_and_the_error_says_so(site: Site, ask: Any) -> None:
    """It is a typed error of the caller's, and nothing is sent."""
    client, model = ask("cerebras")

    with pytest.raises(openai.BadRequestError) as caught:
        client.embeddings.create(model=model, input="x")

    assert ("not_supported", "invalid_request_error", "model") == (
        caught.value.code,
        caught.value.type,
        caught.value.param,
    )
    assert "'cerebras'" in caught.value.message
    assert "embeddings" in caught.value.message
    assert [] == site.asked("cerebras")


@pytest.mark.parametrize("name", NAMES)
def test_text_completions_are_answered_whole_and_streamed(ask: Any, name: Name) -> None:
    """Natively where the upstream has them, as chats on Ollama."""
    client, model = ask(name)

    whole = client.completions.create(model=model, prompt="Once upon a time")
    pieces = list(client.completions.create(model=model, prompt="Once upon a time", stream=True))

    assert whole.choices[0].text
    assert whole.choices[0].text == "".join(piece.choices[0].text for piece in pieces)
    assert {("text_completion", model)} == {(piece.object, piece.model) for piece in [whole, *pieces]}
    assert [] == [piece.usage for piece in pieces if piece.usage is not None]


def test_models_of_all_providers_are_listed(site: Site) -> None:
    """First aliases, then `provider/model`, each once."""
    with openai.OpenAI(base_url=f"{site.url}/v1", api_key=KEY, max_retries=0) as client:
        found = [model.id for model in client.models.list()]

    expected = {
        *(f"patient-{name}-{scenario}" for name in NAMES for scenario in ("slow", "silence")),
        *(f"cerebras/{model}" for model in ("gpt-oss-120b", "llama3.1-8b", "zai-glm-4.7")),
        *(f"ollama/{model}" for model in ("llama3.2:latest", "nomic-embed-text:latest", "hf.co/acme/tiny:Q4_0")),
        *(f"lab/{model}" for model in ("gpt-5-mini", "gpt-3.5-turbo-instruct", "text-embedding-3-small")),
        "lab/ft:gpt-5-mini:acme::C0ffee",
        "custom/custom",
    }
    assert (expected, len(expected)) == (set(found), len(found))
    assert sorted("/" in name for name in found) == ["/" in name for name in found]


@pytest.mark.parametrize(
    ("path", "asked", "found"),
    [
        ("/v1", "lab/gpt-5-mini", "lab/gpt-5-mini"),
        ("/v1", "ollama/hf.co/acme/tiny:Q4_0", "ollama/hf.co/acme/tiny:Q4_0"),
        ("/lab/v1", "gpt-5-mini", "gpt-5-mini"),
        ("/lab/v1", "ft:gpt-5-mini:acme::C0ffee", "ft:gpt-5-mini:acme::C0ffee"),
        ("/cerebras/v1", "zai-glm-4.7", "zai-glm-4.7"),
        ("/ollama/v1", "llama3.2:latest", "llama3.2:latest"),
        ("/ollama/v1", "llama3.2", "llama3.2:latest"),
        ("/ollama/v1", "hf.co/acme/tiny:Q4_0", "hf.co/acme/tiny:Q4_0"),
    ],
)
def test_model_is_found(site: Site, path: str, asked: str, found: str) -> None:
    """By its name, whatever is in it; Ollama's also without its tag."""
    with openai.OpenAI(base_url=site.url + path, api_key=KEY, max_retries=0) as client:
        model = client.models.retrieve(asked)

    assert (found.removesuffix(":latest"), "model") == (model.id.removesuffix(":latest"), model.object)


@pytest.mark.parametrize(("path", "name"), [("/v1", "lab/nothing"), ("/v1", "nothing"), ("/ollama/v1", "nothing")])
def test_unknown_model_is_not_found(site: Site, path: str, name: str) -> None:
    """The error is typed, and no upstream is asked."""
    with (
        openai.OpenAI(base_url=site.url + path, api_key=KEY, max_retries=0) as client,
        pytest.raises(openai.NotFoundError) as caught,
    ):
        client.models.retrieve(name)

    assert ("model_not_found", []) == (caught.value.code, site.asked(*NAMES))


@pytest.mark.parametrize("model", ["gpt-5-mini", "llama3.1-8b", "llama3.2", "llama3.2:latest"])
def test_bare_name_of_one_provider_is_enough(site: Site, model: str) -> None:
    """A model that exactly one provider lists is answered by it."""
    answer = site.chat(model)

    assert (200, model) == (answer.status_code, answer.json()["model"])
    assert answer.headers["x-gateway-provider"] in NAMES


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", ["/v1", "/lab/v1"])
def test_request_reaches_an_openai_server_as_it_came(site: Site, path: str, stream: bool) -> None:
    """Every member, known or not, with its numbers and escapes as they were written; only `model` is replaced."""
    name = "lab/gpt-5-mini" if path == "/v1" else "gpt-5-mini"
    body = ODD_BODY.replace("MODEL", name).replace("STREAM", ',"stream":true' if stream else "")

    answer = site.post(f"{path}/chat/completions", body.encode())

    expected = {**members(body), "model": b'"gpt-5-mini"'}
    if stream:
        expected["stream_options"] = b'{"include_usage":true}'
    assert 200 == answer.status_code
    assert expected == members(site.last("lab").body)
    assert list(expected) == list(members(site.last("lab").body))


def test_stream_options_keep_their_other_members(site: Site) -> None:
    """The upstream is always asked for usage, and for nothing else that the caller did not ask for."""
    site.chat("lab/x", stream=True, stream_options={"include_usage": False, "include_obfuscation": False})

    assert {"include_usage": True, "include_obfuscation": False} == site.last("lab").json["stream_options"]


def test_unasked_stream_options_are_not_sent(site: Site) -> None:
    """A whole answer tells its usage by itself."""
    site.chat("lab/x")

    assert {"model", "messages"} == set(site.last("lab").json)


@pytest.mark.parametrize("path", ["/v1/completions", "/v1/embeddings"])
def test_other_requests_reach_an_openai_server_as_they_came(site: Site, path: str) -> None:
    """Text completions and embeddings are carried as losslessly as chats."""
    asked = {"/v1/completions": '"prompt":"caf\\u00e9"', "/v1/embeddings": '"input":["a\\/b","é"]'}[path]
    body = '{%s,"vendor":{"n":1E400,"i":9223372036854775807123,"f":0.10}, "model": "lab/m"}' % asked  # noqa: UP031

    answer = site.post(path, body.encode())

    assert 200 == answer.status_code
    assert {**members(body), "model": b'"m"'} == members(site.last("lab").body)


@pytest.mark.parametrize("vendor", ["openai", "cerebras"])
def test_whole_answer_comes_as_the_upstream_gave_it(site: Site, vendor: str) -> None:
    """Fields that nobody knows, big integers and the text of numbers survive."""
    name = "lab" if vendor == "openai" else vendor
    given = members(recorded(vendor, "chat-text.json"))

    answer = site.chat(f"{name}/m")

    assert {**given, "model": f'"{name}/m"'.encode()} == members(answer.content)


@pytest.mark.parametrize("usage", [True, False])
@pytest.mark.parametrize("vendor", ["openai", "cerebras"])
def test_chunks_come_as_the_upstream_gave_them(site: Site, vendor: str, usage: bool) -> None:
    """All but the name of the model and where the usage stands."""
    name = "lab" if vendor == "openai" else vendor
    given = [members(event[6:]) for event in events(recorded(vendor, "chat-text.sse")) if b"[DONE]" not in event]

    answer = site.chat(f"{name}/m", stream=True, **({"stream_options": {"include_usage": True}} if usage else {}))

    got = [members(data) for data in data_of_events(answer.content) if data != "[DONE]"]
    expected = [_bare(chunk) for chunk in given if b"[]" != chunk["choices"]]
    assert [json.dumps(f"{name}/m").encode()] * len(got) == [chunk["model"] for chunk in got]
    assert expected == [_bare(chunk) for chunk in got if b"[]" != chunk["choices"]]
    counted = [chunk["usage"] for chunk in given if chunk.get("usage", b"null") != b"null"]
    assert [b"null"] * len(expected) + counted if usage else [] == [c["usage"] for c in got if "usage" in c]
    assert int(usage) == len(got) - len(expected)


def _bare(chunk: dict[str, bytes]) -> dict[str, Any]:
    """Return a chunk without what the gateway may change; members of choices that every client needs are filled in."""
    kept: dict[str, Any] = {name: text for name, text in chunk.items() if name not in {"model", "usage"}}
    kept["choices"] = [
        {"finish_reason": None, **choice} for choice in json.loads(chunk["choices"], parse_int=str, parse_float=str)
    ]
    return kept


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("stream", [True, False])
def test_odd_characters_arrive(site: Site, name: Name, stream: bool) -> None:
    """Line ends of other worlds, split letters and text that looks like the protocol are text and stay it."""
    for scenario in ("odd-text", "split-utf8"):
        answer = site.chat(f"{name}/fault-{scenario}", stream=stream)

        said = (
            "".join(
                json.loads(data)["choices"][0]["delta"].get("content") or ""
                for data in data_of_events(answer.content)
                if data != "[DONE]"
            )
            if stream
            else answer.json()["choices"][0]["message"]["content"]
        )
        assert ODD_TEXT == said


def test_headers_tell_the_way(site: Site) -> None:
    """Who was asked, under which name, how often; and the id that the caller gave."""
    answer = site.post(
        "/v1/chat/completions", {"model": "ollama/llama3.2", "messages": HELLO}, {"x-request-id": "mine-1"}
    )

    assert ("ollama", "llama3.2", "1", "mine-1") == tuple(
        answer.headers[name] for name in ("x-gateway-provider", "x-gateway-model", "x-gateway-attempts", "x-request-id")
    )
    assert int(answer.headers["openai-processing-ms"]) >= 0


def test_key_decides_before_the_body_is_read(site: Site) -> None:
    """A bad key with a bad body is a 401, and no upstream is asked."""
    for headers in ({}, {"authorization": "Bearer nope"}, {"authorization": f"Basic {KEY}"}, {"x-api-key": "nope"}):
        answer = site.http.post(f"{site.url}/lab/v1/chat/completions", content=b"{", headers=headers)

        assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
    assert 200 == site.http.get(f"{site.url}/v1/models", headers={"x-api-key": KEY}).status_code
    assert 200 == site.http.get(f"{site.url}/v1/models", headers=AUTHORIZED).status_code
    assert [] == site.asked("lab")
