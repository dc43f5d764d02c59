"""A chat request as the engine reads it: every member that it honours, refused where OpenAI would refuse it."""

from __future__ import annotations

from typing import Any

import attrs
import msgspec

from adapters.custom.messages import Message, read_messages
from adapters.custom.reading import array, flag, mapping, member, missing, number, one_of, text, whole, wrong_type
from adapters.custom.schema.document import SchemaDocument
from adapters.custom.tooling import Tool, called_tools, read_choice, read_name, read_schema, read_tools
from adapters.wire.jsontext import text_of
from domain.chat import ChatRequest
from domain.document import Document
from domain.errors import InvalidRequest

MAX_CHOICES = 128
MAX_STOPS = 4
MAX_TOP_LOGPROBS = 20
MAX_BIAS, MAX_BIASES = 100, 1_024
MAX_SCHEMA_BYTES = 1 << 20
"""Of tools, and of a response format: looking at schemas takes long."""
MAX_PAIRS, MAX_KEY, MAX_VALUE = 16, 64, 512
MAX_TOKENS = 16_384
"""Over all choices of an answer."""
LEAST_MAX_TOKENS = 256
"""What each choice may have, however many there are."""
INT64 = 1 << 63
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
VERBOSITIES = ("low", "medium", "high")
TIERS = ("auto", "default", "flex", "scale", "priority", "fast")
FORMATS = ("text", "json_object", "json_schema")
SCHEMA_PARAM = "response_format.json_schema.schema"

_SEEDING = ("tools", "tool_choice", "parallel_tool_calls", "response_format", "logit_bias")
"""Members that decide what is said, beside the messages, numbers and words: all that a model would heed."""
_canonical = msgspec.json.Encoder(order="sorted").encode


@attrs.frozen
class Format:
    """What `response_format` asks for: `text`, `json_object` or `json_schema` with a schema."""

    kind: str = "text"
    schema: SchemaDocument | None = None


@attrs.frozen
class Asked:
    """
    What a caller asks of the engine.

    `calls` are the tools that the answer calls, none where it speaks. `most` is the maximum of tokens a choice, the
    caller's or the engine's own; `top_logprobs` is None where no logprobs are wanted. `seeds` decide what is said;
    `read` are the texts beside the messages that count as prompt.
    """

    messages: tuple[Message, ...]
    calls: tuple[Tool, ...]
    format: Format
    choices: int
    most: int
    stops: tuple[str, ...]
    top_logprobs: int | None
    verbosity: str
    seeds: tuple[bytes, ...]
    read: tuple[str, ...]


def read_chat(request: ChatRequest) -> Asked:
    """Read a request; raises `InvalidRequest` that names the member at fault by its path."""
    document = request.document
    _check_size(document)
    messages = read_messages(member(document, "messages"))
    numbers = _numbers(document)
    words = _words(document)
    tools = read_tools(member(document, "tools"))
    choice = read_choice(member(document, "tool_choice"), tools)
    calls = called_tools(choice, member(document, "parallel_tool_calls"), messages)
    _check_others(request)
    seeding = [member(document, name) for name in _SEEDING]
    choices = whole(member(document, "n"), "n", 1, MAX_CHOICES) or 1
    return Asked(
        messages=messages,
        calls=calls,
        format=_format(member(document, "response_format")),
        choices=choices,
        most=_most(document, choices),
        stops=_stops(member(document, "stop")),
        top_logprobs=_top_logprobs(document),
        verbosity=words[1] or "medium",
        seeds=(_canonical([message.source for message in messages]), _canonical([numbers, words, seeding])),
        read=_read(document),
    )


def _check_size(document: Document) -> None:
    for name in ("tools", "response_format"):
        if len(document.get(name) or b"") > MAX_SCHEMA_BYTES:
            message = f"Invalid '{name}': it has more than {MAX_SCHEMA_BYTES} bytes."
            raise InvalidRequest(message, name, "string_above_max_length")


def _most(document: Document, choices: int) -> int:
    """Return the maximum of tokens a choice: like a model, the engine has one of its own."""
    older = whole(member(document, "max_tokens"), "max_tokens", 1)
    newer = whole(member(document, "max_completion_tokens"), "max_completion_tokens", 1)
    own = max(MAX_TOKENS // choices, LEAST_MAX_TOKENS)
    return min(newer or older or own, own)


def _numbers(document: Document) -> list[float | None]:
    ranges = {"temperature": (0, 2), "top_p": (0, 1), "presence_penalty": (-2, 2), "frequency_penalty": (-2, 2)}
    found = [number(member(document, name), name, *ends) for name, ends in ranges.items()]
    return [*found, whole(member(document, "seed"), "seed", -INT64, INT64 - 1)]


def _words(document: Document) -> tuple[str | None, str | None]:
    effort = one_of(member(document, "reasoning_effort"), "reasoning_effort", EFFORTS)
    return effort, one_of(member(document, "verbosity"), "verbosity", VERBOSITIES)


def _check_others(request: ChatRequest) -> None:
    """Check members that change nothing in the answer."""
    document = request.document
    one_of(member(document, "service_tier"), "service_tier", TIERS)
    flag(member(document, "store"), "store")
    if (user := member(document, "user")) is not None:
        text(user, "user")
    for token, bias in _pairs(document, "logit_bias", MAX_BIASES).items():
        number(bias, f"logit_bias.{token[:MAX_KEY]}", -MAX_BIAS, MAX_BIAS)
    _check_metadata(_pairs(document, "metadata", MAX_PAIRS))
    modalities = member(document, "modalities")
    for place, modality in enumerate([] if modalities is None else array(modalities, "modalities")):
        one_of(modality, f"modalities[{place}]", ("text",))
    options = member(document, "stream_options")
    if options is None:
        return
    flag(mapping(options, "stream_options").get("include_usage"), "stream_options.include_usage")
    if not request.stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise InvalidRequest(message, "stream_options", "invalid_value")


def _pairs(document: Document, name: str, most: int) -> dict[str, Any]:
    """Return the pairs of an object, which may be absent."""
    value = member(document, name)
    pairs = {} if value is None else mapping(value, name)
    if len(pairs) > most:
        message = f"Invalid '{name}': too many members. Expected at most {most}, but got {len(pairs)}."
        raise InvalidRequest(message, name, "object_above_max_properties")
    return pairs


def _check_metadata(pairs: dict[str, Any]) -> None:
    for name, said in pairs.items():
        param = f"metadata.{name[:MAX_KEY]}"
        if len(name) > MAX_KEY or len(text(said, param)) > MAX_VALUE:
            message = f"Invalid '{param}': keys have at most {MAX_KEY} characters, values {MAX_VALUE}."
            raise InvalidRequest(message, param, "string_above_max_length")


def _stops(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return (value,) if value else ()
    if not isinstance(value, list):
        raise wrong_type("stop", "a string or an array of strings", value)
    found = [text(stop, f"stop[{place}]") for place, stop in enumerate(array(value, "stop", MAX_STOPS))]
    return tuple([stop for stop in found if stop])


def _top_logprobs(document: Document) -> int | None:
    """Return how many alternatives each token shows, None where no logprobs are wanted."""
    wanted = flag(member(document, "logprobs"), "logprobs")
    number_of = whole(member(document, "top_logprobs"), "top_logprobs", 0, MAX_TOP_LOGPROBS)
    if number_of is not None and not wanted:
        message = "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
        raise InvalidRequest(message, "top_logprobs", "invalid_value")
    return (number_of or 0) if wanted else None


def _format(value: object) -> Format:
    if value is None:
        return Format()
    asked = mapping(value, "response_format")
    kind = one_of(asked.get("type"), "response_format.type", FORMATS)
    if kind is None:
        raise missing("response_format.type")
    if kind != "json_schema":
        return Format(kind)
    described = mapping(asked.get("json_schema"), "response_format.json_schema")
    read_name(described.get("name"), "response_format.json_schema.name")
    flag(described.get("strict"), "response_format.json_schema.strict")
    schema = described.get("schema")
    if schema is None:
        return Format("json_object")
    return Format(kind, read_schema(schema, SCHEMA_PARAM, "invalid_json_schema"))


def _read(document: Document) -> tuple[str, ...]:
    """Return what a model would have to read beside the messages, as compact JSON."""
    found = [member(document, name) for name in ("tools", "response_format")]
    return tuple([text_of(value).decode() for value in found if value is not None])
