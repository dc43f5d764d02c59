"""The messages of a chat: what is wrong with them, what the last one says, and how many tokens they are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import attrs

from adapters.custom.reading import array, mapping, missing, one_of, text, wrong_type
from adapters.custom.tokens import count_gently
from domain.errors import InvalidRequest

ROLES = ("developer", "system", "user", "assistant", "tool", "function")
PART_TYPES = ("text", "refusal", "image_url", "input_audio", "file")
CALL_TYPES = ("function", "custom")
MAX_MESSAGES = 2_048
TOKENS_PER_MEDIA = 85
"""What an image, a sound or a file counts, whatever its size: what OpenAI counts for an image in low detail."""


@attrs.frozen
class Message:
    """
    One message, read as far as the engine answers to it.

    `texts` are all the texts that count as tokens, the content's first; `media` is the number of parts without text.
    """

    role: str
    content: str
    texts: tuple[str, ...]
    media: int
    source: dict[str, Any]


def read_messages(value: object) -> tuple[Message, ...]:
    """Return the messages; raises `InvalidRequest` as OpenAI does for roles, parts and ids that it does not know."""
    items = array(value, "messages", MAX_MESSAGES)
    if not items:
        raise InvalidRequest("Invalid 'messages': expected at least one message.", "messages", "empty_array")
    return tuple([_read(item, f"messages[{place}]") for place, item in enumerate(items)])


async def count_prompt(messages: Sequence[Message], others: Sequence[str], pause: Callable[[], Awaitable[None]]) -> int:
    """
    Return the tokens of a prompt: of all its texts, and one for each message's role.

    `others` are texts beside the messages that a model would have to read: tools and schemas.
    """
    fixed = sum(1 + message.media * TOKENS_PER_MEDIA for message in messages)
    texts = [said for message in messages for said in message.texts]
    return fixed + await count_gently([*texts, *others], pause)


def _read(value: object, path: str) -> Message:
    source = {name: part for name, part in mapping(value, path).items() if part is not None}
    role = one_of(source.get("role"), f"{path}.role", ROLES)
    if role is None:
        raise missing(f"{path}.role")
    content, media = _content(source.get("content"), f"{path}.content")
    if role == "tool":
        text(source.get("tool_call_id"), f"{path}.tool_call_id")
    calls = _calls(source.get("tool_calls"), f"{path}.tool_calls")
    if "content" not in source and not _may_be_silent(role, source):
        raise missing(f"{path}.content")
    name = source.get("name")
    named = [] if name is None else [text(name, f"{path}.name")]
    return Message(role, content, (content, *named, *calls), media, source)


def _may_be_silent(role: str, source: dict[str, Any]) -> bool:
    """Whether a message may have no content: an assistant's that holds something else, and the legacy function's."""
    said = ("tool_calls", "function_call", "refusal", "audio")
    return role == "function" or (role == "assistant" and any(name in source for name in said))


def _content(value: object, path: str) -> tuple[str, int]:
    """Return the text of a content and the number of its other parts."""
    if value is None:
        return "", 0
    if isinstance(value, str):
        return value, 0
    if not isinstance(value, list):
        raise wrong_type(path, "a string or an array of parts", value)
    if not value:
        raise InvalidRequest(f"Invalid '{path}': expected at least one part.", path, "empty_array")
    found = [_part(part, f"{path}[{place}]") for place, part in enumerate(value)]
    return "\n".join([said for said in found if said is not None]), found.count(None)


def _part(value: object, path: str) -> str | None:
    """Return the text of a part, None where it has none."""
    part = mapping(value, path)
    kind = one_of(part.get("type"), f"{path}.type", PART_TYPES)
    if kind is None:
        raise missing(f"{path}.type")
    if kind in {"text", "refusal"}:
        return text(part.get(kind), f"{path}.{kind}")
    if kind == "image_url" and isinstance(part.get(kind), str):  # some clients send the plain address
        return None
    mapping(part.get(kind), f"{path}.{kind}")
    return None


def _calls(value: object, path: str) -> list[str]:
    """Return the texts of the calls that an assistant's message reports."""
    return (
        []
        if value is None
        else [said for place, call in enumerate(array(value, path)) for said in _call(call, f"{path}[{place}]")]
    )


def _call(value: object, path: str) -> tuple[str, str]:
    call = mapping(value, path)
    text(call.get("id"), f"{path}.id")
    kind = one_of(call.get("type", "function"), f"{path}.type", CALL_TYPES) or "function"
    called = mapping(call.get(kind), f"{path}.{kind}")
    said = "arguments" if kind == "function" else "input"
    return text(called.get("name"), f"{path}.{kind}.name"), text(called.get(said), f"{path}.{kind}.{said}")
