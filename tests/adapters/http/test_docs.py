"""The description of the API: true to the routes, valid, and whole without the internet."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.validators import validator_for
from schemathesis.specs.openapi.definitions import OPENAPI_31
from typing_extensions import override

from adapters.http.app import endpoints
from adapters.http.endpoint import Access, Endpoint
from adapters.http.errors import ErrorAnswer, HttpRefusal, answer_of
from domain.errors import BadKey, InvalidRequest, ModelNotFound, Unavailable, UpstreamError, UpstreamTimeout
from tests.fakes.asgi import Answer
from tests.fakes.providers import answer, chunks
from tests.fakes.surface import Surface

METHODS = {"get", "post", "put", "patch", "delete"}


async def get(path: str) -> Answer:
    """Ask the gateway, without a key."""
    surface = Surface()
    answer = await surface.client().run("GET", path)

    assert surface.watcher.faults == []
    return answer


def all_endpoints() -> list[Endpoint]:
    """Return what the surface has."""
    surface = Surface()
    return endpoints(surface.gateway, surface.surroundings())


@pytest.fixture
async def document() -> dict[str, Any]:
    return dict((await get("/openapi.json")).json)


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give every operation with its path and method."""
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield path, method, item[method]


def resolved(document: dict[str, Any], value: Any) -> Any:
    """Return what a reference stands for, and anything else as it is."""
    while isinstance(value, dict) and set(value) == {"$ref"}:
        path = value["$ref"].removeprefix("#/").split("/")
        value = document
        for step in path:
            value = value[step]
    return value


def references(value: Any) -> Iterator[str]:
    """Give every reference in a document."""
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def validator(document: dict[str, Any], name: str) -> Draft202012Validator:
    """Return a validator for one of the document's schemas."""
    return Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})


# --- the document


async def test_the_document_is_valid_openapi(document: dict[str, Any]) -> None:
    """The specification's own schema accepts it, and JSON Schema's accepts its schemas."""
    problems = [error.message for error in validator_for(OPENAPI_31)(OPENAPI_31).iter_errors(document)]
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)

    assert problems == []
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])


async def test_the_document_lists_exactly_the_endpoints(document: dict[str, Any]) -> None:
    """A route that is not described, or described and not there, is found here."""
    expected = {
        (endpoint.template.replace("{model:path}", "{model}"), endpoint.method.lower()) for endpoint in all_endpoints()
    }

    assert expected == {(path, method) for path, method, _ in operations(document)}


async def test_an_operation_needs_a_key_where_its_endpoint_does(document: dict[str, Any]) -> None:
    """Open endpoints say so; all others take each of the three ways to present a key."""
    access = {endpoint.template.replace(":path", ""): endpoint.access for endpoint in all_endpoints()}
    found = {path: operation.get("security", document["security"]) for path, _, operation in operations(document)}

    key: list[dict[str, list[str]]] = [{"bearer": []}, {"x-api-key": []}, {"api-key": []}]

    assert found == {path: [] if each is Access.OPEN else key for path, each in access.items()}
    assert {name for way in key for name in way} == set(document["components"]["securitySchemes"])


async def test_every_part_of_the_document_is_there_and_used(document: dict[str, Any]) -> None:
    """No reference leads nowhere; no component is left over."""
    found = set(references(document))
    for reference in found:
        resolved(document, {"$ref": reference})
    named = {
        f"#/components/{kind}/{name}"
        for kind, components in document["components"].items()
        for name in components
        if kind != "securitySchemes"
    }

    assert named == found


async def test_every_parameter_of_a_path_is_described(document: dict[str, Any]) -> None:
    """OpenAPI wants each `{name}` of a path declared, and nothing else."""
    for path, item in document["paths"].items():
        declared = {resolved(document, parameter)["name"] for parameter in item.get("parameters", [])}

        assert declared == set(re.findall(r"{(\w+)}", path)), path


async def test_operation_ids_are_unique(document: dict[str, Any]) -> None:
    """Generators make functions of them."""
    ids = [operation["operationId"] for _, _, operation in operations(document)]

    assert sorted(set(ids)) == sorted(ids)


@pytest.mark.parametrize(
    "refusal",
    [
        InvalidRequest("No.", "model", "invalid_type"),
        BadKey(missing=True),
        ModelNotFound("x"),
        HttpRefusal(408, "No.", "request_timeout"),
        HttpRefusal(413, "No.", "request_too_large"),
        HttpRefusal(415, "No.", "unsupported_media_type"),
        UpstreamError(409),
        UpstreamError(422),
        UpstreamError(429),
        UpstreamError(500),
        Unavailable("No."),
        UpstreamTimeout("total", 1),
        ValueError("a fault of our own"),
    ],
    ids=lambda error: type(error).__name__ + str(getattr(error, "status", "")),
)
async def test_every_error_has_its_place_in_the_document(document: dict[str, Any], refusal: Exception) -> None:
    """Its status is among the answers of whatever asks a provider; its body and headers are as described."""
    found: ErrorAnswer = answer_of(refusal)
    for path, method, operation in operations(document):
        if method == "post":
            described = resolved(document, operation["responses"][str(found.status)])
            required = {
                name for name, header in described["headers"].items() if resolved(document, header).get("required")
            }

            assert required - {"x-request-id", "openai-processing-ms"} <= found.headers.keys(), path
    validator(document, "Error").validate(found.body())


async def test_an_error_has_its_four_members_and_no_other(document: dict[str, Any]) -> None:
    """Clients rely on all four being there."""
    error = {"message": "No.", "type": "invalid_request_error", "param": None, "code": None}
    check = validator(document, "Error")

    assert check.is_valid({"error": error})
    for name in error:
        assert not check.is_valid({"error": {key: value for key, value in error.items() if key != name}})
    assert not check.is_valid({"error": {**error, "code": 400}})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ChatCompletion", {key: json.loads(text) for key, text in answer().document.members.items()}),
        *[
            ("ChatCompletionChunk", {key: json.loads(text) for key, text in chunk.document.members.items()})
            for chunk in chunks()
        ],
    ],
)
async def test_answers_are_as_described(document: dict[str, Any], name: str, value: object) -> None:
    """What the gateway's own providers answer fits the schema."""
    assert [error.message for error in validator(document, name).iter_errors(value)] == []


async def test_examples_fit_their_schemas(document: dict[str, Any]) -> None:
    """Whoever tries one out gets an answer."""
    for body in document["components"]["requestBodies"].values():
        content = body["content"]["application/json"]
        name = content["schema"]["$ref"].rpartition("/")[2]

        assert [error.message for error in validator(document, name).iter_errors(content["example"])] == []


async def test_members_that_are_not_described_are_allowed_where_they_are_carried(document: dict[str, Any]) -> None:
    """The gateway forwards what it does not know."""
    message = {"role": "user", "content": [{"type": "text", "text": "Hi", "cache_control": {}}], "vendor": 1}
    body = {"model": "m", "messages": [message], "top_k": 3, "stream_options": {"vendor": True}, "stream": True}

    assert validator(document, "ChatCompletionRequest").is_valid(body)


# --- the page


class Addresses(HTMLParser):
    """Collects what a page would load or lead to, its style, and its own script."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.texts: dict[str, str] = {"style": "", "script": ""}
        self._within = ""

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        self.found += [value or "" for name, value in attrs if name in {"src", "href", "srcset", "action", "data"}]

    @override
    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    @override
    def handle_data(self, data: str) -> None:
        if self._within in self.texts:
            self.texts[self._within] += data


async def test_the_page_loads_nothing_from_elsewhere() -> None:
    """It works where there is no internet, and tells nobody that it was read."""
    page = Addresses()
    page.feed((await get("/docs")).body.decode())
    loaded = re.findall(r"url\(\s*[\"']?([^\"')]{,20})|@import\s*([^;]+)", page.texts["style"])

    assert [address for address in page.found if not address.startswith("data:")] == []
    assert [address for address, imported in loaded if imported or not address.startswith("data:")] == []


async def test_the_page_shows_this_gateways_document() -> None:
    """It asks for it beside itself, so that it is found behind a proxy's prefix too; no validator is asked."""
    page = (await get("/docs")).body.decode()
    own = page[page.rindex("<script>") :]

    assert "url: 'openapi.json'" in own
    assert "validatorUrl: null" in own
    assert not re.search(r"https?:", own)


async def test_the_page_may_run_what_it_brings_and_ask_this_server_only() -> None:
    """The browser would refuse anything else."""
    found = await get("/docs")
    policy = dict(directive.strip().split(" ", 1) for directive in found.headers["content-security-policy"].split(";"))

    assert found.headers["content-type"] == "text/html; charset=utf-8"
    assert policy == {
        "default-src": "'none'",
        "script-src": "'unsafe-inline'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }


async def test_neither_needs_a_key() -> None:
    """Whoever has no key yet may read how to use one."""
    assert [200, 200] == [(await get(path)).status for path in ("/docs", "/openapi.json")]


def test_the_page_is_read_only_when_someone_asks_for_it() -> None:
    """Importing the surface must stay cheap."""
    code = "import sys, adapters.http.app; sys.exit('offapi' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
