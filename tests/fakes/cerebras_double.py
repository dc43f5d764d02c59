"""A double of Cerebras's API, which differs from OpenAI's in what it refuses and in what it adds."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from typing import Any

import attrs
from typing_extensions import override

from tests.fakes.answers import Answer
from tests.fakes.dialect import Endpoint, Fault, Seen, dumps, recorded
from tests.fakes.openai_dialect import OpenAIDialect, error_answer, events, models_answer, quoted, streamed
from tests.fakes.scenarios import SCENARIOS
from tests.fakes.upstream import UpstreamDouble

CEREBRAS_SCENARIOS = frozenset(SCENARIOS) - {"refusal"}

_SAMPLING = """model stream stream_options stop seed temperature top_p n user logit_bias frequency_penalty
presence_penalty max_tokens min_tokens logprobs reasoning_format prompt_cache_key"""
PROPERTIES: Mapping[Endpoint, frozenset[str]] = {
    "chat": frozenset(
        f"""{_SAMPLING} messages clear_thinking disable_reasoning max_completion_tokens min_completion_tokens
        model_parameters parallel_tool_calls prediction reasoning_effort response_format service_tier tool_choice tools
        top_logprobs""".split()
    ),
    "text": frozenset(f"{_SAMPLING} prompt best_of echo grammar_root return_raw_tokens suffix".split()),
}
"""All that its SDK knows: what is not here is refused. See https://inference-docs.cerebras.ai/resources/openai."""
MESSAGE_PROPERTIES = {
    "system": frozenset({"role", "content", "name"}),
    "developer": frozenset({"role", "content", "name"}),
    "user": frozenset({"role", "content", "name"}),
    "assistant": frozenset({"role", "content", "name", "reasoning", "tool_calls"}),
    "tool": frozenset({"role", "content", "name", "tool_call_id"}),
}
PART_PROPERTIES = frozenset({"type", "text", "image_url", "image"})
EFFORTS = frozenset({None, "none", "low", "medium", "high"})

ERRORS: Mapping[int, tuple[str, str, str, str]] = {
    400: ("Temperature must be at most 1.5.", "invalid_request_error", "validation_error", "wrong_api_format"),
    401: ("Wrong API Key: {key}", "invalid_request_error", "api_key", "wrong_api_key"),
    402: ("Payment required.", "payment_required_error", "billing", "payment_required"),
    403: ("Key {key} may not use this model.", "permission_error", "api_key", "permission_denied"),
    404: ("Model does not exist or you do not have access to it.", "not_found_error", "model", "model_not_found"),
    429: ("Requests per minute limit exceeded.", "too_many_requests_error", "quota", "request_quota_exceeded"),
    503: ("We're experiencing high traffic right now!", "too_many_requests_error", "queue", "queue_exceeded"),
}
_OTHER = ("Encountered a server error, please try again.", "server_error", "", "")

HEADERS = (
    ("Date", "Tue, 04 Aug 2026 19:22:45 GMT"),
    ("Server", "cloudflare"),
    ("Set-Cookie", "__cf_bm=cookie-canary; path=/; HttpOnly; Secure"),
    ("inference-id", "0c1f0f4e-6d5b-4a53-9c46"),
    ("x-ratelimit-limit-requests-day", "14400"),
    ("x-ratelimit-limit-tokens-minute", "60000"),
    ("x-ratelimit-remaining-requests-day", "14399"),
    ("x-ratelimit-remaining-tokens-minute", "59935"),
    ("x-ratelimit-reset-requests-day", "16632.54382"),
    ("x-ratelimit-reset-tokens-minute", "12.54382"),
    ("CF-RAY", "9a1b2c3d4e5f-ZRH"),
)


@attrs.frozen
class CerebrasDialect(OpenAIDialect):
    """Cerebras: flat errors, no embeddings, usage on the last chunk, and no property that it does not know."""

    @override
    def endpoint(self, seen: Seen) -> Endpoint | None:
        found = super().endpoint(seen)
        return None if found == "embeddings" else found

    @override
    def refusal(self, seen: Seen) -> Answer | None:
        if seen.method == "GET":
            return None
        found = "body: expected a JSON object" if not seen.values else self._unknown(seen)
        if found is None:
            return None
        said = flat(found, "invalid_request_error", "validation_error", "wrong_api_format")
        return Answer.of(dumps(said), 400).with_headers(*HEADERS)

    @override
    def answer(self, endpoint: Endpoint, says: str, seen: Seen) -> Answer:
        if endpoint in {"models", "model"}:
            found = models_answer("cerebras", endpoint, seen) or self.error(Fault(404), seen)
            return found.with_headers(*HEADERS)
        says = "text" if endpoint == "text" else says
        if seen.values.get("stream"):
            return streamed(events(recorded("cerebras", f"{endpoint}-{says}.sse"))).with_headers(*HEADERS)
        return Answer.of(recorded("cerebras", f"{endpoint}-{says}.json")).with_headers(*HEADERS)

    @override
    def not_found(self) -> Answer:
        return Answer.of(dumps(flat("Not Found", "not_found_error", "path", "not_found")), 404)

    @override
    def error(self, fault: Fault, seen: Seen) -> Answer:
        message, kind, param, code = ERRORS.get(fault.status, _OTHER)
        said = flat(quoted(message, fault, seen), kind, param, fault.code or code)
        return error_answer(fault, said, seen).with_headers(*HEADERS)

    @override
    def stream_error(self) -> bytes:
        detail = flat("Encountered a server error.", "server_error", "", "internal_error")
        return self.pack({"error": detail, "status_code": 500})

    def _unknown(self, seen: Seen) -> str | None:
        """Return what Cerebras says of the first property that it does not know; None where it knows all."""
        known = PROPERTIES["text" if seen.path.endswith("/v1/completions") else "chat"]
        values = seen.values
        for name in values:
            if name not in known:
                return f"{name}: property '{name}' is unsupported"
        for number, message in enumerate(values.get("messages") or []):
            found = _unknown_in_message(message)
            if found is not None:
                return f"messages.{number}.{message.get('role')}.{found}: property '{found}' is unsupported"
        for name in values.get("stream_options") or {}:
            if name != "include_usage":
                return f"stream_options.{name}: property '{name}' is unsupported"
        if values.get("reasoning_effort") not in EFFORTS:
            return "reasoning_effort: Input should be 'none', 'low', 'medium' or 'high'"
        return None


class CerebrasDouble(UpstreamDouble):
    """
    A server like Cerebras's: chats, text completions and models under `/v1`.

    `warmings` counts the requests to `/v1/tcp_warming`, with which the SDK greets it unless it is told not to.
    """

    def __init__(self, *, key: str = "", tls: ssl.SSLContext | None = None) -> None:
        super().__init__(CerebrasDialect(), key=key, tls=tls)

    @property
    def warmings(self) -> int:
        """How often a connection was warmed."""
        return len([seen for seen in self.seen if seen.path.startswith("/v1/tcp_warming")])


def flat(message: str, kind: str, param: str, code: str) -> dict[str, object]:
    """Return Cerebras's error body, which is not wrapped in `error`."""
    return {"message": message, "type": kind, "param": param, "code": code}


def _unknown_in_message(message: Any) -> str | None:
    known = MESSAGE_PROPERTIES.get(message.get("role"), frozenset())
    for name in message:
        if name not in known:
            return str(name)
    content = message.get("content")
    for number, part in enumerate(content if isinstance(content, list) else []):
        for name in part:
            if name not in PART_PROPERTIES:
                return f"content.{number}.{name}"
    return None
