"""What the gateway's protocol takes from uvicorn and its parser is as it was when it was written."""

from __future__ import annotations

import inspect
import tomllib
from pathlib import Path

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from adapters.http.cycle import Cycle
from adapters.http.parsing import Parsing
from adapters.http.protocol import Protocol
from tests.adapters.http.vectors import get
from tests.fakes.wired import Listening, configuration

ROOT = Path(__file__).parents[3]
TAKEN = {"app", "app_state", "asgi_version", "client", "config", "connections", "cycle", "flow", "headers", "logger"}
TAKEN |= {"loop", "parser", "root_path", "scheme", "server", "server_state", "tasks", "transport"}
"""What each protocol is given by uvicorn's."""


def test_only_the_minor_that_was_read_is_installed() -> None:
    """The next one is looked at before it is allowed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    assert "uvicorn>=0.54,<0.55" in project["dependencies"]
    assert uvicorn.__version__.startswith("0.54.")


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("__init__", ["self", "config", "server_state", "app_state", "_loop"]),
        ("connection_made", ["self", "transport"]),
        ("connection_lost", ["self", "exc"]),
        ("data_received", ["self", "data"]),
        ("eof_received", ["self"]),
        ("pause_writing", ["self"]),
        ("resume_writing", ["self"]),
        ("shutdown", ["self"]),
        ("_start_asgi_task", ["self", "cycle", "app"]),
        ("on_message_begin", ["self"]),
        ("on_url", ["self", "url"]),
        ("on_header", ["self", "name", "value"]),
        ("on_headers_complete", ["self"]),
        ("on_body", ["self", "body"]),
        ("on_message_complete", ["self"]),
    ],
)
def test_method_is_there_with_these_parameters(name: str, parameters: list[str]) -> None:
    """Those that are overridden, and those that are called."""
    assert parameters == list(inspect.signature(getattr(HttpToolsProtocol, name)).parameters)
    assert parameters == list(inspect.signature(getattr(Protocol, name)).parameters)


def test_every_callback_of_the_parser_is_ours() -> None:
    """What uvicorn's own would do with a request is done nowhere."""
    theirs = {name for name in vars(HttpToolsProtocol) if name.startswith("on_") and name != "on_response_complete"}

    assert theirs == {name for name in vars(Parsing) if name.startswith("on_")}


async def test_attributes_are_there() -> None:
    """Those of a protocol, of the server's state, and of the flow's control."""
    plain = HttpToolsProtocol(configuration(), ServerState(), {})

    assert TAKEN <= set(dir(plain))
    assert {"total_requests", "connections", "tasks"} <= set(vars(ServerState()))
    assert not {"drain", "pause_reading", "resume_reading", "pause_writing", "resume_writing"} - set(dir(FlowControl))


def test_cycle_looks_as_the_server_looks_at_it() -> None:
    """At its shutdown the server asks whether an answer is complete, and has the connection end with it."""
    assert hasattr(Cycle, "response_complete")
    assert "keep_alive" in inspect.signature(Cycle).parameters
    assert "self.cycle is None or self.cycle.response_complete" in inspect.getsource(HttpToolsProtocol.shutdown)
    assert "self.cycle.keep_alive = False" in inspect.getsource(HttpToolsProtocol.shutdown)


async def test_shutdown_ends_idle_connections_at_once_and_others_after_their_answer() -> None:
    """As uvicorn's protocol does."""
    listening = Listening()
    idle, part, answering = (listening.connect() for _ in range(3))
    idle.send(get())
    await idle.settle()
    part.send(get()[:10])
    answering.send(get())

    for wired in (idle, part, answering):
        wired.protocol.shutdown()
    closed = [idle.pipe.closed, part.pipe.closed, answering.pipe.closed]
    await answering.settle()

    assert ([True, True, False], True) == (closed, answering.pipe.closed)
    assert "close" == answering.answers[0].headers["connection"]


@pytest.mark.parametrize(
    "leniency",
    [
        "lenient_headers",
        "lenient_chunked_length",
        "lenient_keep_alive",
        "lenient_transfer_encoding",
        "lenient_version",
        "lenient_optional_lf_after_cr",
        "lenient_optional_cr_before_lf",
        "lenient_optional_crlf_after_chunk",
        "lenient_spaces_after_chunk_size",
    ],
)
def test_parser_is_strict_unless_it_is_told_otherwise(leniency: str) -> None:
    """uvicorn turns on none of these; the names are those that the parser has."""
    parameters = inspect.signature(httptools.HttpRequestParser.set_dangerous_leniencies).parameters

    assert leniency in parameters
    assert leniency not in inspect.getsource(HttpToolsProtocol)
