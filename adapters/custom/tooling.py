"""The tools of a request, and which of them the answer calls."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import attrs

from adapters.custom.messages import Message
from adapters.custom.reading import array, flag, mapping, missing, one_of, text, wrong_type
from adapters.custom.schema.document import MAX_SUBSCHEMAS, SchemaDocument
from adapters.custom.schema.errors import SchemaRefused
from domain.errors import InvalidRequest

MAX_TOOLS = 128
_SEARCHED = 10_000
"""Characters of the last message in which a tool's name is looked for."""
NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
CHOICES = ("none", "auto", "required")


@attrs.frozen(eq=False)
class Tool:
    """
    A tool that may be called.

    `schema` is what its arguments have to fit, None for a custom tool, which takes plain text; `param` is where the
    schema stands in the request.
    """

    kind: str
    name: str
    schema: SchemaDocument | None
    param: str


@attrs.frozen
class Choice:
    """What `tool_choice` says: whether a call is wanted, must be, or must not be, and of which tools."""

    mode: str
    allowed: tuple[Tool, ...]


def read_tools(value: object) -> tuple[Tool, ...]:
    """Return the tools; raises `InvalidRequest` for a name or a schema that is none."""
    if value is None:
        return ()
    found = []
    subschemas = 0
    for place, item in enumerate(array(value, "tools", MAX_TOOLS)):
        found.append(_tool(item, f"tools[{place}]"))
        subschemas += found[-1].schema.size if found[-1].schema else 0
        if subschemas > MAX_SUBSCHEMAS:
            message = f"Invalid 'tools': their schemas have more than {MAX_SUBSCHEMAS} subschemas together."
            raise InvalidRequest(message, "tools", "invalid_function_parameters")
    return tuple(found)


def read_choice(value: object, tools: tuple[Tool, ...]) -> Choice:
    """Return what `tool_choice` says of the tools; raises `InvalidRequest` where it names one that is not there."""
    if value is None:
        return Choice("auto", tools)
    if not tools:
        message = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified."
        raise InvalidRequest(message, "tool_choice", "invalid_value")
    if isinstance(value, str):
        return Choice(one_of(value, "tool_choice", CHOICES) or "auto", tools)
    if not isinstance(value, dict):
        raise wrong_type("tool_choice", "a string or an object", value)
    if value.get("type") != "allowed_tools":
        return Choice("required", (_named(value, tools, "tool_choice", ("function", "custom", "allowed_tools")),))
    path = "tool_choice.allowed_tools"
    allowed = mapping(value.get("allowed_tools"), path)
    mode = one_of(allowed.get("mode"), f"{path}.mode", ("auto", "required")) or "auto"
    names = enumerate(array(allowed.get("tools"), f"{path}.tools"))
    found = [_named(mapping(item, f"{path}.tools[{place}]"), tools, f"{path}.tools[{place}]") for place, item in names]
    return Choice(mode, tuple(dict.fromkeys(found)))


def called_tools(choice: Choice, parallel: object, messages: Sequence[Message]) -> tuple[Tool, ...]:
    """
    Return the tools that the answer calls, none where it speaks.

    A call is made where one is required, and where one is allowed and the user spoke last. It is the tool whose name
    stands in the last message, else the first; with `parallel_tool_calls` true it is each of them, once.
    """
    together = flag(parallel, "parallel_tool_calls")
    wanted = choice.mode == "required" or (choice.mode == "auto" and messages[-1].role == "user")
    if not wanted or not choice.allowed:
        return ()
    if together:
        return choice.allowed
    said = messages[-1].content[:_SEARCHED]
    return (next((tool for tool in choice.allowed if tool.name in said), choice.allowed[0]),)


def read_name(value: object, param: str) -> str:
    """Return the name of a tool or a schema."""
    name = text(value, param)
    if NAME.fullmatch(name) is None:
        message = f"Invalid '{param}': expected 1 to 64 letters, digits, underscores and dashes."
        raise InvalidRequest(message, param, "invalid_value")
    return name


def read_schema(value: object, param: str, code: str) -> SchemaDocument:
    """Return a JSON schema that may have an instance; raises `InvalidRequest` where it is no schema."""
    try:
        return SchemaDocument.read(mapping(value, param))
    except SchemaRefused as refusal:
        raise InvalidRequest(f"Invalid schema for '{param}': {refusal}.", param, code) from None


def _tool(value: object, path: str) -> Tool:
    tool = mapping(value, path)
    kind = one_of(tool.get("type"), f"{path}.type", ("function", "custom"))
    if kind is None:
        raise missing(f"{path}.type")
    described = mapping(tool.get(kind), f"{path}.{kind}")
    name = read_name(described.get("name"), f"{path}.{kind}.name")
    if kind == "custom":
        return Tool(kind, name, None, path)
    flag(described.get("strict"), f"{path}.function.strict")
    param = f"{path}.function.parameters"
    parameters = described.get("parameters")
    schema = read_schema({} if parameters is None else parameters, param, "invalid_function_parameters")
    return Tool(kind, name, schema, param)


def _named(
    value: dict[str, Any], tools: tuple[Tool, ...], path: str, kinds: tuple[str, ...] = ("function", "custom")
) -> Tool:
    """Return the tool that `{"type": …, "function": {"name": …}}` names."""
    kind = one_of(value.get("type"), f"{path}.type", kinds)
    if kind is None:
        raise missing(f"{path}.type")
    param = f"{path}.{kind}.name"
    name = text(mapping(value.get(kind), f"{path}.{kind}").get("name"), param)
    for tool in tools:
        if (tool.kind, tool.name) == (kind, name):
            return tool
    raise InvalidRequest(f"Invalid value for '{param}': '{name[:64]}' is not in 'tools'.", param, "invalid_value")
