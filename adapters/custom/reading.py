"""Members of a request read with their types and ranges; every refusal says where, what and why, in OpenAI's words."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from adapters.wire.jsontext import NotJson, value_of
from domain.document import Document
from domain.errors import InvalidRequest

MAX_VALUES = 100_000
"""JSON values of one member. To read so many takes a twentieth of a second, in which nobody else has a turn."""
_SHOWN = 64
_A_THOUSAND = re.compile(rb'(?:(?:[^"\[{,]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+[\[{,]){1000}+')
"""JSON text up to its thousandth bracket or comma outside of strings. It never goes back, however long the text is."""


def member(document: Document, name: str, most: int = MAX_VALUES) -> Any:
    """
    Return a member's value, None where it is absent or `null`.

    Raises `InvalidRequest` where it has more than about `most` values in it, which is found out without reading them.
    """
    text = document.get(name)
    if text is None:
        return None
    if _has_more_values(text, most):
        message = f"Invalid '{name}': it holds more than {most} values in all. Send less."
        raise InvalidRequest(message, name, "array_above_max_length")
    try:
        return value_of(text)
    except NotJson as error:
        raise InvalidRequest(f"Invalid value for '{name}': it {error}.", name, "invalid_json") from None


def _has_more_values(text: bytes, most: int) -> bool:
    """Whether so many brackets and commas stand in a JSON text, outside of its strings: a value has about one."""
    if text.count(b",") + text.count(b"[") + text.count(b"{") <= most:
        return False
    found = place = 0
    while found <= most and (thousand := _A_THOUSAND.match(text, place)) is not None:
        found, place = found + 1_000, thousand.end()
    return found > most


def number(value: object, param: str, low: float, high: float) -> float | None:
    """Return a number in [low, high], None where there is none."""
    if value is None:
        return None
    if type(value) is not int and type(value) is not float:
        raise wrong_type(param, "a number", value)
    _check_range(value, param, "decimal", (low, high))
    return float(value)


def whole(value: object, param: str, low: int, high: int | None = None) -> int | None:
    """Return an integer in [low, high], None where there is none."""
    if value is None:
        return None
    if type(value) is not int:
        raise wrong_type(param, "an integer", value)
    _check_range(value, param, "integer", (low, high))
    return value


def flag(value: object, param: str) -> bool | None:
    """Return a boolean, None where there is none."""
    if value is not None and type(value) is not bool:
        raise wrong_type(param, "a boolean", value)
    return value


def text(value: object, param: str) -> str:
    """Return a string that has to be there."""
    if value is None:
        raise missing(param)
    if not isinstance(value, str):
        raise wrong_type(param, "a string", value)
    return value


def one_of(value: object, param: str, allowed: Collection[str]) -> str | None:
    """Return one of the allowed words, None where there is none."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise wrong_type(param, "a string", value)
    if value not in allowed:
        supported = ", ".join(f"'{word}'" for word in allowed)
        found = value[:_SHOWN]
        raise InvalidRequest(
            f"Invalid value for '{param}': '{found}'. Supported values are: {supported}.", param, "invalid_value"
        )
    return value


def mapping(value: object, param: str) -> dict[str, Any]:
    """Return an object that has to be there."""
    if value is None:
        raise missing(param)
    if not isinstance(value, dict):
        raise wrong_type(param, "an object", value)
    return value


def array(value: object, param: str, longest: int | None = None) -> list[Any]:
    """Return an array that has to be there, of at most `longest` items."""
    if value is None:
        raise missing(param)
    if not isinstance(value, list):
        raise wrong_type(param, "an array", value)
    if longest is not None and len(value) > longest:
        message = f"Invalid '{param}': array too long. Expected at most {longest} items, but got {len(value)}."
        raise InvalidRequest(message, param, "array_above_max_length")
    return value


def missing(param: str) -> InvalidRequest:
    """Return the refusal of a request that lacks a member."""
    return InvalidRequest(f"Missing required parameter: '{param}'.", param, "missing_required_parameter")


def wrong_type(param: str, expected: str, value: object) -> InvalidRequest:
    """Return the refusal of a value of the wrong type; `expected` is like "a string"."""
    found = _KINDS.get(type(value), "null")
    return InvalidRequest(f"Invalid type for '{param}': expected {expected}, but got {found}.", param, "invalid_type")


def _check_range(value: float, param: str, kind: str, ends: tuple[float, float | None]) -> None:
    low, high = ends
    if value < low:
        side, bound, code = ">=", low, "below_min_value"
    elif high is not None and value > high:
        side, bound, code = "<=", high, "above_max_value"
    else:
        return
    raise InvalidRequest(
        f"Invalid '{param}': {kind} {code.replace('_', ' ')}. Expected a value {side} {bound}, "
        f"but got {str(value)[:_SHOWN]} instead.",
        param,
        f"{kind}_{code}",
    )


_KINDS = {
    str: "a string",
    bool: "a boolean",
    int: "an integer",
    float: "a number",
    list: "an array",
    dict: "an object",
}
