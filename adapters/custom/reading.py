"""Members of a request read with their types and ranges; every refusal says where, what and why, in OpenAI's words."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from adapters.wire.jsontext import NotJson, value_of
from domain.document import Document
from domain.errors import InvalidRequest

_SHOWN = 64


def member(document: Document, name: str) -> Any:
    """Return a member's value, None where it is absent or `null`."""
    text = document.get(name)
    if text is None:
        return None
    try:
        return value_of(text)
    except NotJson as error:
        raise InvalidRequest(f"Invalid value for '{name}': it {error}.", name, "invalid_json") from None


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
