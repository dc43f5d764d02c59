"""Embeddings, text completions, models, health and metrics over HTTP; and that every route says who may come in."""

from __future__ import annotations

import json

import attrs
import pytest

from adapters.http.app import endpoints
from adapters.http.edge import Edge
from adapters.http.endpoint import Access
from adapters.wire.jsontext import document_of
from domain.catalog import Model
from domain.embeddings import EmbeddingsResponse
from domain.usage import Usage
from tests.fakes.asgi import GOOD
from tests.fakes.providers import answer, chunk
from tests.fakes.surface import Surface

OPEN = {"/healthz", "/livez", "/readyz", "/metrics", "/openapi.json", "/docs"}


def test_only_the_routes_of_the_keepers_need_no_key() -> None:
    """A new route is closed unless it is in this list."""
    surface = Surface()

    found = endpoints(surface.gateway, surface.surroundings())

    assert OPEN == {endpoint.template for endpoint in found if endpoint.access is Access.OPEN}


async def test_every_closed_route_refuses_without_a_key() -> None:
    """Auth is a property of the matched route."""
    surface = Surface()
    for endpoint in endpoints(surface.gateway, surface.surroundings()):
        path = endpoint.template.replace("{provider}", "a").replace("{model:path}", "x/y")

        got = await surface.client().run(endpoint.method, path)

        assert (endpoint.access is Access.KEY) == (got.status == 401), path


async def test_ways_lead_where_the_router_leads() -> None:
    """Paths that are known before, and paths that are nearly those: the same route, status and body either way."""
    surface = Surface.of(answer())
    app = surface.app()
    assert isinstance(app, Edge)
    known = [*app.ways, ("POST", "/nope/v1/embeddings"), ("GET", "/v1/models/x"), ("GET", "/a/v1/models/x")]
    near = [(method, path + end) for method, path in known for end in ("/", "x")]
    other = [(method, path) for _, path in known for method in ("HEAD", "OPTIONS", "BREW")]

    for method, path in [*known, *near, *other]:
        ways, routed = surface.client(), surface.client()
        routed.app = attrs.evolve(app, ways={})
        found, expected = [await client.run(method, path, [b"{}"], GOOD) for client in (ways, routed)]
        records = surface.watcher.records[-2:]
        assert (found.status, found.body) == (expected.status, expected.body), (method, path)
        assert records[0].route == records[1].route
    assert 14 == len(app.ways)


async def test_embeddings_pass_under_the_callers_name() -> None:
    """The vectors leave as they came."""
    document = document_of(
        {"object": "list", "data": [{"embedding": [0.5]}], "model": "up", "usage": {"prompt_tokens": 1}}
    )
    surface = Surface.of(EmbeddingsResponse(document, Usage(1)))

    got = await surface.client().post("/v1/embeddings", b'{"model":"a/e","input":["x"]}')

    assert (200, "a/e", [{"embedding": [0.5]}]) == (got.status, got.json["model"], got.json["data"])


@pytest.mark.parametrize("given", [b"5", b"null", b'[1,"a"]', b"{}", b'[[1,"a"]]'])
async def test_wrong_input_is_refused(given: bytes) -> None:
    """The input is text, texts, tokens or lists of tokens."""
    got = await Surface().client().post("/v1/embeddings", b'{"model":"a/e","input":' + given + b"}")

    assert 400 == got.status
    assert got.error["param"].startswith("input")


async def test_text_completions_pass_under_the_callers_name() -> None:
    """Whole and streamed; a text stream has no roles."""
    whole = await Surface.of(answer()).client().post("/v1/completions", b'{"model":"a/t","prompt":"x"}')
    streamed = (
        await Surface.of([chunk({}, None), chunk({}, "stop")])
        .client()
        .post("/v1/completions", b'{"model":"a/t","prompt":"x","stream":true}')
    )

    assert (200, "a/t") == (whole.status, whole.json["model"])
    assert (2, b"[DONE]") == (len(streamed.events[:-1]), streamed.events[-1])
    assert {("text_completion", "a/t")} == {(e["object"], e["model"]) for e in map(json.loads, streamed.events[:-1])}


async def test_models_are_listed_and_found() -> None:
    """The list holds OpenAI's objects; ids with slashes and colons are found."""
    surface = Surface()
    surface.gateway.list_models.catalog.replace("a", [Model("org/deep:7b", document_of({"owned_by": "org", "x": 1}))])

    listed = await surface.client().run("GET", "/v1/models", headers=GOOD)
    found = await surface.client().run("GET", "/v1/models/a/org/deep:7b", headers=GOOD)
    bare = await surface.client().run("GET", "/a/v1/models", headers=GOOD)
    missing = await surface.client().run("GET", "/v1/models/nope", headers=GOOD)

    expected = {"id": "a/org/deep:7b", "object": "model", "owned_by": "org", "x": 1, "created": 0}
    assert ({"object": "list", "data": [expected]}, expected) == (listed.json, found.json)
    assert ["org/deep:7b"] == [model["id"] for model in bare.json["data"]]
    assert (404, "model_not_found") == (missing.status, missing.error["code"])


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_health_needs_no_key(path: str, method: str) -> None:
    """For whoever keeps the process running."""
    got = await Surface().client().run(method, path)

    assert (200, b'{"status":"ok"}' if method == "GET" else b"") == (got.status, got.body)
    assert "cache-control" not in got.headers


async def test_draining_process_is_alive_but_not_ready() -> None:
    """Readiness tells the truth with a 503; liveness does not depend on it."""
    surface = Surface()
    surface.readiness.ready = False

    ready = await surface.client().run("GET", "/readyz")
    alive = await surface.client().run("GET", "/livez")

    assert (503, "service_unavailable", 200) == (ready.status, ready.error["code"], alive.status)
    assert int(ready.headers["retry-after"]) > 0


async def test_metrics_are_for_prometheus() -> None:
    """The media type is the exporter's."""
    got = await Surface().client().run("GET", "/metrics")

    assert (200, "text/plain; version=0.0.4", b"up 1\n") == (got.status, got.headers["content-type"], got.body)


async def test_log_knows_the_route_not_the_path() -> None:
    """Routes are a closed set, whatever paths and methods callers invent."""
    surface = Surface()
    for method, path in [("GET", "/v1/models/secret-name"), ("BREW", "/random/123"), ("POST", "/a/v1/embeddings")]:
        await surface.client().run(method, path, headers=GOOD)

    assert [("GET", "/v1/models/{model:path}"), ("OTHER", "(none)"), ("POST", "/{provider}/v1/embeddings")] == [
        (record.method, record.route) for record in surface.watcher.records
    ]
