"""The doubles of the upstreams do what they are told, and note what they see."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator

import httpx
import pytest
import trustme

from tests.fakes.answers import Answer, Delivery
from tests.fakes.cerebras_double import CEREBRAS_SCENARIOS, CerebrasDouble
from tests.fakes.dialect import Seen
from tests.fakes.ollama_double import OLLAMA_SCENARIOS, OllamaDouble
from tests.fakes.openai_double import OPENAI_SCENARIOS, OpenAIDouble
from tests.fakes.raw_client import CHAT, KEY, dechunked, exchange, plain_client, said
from tests.fakes.scenarios import SCENARIOS, named
from tests.fakes.upstream import running_in_thread

KINDS = [OpenAIDouble, CerebrasDouble, OllamaDouble]
CAN = {OpenAIDouble: OPENAI_SCENARIOS, CerebrasDouble: CEREBRAS_SCENARIOS, OllamaDouble: OLLAMA_SCENARIOS}
ENDLESS = {"endless-stream", "endless-line", "endless-pings", "endless-error"}
HOLDS = {"slow", "head-only", "silence", "drip"}


@pytest.fixture
async def openai() -> AsyncIterator[OpenAIDouble]:
    async with OpenAIDouble() as double:
        yield double


# --- the log


async def test_requests_are_kept_as_they_came(openai: OpenAIDouble) -> None:
    await exchange(openai, stream=False)

    [seen] = openai.seen
    assert ("POST", "/v1/chat/completions", "m") == (seen.method, seen.path, seen.model)
    assert (("Host", "x:1"), ("Authorization", f"Bearer {KEY}")) == seen.headers[:2]
    assert seen.json == {**CHAT, "stream": False}
    assert (True, False, "text") == (seen.complete, seen.gone, seen.scenario)


async def test_a_connection_serves_one_request_after_another(openai: OpenAIDouble) -> None:
    async with plain_client() as client:
        for _ in range(3):
            await client.post(f"{openai.url}/v1/chat/completions", json=CHAT)

        assert (1, 1, False) == (openai.connections, openai.open_connections, openai.drained.is_set())
    await openai.drained.wait(1)
    assert [1, 1, 1] == [seen.connection for seen in openai.seen]


async def test_a_client_that_leaves_is_noticed_at_once(openai: OpenAIDouble) -> None:
    openai.always("silence")
    async with plain_client() as client:
        async with client.stream("POST", f"{openai.url}/v1/chat/completions", json={**CHAT, "stream": True}) as answer:
            await anext(answer.aiter_bytes())
            await openai.holding.wait(1)
            assert not openai.closed_early.is_set()

        await openai.closed_early.wait(1)
    await openai.drained.wait(1)
    assert (False, True) == (openai.seen[0].complete, openai.seen[0].gone)


async def test_a_held_answer_goes_on_when_released(openai: OpenAIDouble) -> None:
    openai.next("slow")
    async with asyncio.TaskGroup() as group:
        answer = group.create_task(exchange(openai, stream=False))
        await openai.holding.wait(1)
        openai.released.set()

    assert b"200 OK" in answer.result()
    assert openai.seen[0].complete


# --- the choice of a scenario


async def test_scenarios_are_played_in_turn_then_the_one_for_ever(openai: OpenAIDouble) -> None:
    openai.next("429", "500").always("404")

    statuses = [(await exchange(openai, stream=False))[9:12] for _ in range(4)]

    assert [b"429", b"500", b"404", b"404"] == statuses


@pytest.mark.parametrize(("model", "status"), [("fault-429", 429), ("fault-429:latest", 429), ("text", 200)])
async def test_the_name_of_the_model_chooses(openai: OpenAIDouble, model: str, status: int) -> None:
    async with plain_client() as client:
        answer = await client.post(f"{openai.url}/v1/chat/completions", json={**CHAT, "model": model})

    assert status == answer.status_code


def test_an_unknown_scenario_is_no_scenario() -> None:
    with pytest.raises(KeyError, match="no scenario"):
        named("nonsense-12")


async def test_a_model_that_asks_for_an_unknown_scenario_fails_the_test() -> None:
    double = OpenAIDouble()
    with pytest.raises(KeyError, match="no scenario"):
        async with double, plain_client() as client:
            await client.post(f"{double.url}/v1/chat/completions", json={**CHAT, "model": "fault-nonsense"})


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_every_scenario_plays(kind: type[OpenAIDouble | CerebrasDouble | OllamaDouble], stream: bool) -> None:
    """Each one that a double says it can do does something on the wire, and none breaks the double."""
    names = sorted(CAN[kind] - ENDLESS - HOLDS - {"open-after-done", "stale"})
    async with kind() as double:
        played = {name: await exchange(double, stream=stream, model=f"fault-{name}") for name in names}

    assert {"close-early", "reset-early"} == {name for name, answer in played.items() if not answer}
    assert names == [seen.scenario for seen in double.seen]


# --- the bytes on the wire


async def test_a_stream_cut_at_every_byte_is_the_beginning_of_the_whole(openai: OpenAIDouble) -> None:
    whole = await exchange(openai.next("eof-after-99"), stream=True)
    offsets = range(0, len(whole), 97)

    found = [await exchange(openai.next(f"cut-{offset}"), stream=True) for offset in offsets]

    assert [whole[:offset] for offset in offsets] == found


async def test_a_body_split_into_single_bytes_is_the_same_body(openai: OpenAIDouble) -> None:
    whole = (await exchange(openai.next("text"), stream=True)).partition(b"\r\n\r\n")[2]
    split = (await exchange(openai.next("split-1"), stream=True)).partition(b"\r\n\r\n")[2]

    assert dechunked(whole) == dechunked(split)
    assert split.startswith(b"1\r\nd\r\n1\r\na\r\n")


async def test_a_reset_is_a_reset(openai: OpenAIDouble) -> None:
    openai.next("reset-early")
    reader, writer = await asyncio.open_connection("127.0.0.1", openai.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}")

    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()


async def test_an_early_end_leaves_the_promised_length_unkept(openai: OpenAIDouble) -> None:
    head, _, body = (await exchange(openai.next("early-eof"), stream=False)).partition(b"\r\n\r\n")

    assert len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])


async def test_an_answer_may_come_before_the_request_is_there(openai: OpenAIDouble) -> None:
    openai.next("413-unread")
    reader, writer = await asyncio.open_connection("127.0.0.1", openai.port)
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: 1000000\r\n\r\n{")

    assert (await reader.readline()).startswith(b"HTTP/1.1 413 ")
    writer.close()


async def test_a_stale_connection_closes_on_its_second_request(openai: OpenAIDouble) -> None:
    openai.next("stale", "text")
    async with plain_client() as client:
        await client.post(f"{openai.url}/v1/chat/completions", json=CHAT)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
            await client.post(f"{openai.url}/v1/chat/completions", json=CHAT)

    assert len(openai.seen) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("crlf", b"\r\n\r\ndata: {"),
        ("cr", b"\r\rdata: {"),
        ("comments", b": OPENROUTER PROCESSING\n\n"),
        ("comments", b"\n\n: ping\n\ndata: {"),
        ("no-space", b"data:{"),
        ("fields", b"event: message\nid: 7\nretry: 3000\ndata: {"),
        ("multi-data", b'data: {\ndata: "id"'),
        ("odd-text", "Zürich \u2028line\u2029para\u0085next".encode()),
        ("after-done", b"data: [DONE]\n\ndata: {"),
        ("error-mid-stream", b'data: {"error":'),
        ("usage-final", b'"choices":[],'),
        ("ids-differ", b'"id":"id-3"'),
        ("interim", b"HTTP/1.1 103 Early Hints\r\n"),
        ("hop-headers", b"Connection: keep-alive, X-Hop\r\n"),
        ("307", b"Location: http://x:1/elsewhere\r\n"),
    ],
)
async def test_what_a_scenario_does_is_there(openai: OpenAIDouble, name: str, text: bytes) -> None:
    assert text in said(await exchange(openai.next(name), stream=True))


async def test_a_long_line_is_longer_than_any_buffer(openai: OpenAIDouble) -> None:
    body = await exchange(openai.next("long-line"), stream=True)

    assert max(map(len, body.split(b"\n\n"))) > 1 << 16


@pytest.mark.parametrize("name", sorted(ENDLESS))
async def test_what_has_no_end_goes_on(openai: OpenAIDouble, name: str) -> None:
    assert len(await exchange(openai.next(name), stream=True)) >= 1 << 16
    await openai.closed_early.wait(1)


async def test_careless_servers_quote_the_credential(openai: OpenAIDouble) -> None:
    body = await exchange(openai.next("400-echo"), stream=False)
    fragment = await exchange(openai.next("401"), stream=False)

    assert f"Bearer {KEY}".encode() in body
    assert KEY[:8].encode() in fragment
    assert KEY.encode() not in fragment


async def test_a_wrong_credential_is_refused() -> None:
    async with OpenAIDouble(key="sk-another") as double:
        assert b"401 Unauthorized" in await exchange(double, stream=False)


async def test_a_stopped_double_refuses_connections(openai: OpenAIDouble) -> None:
    await openai.stop()

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", openai.port)


async def test_it_serves_over_tls() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with OpenAIDouble(tls=context) as double, httpx.AsyncClient(verify=trusting) as client:
        answer = await client.post(f"{double.url}/v1/chat/completions", json=CHAT)

    assert answer.status_code == 200


def test_it_runs_in_a_thread_of_its_own() -> None:
    with running_in_thread(OllamaDouble()) as double:
        double.next("silence")
        with httpx.stream("POST", f"{double.url}/api/chat", json=CHAT, verify=False):  # noqa: S501 - as above
            double.holding.wait_here(2)
        double.closed_early.wait_here(2)

    assert [seen.model for seen in double.seen] == ["m"]


def test_a_port_that_is_taken_is_said_in_the_thread_of_the_test() -> None:
    with (
        running_in_thread(OpenAIDouble()) as first,
        pytest.raises(OSError, match="in use"),
        running_in_thread(_at(first.port)),
    ):
        pass


def _at(port: int) -> OpenAIDouble:
    double = OpenAIDouble()
    double.port = port
    return double


def test_a_request_without_json_has_no_values() -> None:
    assert ({}, {}, "") == (Seen("GET", "/").values, Seen("POST", "/", body=b"[").values, Seen("GET", "/").model)


def test_all_scenarios_have_their_name() -> None:
    assert all(name == scenario.name for name, scenario in SCENARIOS.items())


def test_a_delivery_that_cuts_promises_all() -> None:
    answer = Answer.of(b"0123456789")

    steps = list(Delivery(cut_after=1).steps(answer))

    assert b"Content-Length: 10" in (steps[0] or b"")
    assert steps[1:] == [b"01234"]
