"""What servers with OpenAI's API say: recorded answers as server-sent events, and OpenAI's error object."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from tests.fakes.answers import Answer
from tests.fakes.dialect import Endpoint, Fault, Seen, dumps, recorded

SSE = "text/event-stream; charset=utf-8"
DONE = b"data: [DONE]\n\n"

ENDPOINTS: Mapping[tuple[str, str], Endpoint] = {
    ("POST", "/v1/chat/completions"): "chat",
    ("POST", "/v1/completions"): "text",
    ("POST", "/v1/embeddings"): "embeddings",
    ("GET", "/v1/models"): "models",
}

ERRORS: Mapping[int, tuple[str, str, str | None, str | None]] = {
    400: ("Invalid value for 'temperature'.", "invalid_request_error", "temperature", "invalid_value"),
    401: ("Incorrect API key provided: {key}.", "invalid_request_error", None, "invalid_api_key"),
    402: ("You have no credits left.", "billing_error", None, "insufficient_credits"),
    403: ("Project {key} does not have access to this model.", "invalid_request_error", None, "model_not_allowed"),
    404: (
        "The model does not exist or you do not have access to it.",
        "invalid_request_error",
        "model",
        "model_not_found",
    ),
    408: ("The request took too long to arrive.", "timeout", None, None),
    409: ("The resource is locked.", "conflict_error", None, None),
    413: ("The request is too large.", "invalid_request_error", None, "request_too_large"),
    422: ("The input cannot be processed.", "invalid_request_error", "messages", "unprocessable_entity"),
    429: ("Rate limit reached for requests.", "requests", None, "rate_limit_exceeded"),
    503: ("The engine is currently overloaded.", "server_error", None, "overloaded"),
}
_SERVER_ERROR = ("The server had an error while processing your request.", "server_error", None, None)

HEADERS = (
    ("Date", "Tue, 04 Aug 2026 19:22:45 GMT"),
    ("Server", "cloudflare"),
    ("Set-Cookie", "__cf_bm=cookie-canary; path=/; HttpOnly; Secure; SameSite=None"),
    ("openai-organization", "org-canary"),
    ("openai-processing-ms", "412"),
    ("openai-project", "proj_canary"),
    ("openai-version", "2020-10-01"),
    ("x-request-id", "req_7c1e9d0f5c2b4a8e"),
    ("x-ratelimit-limit-requests", "10000"),
    ("x-ratelimit-limit-tokens", "200000"),
    ("x-ratelimit-remaining-requests", "9999"),
    ("x-ratelimit-remaining-tokens", "199967"),
    ("x-ratelimit-reset-requests", "8.64s"),
    ("x-ratelimit-reset-tokens", "9ms"),
    ("CF-RAY", "9a1b2c3d4e5f-ZRH"),
)


@attrs.frozen
class OpenAIDialect:
    """OpenAI itself."""

    def endpoint(self, seen: Seen) -> Endpoint | None:
        """Return what a request asks for."""
        path = seen.path.partition("?")[0]
        if seen.method == "GET" and path.startswith("/v1/models/"):
            return "model"
        return ENDPOINTS.get((seen.method, path))

    def refusal(self, seen: Seen) -> Answer | None:
        """Refuse what is no JSON, and stream options without a stream."""
        if seen.method == "GET":
            return None
        values = seen.values
        if not values or not seen.model:
            return self._error(400, "We could not parse the JSON body of your request.", None)
        if values.get("stream_options") is not None and not values.get("stream"):
            return self._error(400, "'stream_options' is only allowed when 'stream' is enabled.", "stream_options")
        return None

    def answer(self, endpoint: Endpoint, says: str, seen: Seen) -> Answer:
        """Return a recorded answer; usage is streamed only to those who ask for it."""
        if endpoint == "embeddings":
            return Answer.of(_embeddings(seen)).with_headers(*HEADERS)
        if endpoint in {"models", "model"}:
            return models_answer("openai", endpoint, seen) or self.error(Fault(404), seen)
        says = "text" if endpoint == "text" else says
        if not seen.values.get("stream"):
            return Answer.of(recorded("openai", f"{endpoint}-{says}.json")).with_headers(*HEADERS)
        messages = events(recorded("openai", f"{endpoint}-{says}.sse"))
        if not (seen.values.get("stream_options") or {}).get("include_usage"):
            messages = [m.replace(b',"usage":null', b"") for m in messages if b'"choices":[]' not in m]
        return streamed(messages).with_headers(*HEADERS)

    def not_found(self) -> Answer:
        """Return OpenAI's answer to an unknown path."""
        message = "Invalid URL (POST /v1/nothing)"
        return Answer.of(dumps(error_object(message, "invalid_request_error", None, None)), 404)

    def error(self, fault: Fault, seen: Seen) -> Answer:
        """Return an error in OpenAI's form."""
        message, kind, param, code = ERRORS.get(fault.status, _SERVER_ERROR)
        if fault.code == "insufficient_quota":
            message, kind = "You exceeded your current quota.", "insufficient_quota"
        elif fault.code == "context_length_exceeded":
            message, param = "This model's maximum context length is 8192 tokens.", "messages"
        said = error_object(quoted(message, fault, seen), kind, param, fault.code or code)
        return error_answer(fault, said, seen).with_headers(*HEADERS)

    def stream_error(self) -> bytes:
        """Return OpenAI's error event."""
        return self.pack(error_object("The server had an error.", "server_error", None, None))

    def pack(self, value: object) -> bytes:
        """Return an event."""
        return b"data: " + dumps(value) + b"\n\n"

    def unpack(self, message: bytes) -> Any:
        """Return the value of an event or of a whole body."""
        data = message.strip().removeprefix(b"data:").strip()
        return None if data == b"[DONE]" else json.loads(data)

    def set_text(self, value: Any, text: str) -> bool:
        """Put other words into the first choice."""
        for choice in value.get("choices", []):
            place = choice.get("message") or choice.get("delta") or choice
            for name in ("content", "text"):
                if place.get(name):
                    place[name] = text
                    return True
        return False

    def set_usage(self, messages: list[Any], variant: str) -> list[Any]:
        """Tell the usage elsewhere."""
        return with_usage(messages, variant)

    def _error(self, status: int, message: str, param: str | None) -> Answer:
        return Answer.of(dumps(error_object(message, "invalid_request_error", param, None)), status)


def error_object(message: str, kind: str, param: str | None, code: str | None) -> dict[str, object]:
    """Return OpenAI's error object."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def error_answer(fault: Fault, said: object, seen: Seen) -> Answer:
    """Return the answer of an error, in whatever form it has."""
    headers = () if fault.retry_after is None else (("Retry-After", fault.retry_after),)
    page = f"<html>\r\n<head><title>{fault.status}</title></head>\r\n<body>{seen.told}<hr>nginx</body></html>"
    body, kind = {
        "json": (dumps(said), "application/json"),
        "html": (page.encode(), "text/html"),
        "text": (b"upstream connect error or disconnect/reset before headers", "text/plain"),
        "empty": (b"", ""),
    }[fault.form]
    return Answer.of(body, fault.status, kind).with_headers(*headers)


def quoted(message: str, fault: Fault, seen: Seen) -> str:
    """Quote the credential where the vendor, or a careless server, does: its ends, or all of it."""
    told = seen.told or "sk-none"
    if fault.echo:
        return f"{message} You sent: Authorization: {seen.header('authorization')} ({told})"
    return message.replace("{key}", f"{told[:8]}********{told[-4:]}")


def events(text: bytes) -> list[bytes]:
    """Return the events of a recorded stream."""
    return [event + b"\n\n" for event in text.split(b"\n\n") if event.strip()]


def streamed(messages: Sequence[bytes], content_type: str = SSE) -> Answer:
    """Return a streamed answer."""
    return Answer(content_type=content_type, messages=tuple(messages), streamed=True).with_headers(
        ("Cache-Control", "no-cache")
    )


def with_usage(messages: list[Any], variant: str) -> list[Any]:
    """Take the usage out of a whole answer or the chunks of a stream, and tell it in another place or otherwise."""
    told = next((value["usage"] for value in reversed(messages) if value.get("usage")), {"prompt_tokens": 1})
    bare = [{name: part for name, part in value.items() if name != "usage"} for value in messages]
    bare = [value for value in bare if value.get("choices")]
    wrong = {"negative": -7, "absurd": 10**30, "words": "many"}
    match variant:
        case "missing":
            return bare
        case "every-chunk":
            return [{**value, "usage": told} for value in bare]
        case "final" if len(bare) > 1:
            return [*bare, {**bare[-1], "choices": [], "usage": told}]
        case "negative" | "absurd" | "words":
            told = {name: count if isinstance(count, dict) else wrong[variant] for name, count in told.items()}
        case _:
            pass  # on the last choice chunk, as it would stand
    return [*bare[:-1], {**bare[-1], "usage": told}]


def models_answer(vendor: str, endpoint: Endpoint, seen: Seen) -> Answer | None:
    """Return the list, or one entry of it by its id."""
    if endpoint == "models":
        return Answer.of(recorded(vendor, "models.json"))
    name = seen.path.partition("?")[0].removeprefix("/v1/models/").replace("%2F", "/").replace("%3A", ":")
    entries = json.loads(recorded(vendor, "models.json"))["data"]
    return next((Answer.of(dumps(entry)) for entry in entries if entry["id"] == name), None)


def vector_of(text: object, size: int = 4) -> list[float]:
    """Return the vector of a text: always the same one, and another one for another text."""
    drawn = hashlib.shake_128(json.dumps(text).encode()).digest(size * 2)
    # Halves of powers of two, so that single precision holds them exactly.
    return [number / 65_536 for number in struct.unpack(f"<{size}h", drawn)]


def _embeddings(seen: Seen) -> bytes:
    """Return one vector for each input, in the encoding asked for; a single text's is the recorded answer."""
    asked = seen.values
    given = asked.get("input")
    many = isinstance(given, list) and not all(isinstance(item, int) for item in given)
    inputs = given if many and isinstance(given, list) else [given]
    if not many and asked.get("encoding_format") != "base64" and not asked.get("dimensions"):
        return recorded("openai", "embeddings.json")
    vectors = [vector_of(item, asked.get("dimensions") or 4) for item in inputs]
    encoded: list[object] = list(vectors)
    if asked.get("encoding_format") == "base64":
        encoded = [base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode() for vector in vectors]
    data = [{"object": "embedding", "index": index, "embedding": vector} for index, vector in enumerate(encoded)]
    usage = {"prompt_tokens": 4 * len(inputs), "total_tokens": 4 * len(inputs)}
    return dumps({"object": "list", "data": data, "model": "text-embedding-3-small", "usage": usage})
