"""Finds in source code everything that can grow: fields, variables and caches that outlive the call that fills them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

GROWING = frozenset({
    "BytesIO", "ChainMap", "CollectorRegistry", "Counter", "Gauge", "Histogram", "LifoQueue", "MutableMapping",
    "MutableSequence", "MutableSet", "OrderedDict", "PriorityQueue", "Queue", "SimpleQueue", "StringIO", "Summary",
    "TaskGroup", "WeakKeyDictionary", "WeakSet", "WeakValueDictionary", "array", "bytearray", "defaultdict", "deque",
    "dict", "list", "set",
})  # fmt: skip
"""Types whose values grow; frozenset, tuple, str and bytes do not."""
QUEUES = GROWING & {"LifoQueue", "PriorityQueue", "Queue", "SimpleQueue", "TaskGroup", "deque"}
"""Those that are worth a look wherever one is made, also in a local variable: others feed and empty them."""
CACHES = frozenset({"cache", "cached", "lru_cache"})
FILLING = frozenset({
    "add", "append", "appendleft", "extend", "insert", "put", "put_nowait", "setdefault", "update",
})  # fmt: skip
VALUES = frozenset({"Struct", "TypedDict"})
"""Bases of classes whose values come from a text and are as large as that."""


def growing(module: str, source: str) -> Iterator[str]:
    """
    Give the dotted names of what can grow in a module.

    That is: functions whose results are cached; fields and attributes of objects that begin as a container or say in
    their type that they are one; variables of the module that are empty at first, or filled later; and queues that are
    made anywhere. Tables that are written out and only read cannot grow.
    """
    tree = ast.parse(source)
    filled = set(_filled(tree))
    for name, value in _assigned(tree.body):
        if _is_container(value) and (_is_empty(value) or name in filled):
            yield f"{module}.{name}"
    for path, node in _walk(tree, module):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if any(_last(decorator) in CACHES for decorator in node.decorator_list):
                    yield path
                yield from _attributes(path.rpartition(".")[0], node)
                yield from _queues(path, node)
            case ast.ClassDef() if not any(_last(base) in VALUES for base in node.bases):
                yield from (f"{path}.{name}" for name in _fields(node))
            case _:
                pass


def _walk(node: ast.AST, path: str) -> Iterator[tuple[str, ast.stmt]]:
    """Give all functions and classes, with their dotted names."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield f"{path}.{child.name}", child
            yield from _walk(child, f"{path}.{child.name}")
        else:
            yield from _walk(child, path)


def _assigned(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr]]:
    for statement in body:
        match statement:
            case ast.Assign(targets=[*targets], value=value):
                yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value
            case _:
                pass


def _fields(class_: ast.ClassDef) -> Iterator[str]:
    """Give the fields of a class that hold a container of their own; those of the class itself are shared by all."""
    for statement in class_.body:
        match statement:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                if _last(annotation) in GROWING or (value is not None and _begins_as_container(value)):
                    yield name
            case ast.Assign(targets=[ast.Name(id=name)], value=value) if _begins_as_container(value):
                yield name
            case _:
                pass


def _attributes(class_: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for node in ast.walk(function):
        match node:
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)], value=value):
                if _is_container(value):
                    yield f"{class_}.{name}"
            case ast.AnnAssign(target=ast.Attribute(value=ast.Name(id="self"), attr=name), value=ast.expr() as value):
                if _is_container(value):
                    yield f"{class_}.{name}"
            case _:
                pass


def _queues(path: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if any(isinstance(node, ast.Call) and _last(node.func) in QUEUES for node in ast.walk(function)):
        yield path


def _begins_as_container(value: ast.expr) -> bool:
    """Whether a field's default is a container, or made by a factory that makes one."""
    if isinstance(value, ast.Call) and _last(value.func) in {"field", "ib"}:
        given = [
            keyword.value for keyword in value.keywords if keyword.arg in {"default", "default_factory", "factory"}
        ]
        return any(_last(one) in GROWING or _is_container(one) for one in given)
    return _is_container(value)


def _is_container(value: ast.expr) -> bool:
    match value:
        case ast.Dict() | ast.List() | ast.Set() | ast.DictComp() | ast.ListComp() | ast.SetComp():
            return True
        case ast.Call():
            return _last(value.func) in GROWING
        case ast.Lambda():
            return _is_container(value.body)
        case ast.BoolOp():
            return any(_is_container(part) for part in value.values)
        case _:
            return False


def _is_empty(value: ast.expr) -> bool:
    match value:
        case ast.Dict():
            return not value.keys
        case ast.List() | ast.Set():
            return not value.elts
        case _:
            return isinstance(value, ast.Call)


def _filled(tree: ast.Module) -> Iterator[str]:
    """Give the names that something is put into."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store()):
                yield name
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=method)) if method in FILLING:
                yield name
            case ast.AugAssign(target=ast.Name(id=name)):
                yield name
            case _:
                pass


def _last(node: ast.expr) -> str:
    """Return the last part of a name, whatever it is called with or subscripted by."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return node.attr
        case ast.Call():
            return _last(node.func)
        case ast.Subscript():
            return _last(node.value)
        case _:
            return ""
