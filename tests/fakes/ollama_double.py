"""A double of Ollama's native API: JSON lines, arguments as objects, errors as plain text."""

from __future__ import annotations

import json
import ssl
from collections.abc import Mapping
from typing import Any

import attrs

from tests.fakes.answers import Answer
from tests.fakes.dialect import Endpoint, Fault, Seen, dumps, recorded
from tests.fakes.openai_dialect import error_answer, quoted, streamed, vector_of
from tests.fakes.scenarios import SCENARIOS
from tests.fakes.upstream import UpstreamDouble

NDJSON = "application/x-ndjson"

OLLAMA_SCENARIOS = frozenset(SCENARIOS) - {
    # It has neither several choices nor a word for refusals.
    *("choices", "refusal"),
    # Its streams are lines, of which only the ends can differ, and their last one is the mark of the end.
    *("cr", "comments", "no-space", "fields", "multi-data", "bom", "no-done", "endless-pings"),
    *("role-missing", "ids-differ", "empty-choices"),
    # Its counts stand in the last line.
    *("usage-last-choice", "usage-every-chunk", "usage-final"),
}

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", "/api/chat"): "chat",
    ("POST", "/api/embed"): "embeddings",
    ("GET", "/api/tags"): "models",
}

ERRORS: Mapping[int, str] = {
    400: '"llama3.2" does not support tools',
    401: "unauthorized: key {key}",
    403: "this model requires a subscription, key {key}",
    404: 'model "llama3.2" not found, try pulling it first',
    429: "you have reached your hourly usage limit",
    503: "server busy, please try again.  maximum pending requests exceeded",
}
_OTHER = "llama runner process has terminated: exit status 2"

_COUNTS = ("prompt_eval_count", "eval_count")
HEADERS = (("Date", "Tue, 04 Aug 2026 19:22:45 GMT"),)


@attrs.frozen
class OllamaDialect:
    """Ollama's native API."""

    def endpoint(self, seen: Seen) -> Endpoint | None:
        """Return what a request asks for; nothing is served under `/v1`."""
        return ENDPOINTS.get((seen.method, seen.path.partition("?")[0]))

    def refusal(self, seen: Seen) -> Answer | None:
        """Refuse what Ollama's server cannot read."""
        if seen.method == "GET":
            return None
        found = _wrong(seen.values) if seen.values else "missing request body"
        if found is None:
            return None
        # A wrong type among the options is noticed late, and answered with 500.
        return Answer.of(dumps({"error": found}), 500 if found.startswith("option") else 400)

    def answer(self, endpoint: Endpoint, says: str, seen: Seen) -> Answer:
        """Return a recorded answer; a chat is streamed unless the request says otherwise."""
        if endpoint == "models":
            return Answer.of(recorded("ollama", "models.json"), content_type=_JSON).with_headers(*HEADERS)
        if endpoint == "embeddings":
            return Answer.of(_embeddings(seen), content_type=_JSON).with_headers(*HEADERS)
        if seen.values.get("stream") is False:
            return Answer.of(recorded("ollama", f"chat-{says}.json"), content_type=_JSON).with_headers(*HEADERS)
        lines = recorded("ollama", f"chat-{says}.ndjson").splitlines(keepends=True)
        return streamed(lines, NDJSON).with_headers(*HEADERS)

    def not_found(self) -> Answer:
        """Return Gin's answer to an unknown path."""
        return Answer.of(b"404 page not found", 404, "text/plain")

    def error(self, fault: Fault, seen: Seen) -> Answer:
        """Return an error in Ollama's form."""
        said = {"error": quoted(ERRORS.get(fault.status, _OTHER), fault, seen)}
        return error_answer(fault, said, seen).with_headers(*HEADERS)

    def stream_error(self) -> bytes:
        """Return the line with which a stream ends that failed."""
        return self.pack({"error": "an error was encountered while running the model: unexpected EOF"})

    def pack(self, value: object) -> bytes:
        """Return a line."""
        return dumps(value) + b"\n"

    def unpack(self, message: bytes) -> Any:
        """Return the value of a line or of a whole body."""
        return json.loads(message)

    def set_text(self, value: Any, text: str) -> bool:
        """Put other words into the message."""
        message = value.get("message", {})
        if not message.get("content"):
            return False
        message["content"] = text
        return True

    def set_usage(self, messages: list[Any], variant: str) -> list[Any]:
        """Leave the counts out, or make no sense of them."""
        *others, last = messages
        if variant == "missing":
            return [*others, {name: value for name, value in last.items() if name not in _COUNTS}]
        wrong = {"negative": -7, "absurd": 10**30, "words": "many"}[variant]
        return [*others, {**last, **dict.fromkeys(_COUNTS, wrong)}]


class OllamaDouble(UpstreamDouble):
    """A server like Ollama's native API: `/api/chat`, `/api/embed`, `/api/tags`, and nothing else."""

    def __init__(self, *, key: str = "", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(OllamaDialect(), key=key, tls=tls)


_JSON = "application/json; charset=utf-8"


def _wrong(values: Mapping[str, Any]) -> str | None:
    """Return what Ollama says of a request that its types do not fit; None where they do."""
    for message in values.get("messages") or []:
        if not isinstance(message.get("content", ""), str):
            return "json: cannot unmarshal array into Go struct field ChatRequest.messages.content of type string"
        for call in message.get("tool_calls") or []:
            if not isinstance(call["function"].get("arguments"), dict):
                return "json: cannot unmarshal string into Go struct field .arguments of type api.ToolCallArguments"
    options = values.get("options") or {}
    if not isinstance(options.get("stop") or [], list):
        return 'option "stop" must be of type array'
    if not isinstance(options.get("num_predict") or 0, int):
        return 'option "num_predict" must be of type integer'
    return None


def _embeddings(seen: Seen) -> bytes:
    """Return one vector for each input; a single text's is the recorded answer."""
    given = seen.values.get("input")
    if not isinstance(given, list):
        return recorded("ollama", "embeddings.json")
    whole = json.loads(recorded("ollama", "embeddings.json"))
    vectors = [vector_of(text, seen.values.get("dimensions") or 4) for text in given]
    return dumps({**whole, "embeddings": vectors, "prompt_eval_count": 4 * len(given)})
