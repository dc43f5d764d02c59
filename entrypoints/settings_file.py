"""Reads `gateway.toml`: its text to a tree of plain values, and the tree to the classes of the schema."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import attrs
import cattrs
import msgspec
from cattrs.cols import list_structure_factory
from cattrs.gen import make_dict_structure_fn, make_mapping_structure_fn, override

from entrypoints.schema import Document, StaticKey
from entrypoints.secret import References, Secret

DEFAULT_NAME = "gateway.toml"
MAX_DEPTH = 64

Tree = dict[str, Any]
Place = tuple[str | int, ...]
"""Where something stands in the file: the keys and indices on the way to it."""

Hook = Callable[[Any, Any], Any]


class Misread(ValueError):
    """A value is not what the schema asks for; the text says what to do and quotes no value."""


def read_tree(config: Path | None, cwd: Path) -> tuple[Tree, Path | None]:
    """
    Return the tree of the configuration file and its path, or an empty one and None where there is no file.

    `config` None means `gateway.toml` in `cwd`, if there is one. Raises `Misread`.
    """
    path = cwd / (config or DEFAULT_NAME)
    if config is None and not path.exists():
        return {}, None
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise Misread(f"{path} cannot be read ({error.strerror}); check the path and its permissions") from None
    except ValueError:
        raise Misread(f"{path} is not UTF-8 text") from None
    try:
        return tomllib.loads(text), path
    except tomllib.TOMLDecodeError as error:
        raise Misread(f"{path} is not TOML: {error}") from None
    except (RecursionError, ValueError):
        raise Misread(f"{path} is not TOML that can be read: something is nested too deep or too long") from None


def structure(tree: Tree, references: References) -> tuple[Document, list[tuple[Place, str]]]:
    """
    Return what the tree says, and all problems in it, each with its place.

    What is wrong is taken out of a copy of the tree and the rest is read again, so that checks of the whole can
    follow and name their problems together with these.
    """
    converter = _converter(references)
    tree = _copy(tree)
    found: list[tuple[Place, str]] | None = None
    while True:
        try:
            return converter.structure(tree, Document), found or []
        except (cattrs.BaseValidationError, Misread) as error:
            fresh = list(_problems(error, ()))
        # The first reading meets everything; what a later one lacks was taken out, and is no problem of its own.
        found = found or fresh
        _remove(tree, {place[:-1] if text == _MISSING else place for place, text in fresh})


def spelled(place: Place) -> str:
    """Return a place as it would be written: `models.fast.targets[0].weight`; names that TOML quotes are quoted."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            bare = part.isascii() and part.replace("-", "").replace("_", "").isalnum()
            text += ("." if text else "") + (part if bare else msgspec.json.encode(_encodable(part)).decode())
    return text


_MISSING = "is missing; it has no default"


def _problems(error: BaseException, place: Place) -> Iterator[tuple[Place, str]]:
    match error:
        case cattrs.ClassValidationError():
            noted, bare = error.group_exceptions()
            for inner, note in noted:
                yield from _problems(inner, (*place, note.name))
            for plain in bare:
                yield from _problems(plain, place)
        case cattrs.IterableValidationError():
            for inner, index in error.group_exceptions()[0]:
                yield from _problems(inner, (*place, index.index))
        case cattrs.ForbiddenExtraKeysError():
            known = [field.name for field in attrs.fields(error.cl)]
            for name in sorted(error.extra_fields):
                close = difflib.get_close_matches(name, known, 1)
                meant = f"did you mean {close[0]}?" if close else f"there are: {', '.join(known)}"
                yield (*place, name), f"is an unknown key; {meant}"
        case KeyError():
            yield place, _MISSING
        case _:
            yield place, str(error)


def _remove(tree: Tree, places: set[Place]) -> None:
    """Take out what stands at the places: later elements of a list before earlier ones, so that none moves too soon."""
    for place in sorted(places, key=_backwards):
        if any(place[:length] in places for length in range(len(place))):
            continue  # it goes with what it is in
        *way, last = place
        node: Any = tree
        for part in way:
            node = node[part]
        del node[last]


def _backwards(place: Place) -> list[tuple[int, str]]:
    return [(-part, "") if isinstance(part, int) else (0, part) for part in place]


def _copy(node: Any) -> Any:
    if isinstance(node, dict):
        return {name: _copy(value) for name, value in node.items()}
    return [_copy(value) for value in node] if isinstance(node, list) else node


def _converter(references: References) -> cattrs.Converter:
    """Return a converter that takes nothing for what it is not: cattrs by itself reads 5 as "5" and "abc" as a list."""
    converter = cattrs.Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, _exactly(str, "a string"))
    converter.register_structure_hook(int, _exactly(int, "a whole number"))
    converter.register_structure_hook(bool, _exactly(bool, "true or false"))
    converter.register_structure_hook(float, _number)
    converter.register_structure_hook(Secret, lambda value, _: _secret(value, references))
    converter.register_structure_hook_func(_comes_from(Literal), _one_of)
    converter.register_structure_hook_factory(_comes_from(tuple), _list_hook)
    converter.register_structure_hook_factory(_comes_from(Mapping), _table_hook)
    converter.register_structure_hook_func(lambda type_: type_ == Mapping[str, bytes], _json_members)
    converter.register_structure_hook_factory(attrs.has, _class_hook)
    return converter


def _comes_from(origin: object) -> Callable[[Any], bool]:
    return lambda type_: origin is get_origin(type_)


def _exactly(type_: type, words: str) -> Hook:
    def hook(value: Any, _: Any) -> Any:
        if type(value) is not type_:
            raise Misread(f"must be {words}")
        return value

    return hook


def _number(value: Any, _: Any) -> float:
    if type(value) not in {int, float}:
        raise Misread("must be a number")
    try:
        return float(value)
    except OverflowError:
        raise Misread("is too great a number") from None


def _secret(value: Any, references: References) -> Secret:
    if isinstance(value, Secret):
        return value  # from the environment
    if not isinstance(value, str):
        raise Misread("must be a string: a reference such as env://NAME or file:///path, or the secret itself")
    try:
        return references.resolve(value)
    except ValueError as error:
        raise Misread(str(error)) from None


def _one_of(value: Any, type_: Any) -> Any:
    if not isinstance(value, str) or value not in get_args(type_):
        raise Misread(f"must be one of {', '.join(get_args(type_))}")
    return value


def _list_hook(type_: Any, converter: cattrs.BaseConverter) -> Hook:
    of_elements: Any = list[get_args(type_)[0]]  # type: ignore[misc]
    elements = list_structure_factory(of_elements, converter)

    def hook(value: Any, _: Any) -> tuple[Any, ...]:
        if not isinstance(value, list):
            raise Misread("must be a list")
        return tuple(elements(value, list))

    return hook


def _table_hook(type_: Any, converter: cattrs.BaseConverter) -> Hook:
    members = make_mapping_structure_fn(type_, converter, dict)

    def hook(value: Any, _: Any) -> Any:
        if not isinstance(value, dict):
            raise Misread("must be a table")
        return members(value, type_)

    return hook


def _class_hook(type_: Any, converter: cattrs.BaseConverter) -> Hook:
    attrs.resolve_types(type_)
    overrides = {field.name: override(struct_hook=_checked(field, converter)) for field in attrs.fields(type_)}
    members = make_dict_structure_fn(type_, converter, **overrides)  # type: ignore[arg-type]

    def hook(value: Any, _: Any) -> Any:
        if type_ is StaticKey and isinstance(value, str):
            return StaticKey(overrides["key"].struct_hook(value, Secret))  # type: ignore[misc]
        if not isinstance(value, dict):
            raise Misread("must be a string or a table" if type_ is StaticKey else "must be a table")
        return members(value, type_)

    return hook


def _checked(field: attrs.Attribute[Any], converter: cattrs.BaseConverter) -> Hook:
    """Return the hook of a field: its type's, and then the check that its metadata holds."""
    read, check = converter.get_structure_hook(field.type), field.metadata["check"]
    if check is None:
        return read

    def hook(value: Any, type_: Any) -> Any:
        read_value = read(value, type_)
        try:
            check(read_value)
        except ValueError as error:
            raise Misread(str(error)) from None
        return read_value

    return hook


def _json_members(value: Any, _: Any) -> dict[str, bytes]:
    """Encode each member of a table as JSON, as requests carry it."""
    if not isinstance(value, dict):
        raise Misread("must be a table")
    try:
        return {_encodable(name): msgspec.json.encode(_json(member, MAX_DEPTH)) for name, member in value.items()}
    except (OverflowError, ValueError):
        raise Misread(
            "must hold what JSON can: strings, finite numbers of 64 bits, booleans, lists and tables"
        ) from None


def _json(value: Any, depth: int) -> Any:
    if depth == 0 or not isinstance(value, str | int | float | list | dict):
        raise ValueError
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError
    if isinstance(value, list):
        return [_json(element, depth - 1) for element in value]
    if isinstance(value, dict):
        return {_encodable(name): _json(member, depth - 1) for name, member in value.items()}
    return value


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()
