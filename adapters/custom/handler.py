"""The operator's own provider: a class named in the configuration, loaded at start and guarded ever after."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import attrs
from typing_extensions import override

from adapters.custom.scrutiny import read_answer, read_models, read_text_answer, read_vectors
from adapters.custom.supervision import SupervisedStream, supervised
from domain.catalog import Model
from domain.chat import ChatRequest, ChatResponse
from domain.completions import CompletionRequest
from domain.embeddings import EmbeddingsRequest, EmbeddingsResponse
from domain.ports.providers import Call

Capability = Literal["chat", "completions", "embeddings", "models"]

METHODS: dict[Capability, tuple[str, ...]] = {
    "chat": ("complete", "stream"),
    "completions": ("complete_text", "stream_text"),
    "embeddings": ("embed",),
    "models": ("list_models",),
}


@attrs.frozen
class HandlerError(ValueError):
    """A handler that cannot be used; `reason` completes "The handler …"."""

    spec: str
    reason: str

    @override
    def __str__(self) -> str:
        """Say which handler, and what to do."""
        return f"The handler {self.spec!r} {self.reason}."


@attrs.frozen
class GuardedHandler:
    """
    The operator's object behind the provider ports.

    It gets the treatment of an upstream: deadlines, and `Malformed`, `UpstreamTimeout` or `StreamBroken` for what it
    does wrong. Only failures of the gateway's own tree pass as they are. `models` are listed where the object lists
    none.
    """

    handler: Any
    models: tuple[str, ...] = ()

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the object can do; models can always be listed."""
        return capabilities_of(self.handler) | {"models"}

    async def complete(self, request: ChatRequest, call: Call) -> ChatResponse:
        """Return the whole answer to a chat."""
        return read_answer(await supervised(lambda: self.handler.complete(request, call), call))

    def stream(self, request: ChatRequest, call: Call) -> SupervisedStream:
        """Return the answer to a chat as a stream."""
        return SupervisedStream(lambda: self.handler.stream(request, call), call)

    async def complete_text(self, request: CompletionRequest, call: Call) -> ChatResponse:
        """Return a whole text completion."""
        return read_text_answer(await supervised(lambda: self.handler.complete_text(request, call), call))

    def stream_text(self, request: CompletionRequest, call: Call) -> SupervisedStream:
        """Return a text completion as a stream."""
        return SupervisedStream(lambda: self.handler.stream_text(request, call), call)

    async def embed(self, request: EmbeddingsRequest, call: Call) -> EmbeddingsResponse:
        """Return vectors."""
        return read_vectors(await supervised(lambda: self.handler.embed(request, call), call))

    async def list_models(self, call: Call) -> Sequence[Model]:
        """Return the models that the object lists, or those of the configuration."""
        if "models" not in capabilities_of(self.handler):
            return [Model(name) for name in self.models]
        return read_models(await supervised(lambda: self.handler.list_models(call), call))


def load_handler(spec: str) -> object:
    """
    Return an object of the class that `module:Class` names; the working folder is searched after all packages.

    Raises `HandlerError`, which quotes nothing that the module or the class may have said.
    """
    module_name, _, class_name = spec.partition(":")
    if not all(part.isidentifier() for name in (module_name, class_name) for part in name.split(".")):
        raise HandlerError(spec, "must have the form 'module:Class'")
    module = _imported(spec, module_name)
    try:
        make = attrgetter(class_name)(module)
    except AttributeError:
        raise HandlerError(spec, f"was not found: the module {module_name!r} has no {class_name!r}") from None
    if not callable(make):
        raise HandlerError(spec, "is no class")
    try:
        handler = make()
    except (Exception, SystemExit) as error:
        raise HandlerError(spec, f"could not be made: its constructor raised {type(error).__name__}") from error
    _check(spec, handler)
    return handler


def capabilities_of(handler: object) -> frozenset[Capability]:
    """Return what an object can do by the methods that it has."""
    return frozenset(
        can for can, methods in METHODS.items() if all(callable(getattr(handler, name, None)) for name in methods)
    )


def _imported(spec: str, name: str) -> Any:
    # Last in the path, so that no file in the working folder stands in for one of the gateway's own modules.
    folder = str(Path.cwd())
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        if name == missing or name.startswith(f"{missing}."):
            where = "in the working folder or among the installed packages"
            raise HandlerError(spec, f"was not found: there is no module {missing!r} {where}") from None
        raise HandlerError(spec, f"could not be imported: it needs the module {missing!r}") from error
    except (Exception, SystemExit) as error:
        raise HandlerError(spec, f"could not be imported: its module raised {type(error).__name__}") from error


def _check(spec: str, handler: object) -> None:
    """Raise `HandlerError` where an object can do nothing, or one half of something."""
    for methods in METHODS.values():
        there = [name for name in methods if callable(getattr(handler, name, None))]
        if there and len(there) < len(methods):
            missing = next(name for name in methods if name not in there)
            raise HandlerError(spec, f"has {there[0]!r} but no {missing!r}: both are needed")
    if not capabilities_of(handler):
        wanted = ", ".join(name for methods in METHODS.values() for name in methods)
        raise HandlerError(spec, f"has none of a provider's methods: {wanted}")
