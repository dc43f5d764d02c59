"""Structure and types of a request's members, checked as OpenAI's API defines them; ranges are left to who answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec

from adapters.wire.jsontext import NotJson, parse_object
from domain.document import Document
from domain.errors import InvalidRequest

T = TypeVar("T")

MAX_MODEL = 512
"""The name stands in headers and log lines, as it was sent."""
_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "array": "an array",
    "object": "an object",
}

_AT = re.compile(r" - at `\$\.?(?P<path>.*)`$")
_EXPECTED = re.compile(r"Expected `(?P<expected>[^`]+)`, got `(?P<got>[^`]+)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>[^`]+)`")


def parse_body(body: bytes) -> Document:
    """Read a request's body as a document; raises `InvalidRequest` where it is not one JSON object."""
    try:
        return parse_object(body)
    except NotJson as error:
        code = "duplicate_parameter" if error.param is not None else "invalid_json"
        raise InvalidRequest(f"The body {error.reason}.", param=error.param, code=code) from None


def checked(document: Document, decode: Callable[[bytes], T], body: bytes) -> T:
    """Return what `decode` makes of a body; raises `InvalidRequest` that names the member at fault by its path."""
    if document.get("model") in {None, b'""'}:
        raise missing("model")
    if len(document.members["model"]) > MAX_MODEL:
        message = f"Invalid value for 'model': it must have at most {MAX_MODEL} bytes."
        raise InvalidRequest(message, param="model", code="string_above_max_length")
    try:
        return decode(body)
    except (msgspec.ValidationError, RecursionError) as error:
        raise _invalid(str(error)) from None


def missing(param: str) -> InvalidRequest:
    """Return the refusal of a request that lacks a member."""
    return InvalidRequest(f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter")


def wrong_type(param: str, expected: str) -> InvalidRequest:
    """Return the refusal of a member of the wrong type; `expected` is like "a string"."""
    return InvalidRequest(f"Invalid type for '{param}': expected {expected}.", param=param, code="invalid_type")


def _invalid(text: str) -> InvalidRequest:
    """Turn the decoder's finding into OpenAI's words."""
    at = _AT.search(text)
    path = "" if at is None else re.sub(r"\[\.\.\.\]", "", at["path"])
    lacking = _MISSING.search(text)
    if lacking is not None:
        return missing(f"{path}.{lacking['field']}" if path else lacking["field"])
    mismatch = _EXPECTED.search(text)
    if mismatch is not None and mismatch["got"] == "null" and "[" not in path.rpartition(".")[2]:
        return missing(path)
    if mismatch is not None and path:
        expected = " or ".join(_WORDS.get(name, name) for name in mismatch["expected"].split(" | ") if name != "null")
        got = _WORDS.get(mismatch["got"], mismatch["got"])
        message = f"Invalid type for '{path}': expected {expected}, but got {got}."
        return InvalidRequest(message, param=path, code="invalid_type")
    reason = text[: at.start()] if at is not None else text
    return InvalidRequest(f"Invalid value for '{path or 'body'}': {reason}.", param=path or None, code="invalid_value")


Json = Any
"""A member whose inside is the provider's to judge."""
