"""`POST /v1/chat/completions`, the request: bytes → `ChatRequest` → bytes for an upstream."""

from __future__ import annotations

import msgspec

from adapters.wire.jsontext import parse_object, render, text_of
from adapters.wire.openai.checks import Json, checked, parse_body, wrong_type
from domain.chat import ChatRequest
from domain.document import Document
from domain.errors import InvalidRequest


class _Function(msgspec.Struct):
    name: str
    description: str | None = None
    parameters: dict[str, msgspec.Raw] | None = None
    strict: bool | None = None


class _Tool(msgspec.Struct):
    type: str
    function: _Function | None = None


class _CalledFunction(msgspec.Struct):
    name: str
    arguments: str | None = None


class _ToolCall(msgspec.Struct):
    id: str | None = None
    type: str | None = None
    function: _CalledFunction | None = None


class _Part(msgspec.Struct):
    type: str
    text: Json = None
    image_url: Json = None
    input_audio: Json = None


class _Message(msgspec.Struct):
    role: str
    content: str | list[_Part] | None = None
    name: str | None = None
    tool_calls: list[_ToolCall] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None


class StreamOptions(msgspec.Struct):
    """What a caller wants of the stream."""

    include_usage: bool | None = None


class _ResponseFormat(msgspec.Struct):
    type: str
    json_schema: dict[str, msgspec.Raw] | None = None


class _ChatBody(msgspec.Struct):
    model: str
    messages: list[_Message]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    max_tokens: int | None = None
    max_completion_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    n: int | None = None
    stop: str | list[str] | None = None
    presence_penalty: float | None = None
    frequency_penalty: float | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None
    seed: int | None = None
    user: str | None = None
    response_format: _ResponseFormat | None = None
    tools: list[_Tool] | None = None
    tool_choice: str | dict[str, msgspec.Raw] | None = None
    parallel_tool_calls: bool | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    modalities: list[str] | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    service_tier: str | None = None


_decode = msgspec.json.Decoder(_ChatBody).decode


def parse_request(body: bytes, provider: str = "") -> ChatRequest:
    """
    Read the body of a chat request; raises `InvalidRequest` naming the member at fault.

    `provider` is the one that the path fixed, "" where there is none.
    """
    document = parse_body(body)
    view = checked(document, _decode, body)
    _check_messages(view.messages)
    return ChatRequest(
        model=view.model,
        document=document,
        stream=bool(view.stream),
        include_usage=bool(view.stream_options and view.stream_options.include_usage),
        provider=provider,
    )


def render_request(request: ChatRequest, model: str) -> bytes:
    """
    Write the body for an upstream that speaks OpenAI: the caller's members, the upstream's name of the model,
    usage asked for.
    """
    return render(upstream_document(request.document, model, stream=request.stream))


def upstream_document(document: Document, model: str, *, stream: bool) -> Document:
    """Return a caller's document as an upstream gets it: with its own name of the model, and always asked for usage."""
    changes = {"model": text_of(model)}
    if stream:
        changes["stream_options"] = _asking_for_usage(document.get("stream_options"))
    return document.having(changes)


def _asking_for_usage(options: bytes | None) -> bytes:
    if options is None:
        return b'{"include_usage":true}'
    return render(parse_object(options, unique=False).having({"include_usage": b"true"}))


def _check_messages(messages: list[_Message]) -> None:
    """
    Check what the types alone do not say: that there is a message, and that the parts hold what they are named
    for.
    """
    if not messages:
        raise InvalidRequest(
            "Invalid value for 'messages': it must hold at least one message.", "messages", "empty_array"
        )
    for number, message in enumerate(messages):
        if type(message.content) is list:
            for place, part in enumerate(message.content):
                _check_part(part, f"messages[{number}].content[{place}]")


def _check_part(part: _Part, path: str) -> None:
    if part.type == "text" and type(part.text) is not str:
        raise wrong_type(f"{path}.text", "a string")
    if part.type == "image_url" and not _names_url(part.image_url):
        raise wrong_type(f"{path}.image_url", "an object with a string 'url'")
    if part.type == "input_audio" and type(part.input_audio) is not dict:
        raise wrong_type(f"{path}.input_audio", "an object")


def _names_url(value: Json) -> bool:
    """Accept the plain string too that some clients send and some servers take."""
    return type(value) is str or (type(value) is dict and type(value.get("url")) is str)
