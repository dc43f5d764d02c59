"""The description of the API against the API: what `/openapi.json` says of a running gateway is what it does."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes.process import KEY, GatewayProcess

CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_headers_conformance,response_schema_conformance"
)
DESCRIBED: Any = json.loads((Path(__file__).parents[2] / "adapters/http/openapi.json").read_text(encoding="utf-8"))
OPERATIONS = [
    (method.upper(), path, operation.get("security") != [])
    for path, operations in DESCRIBED["paths"].items()
    for method, operation in operations.items()
    if method != "parameters"
]

PROBED = len(OPERATIONS) - 1
"""Schemathesis leaves out the one that it reads the description from."""


def probed(url: str, folder: Path, phases: Collection[str], *bounds: str) -> Any:
    """Let Schemathesis try what the description allows, and much that it does not; return its report."""
    report = folder / "report.json"
    command = Path(sys.executable).parent / "schemathesis"
    manners = [
        "--phases",
        ",".join(phases),
        "--request-timeout",
        "10",
        "--no-color",
        "--no-shrink",
        "--warnings",
        "off",
        "--generation-database",
        "none",
    ]
    done = subprocess.run(
        [
            *(command, "run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {KEY}", "--checks", CHECKS),
            *(*bounds, *manners, "--generation-with-security-parameters", "false"),
            *("--report", "json", "--report-json-path", report),
        ],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert report.exists(), done.stdout + done.stderr
    assert 0 == done.returncode, done.stdout
    return json.loads(report.read_text(encoding="utf-8"))


def check_report(report: Any, phases: Collection[str], operations: int) -> None:
    """See that all operations were tried, in all phases, and that nothing was found."""
    assert operations == report["operations"]["total"] == report["operations"]["tested"]
    assert {"success"} == {report["phases"][phase]["status"] for phase in phases}
    assert ([], []) == (report["failures"], report["errors"])
    assert report["test_cases"]["generated"] >= 2 * operations


@pytest.mark.timeout(120)
def test_every_operation_does_what_its_description_says(gateway: GatewayProcess, tmp_path: Path) -> None:
    """No fault, and no status, header or body that is not described, whatever is sent."""
    phases = ("examples", "fuzzing", "stateful")
    check_report(probed(gateway.url, tmp_path, phases, "--max-examples", "3"), phases, PROBED)


@pytest.mark.timeout(240)
def test_limits_of_members_are_kept(gateway: GatewayProcess, tmp_path: Path) -> None:
    """Each boundary of each schema, from both sides, as far as the time allows: more, where a busy machine needs it."""
    generated = 0
    for seconds in ("15", "40", "120"):
        report = probed(gateway.url, tmp_path, ("coverage",), "--max-time", seconds)
        assert ([], []) == (report["failures"], report["errors"])
        generated = report["test_cases"]["generated"]
        if generated >= 10:
            break

    assert generated >= 10  # hundreds in the first 15 seconds of a machine with nothing else to do


@pytest.mark.soak
def test_every_operation_does_what_its_description_says_for_long(gateway: GatewayProcess, tmp_path: Path) -> None:
    """The same with many more examples, all phases of all operations."""
    phases = ("examples", "coverage", "fuzzing", "stateful")
    check_report(probed(gateway.url, tmp_path, phases, "--max-examples", "400", "--max-time", "600"), phases, PROBED)


@pytest.mark.parametrize(("method", "path", "private"), OPERATIONS)
def test_operation_needs_a_key_where_it_is_described_so(
    gateway: GatewayProcess, method: str, path: str, private: bool
) -> None:
    """Without a key: 401, typed, whatever else is wrong with the request; or no key is asked for."""
    url = gateway.url + path.replace("{provider}", "custom").replace("{model}", "custom")

    answers = [
        httpx.request(method, url, headers=headers)
        for headers in ({}, {"authorization": "Bearer nope"}, {"x-api-key": ""}, {"authorization": f"Basic {KEY}"})
    ]

    for answer in answers:
        if private:
            assert (401, "Bearer") == (answer.status_code, answer.headers["www-authenticate"])
            assert ("invalid_api_key", "invalid_request_error", None) == tuple(
                answer.json()["error"][name] for name in ("code", "type", "param")
            )
        else:
            assert 200 == answer.status_code


@pytest.mark.parametrize("name", ["authorization", "x-api-key", "api-key"])
def test_every_described_way_to_present_a_key_works(gateway: GatewayProcess, name: str) -> None:
    """Three headers, of which the description tells."""
    value = f"Bearer {KEY}" if name == "authorization" else KEY

    assert 200 == httpx.get(f"{gateway.url}/v1/models", headers={name: value}).status_code
    assert len(DESCRIBED["components"]["securitySchemes"]) == 3


def test_description_is_the_one_that_is_served(gateway: GatewayProcess) -> None:
    """Byte for byte the same document, without any address in it."""
    served = httpx.get(f"{gateway.url}/openapi.json").json()

    assert DESCRIBED == served
    assert "servers" not in served
