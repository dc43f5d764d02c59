"""A handler is loaded at the start, and what is wrong with it is said then."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from adapters.custom.handler import GuardedHandler, HandlerError, capabilities_of, load_handler
from domain.catalog import Model
from domain.ports.providers import ChatProvider, CompletionProvider, EmbeddingsProvider, ModelLister
from tests.adapters.custom import handlers
from tests.adapters.custom.fakes import CALL

HERE = "tests.adapters.custom.handlers"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder; what is imported from it is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return tmp_path


def test_a_class_is_loaded_and_made() -> None:
    """Module, colon, class; a class within a class too."""
    assert isinstance(load_handler(f"{HERE}:Shout"), handlers.Shout)
    assert isinstance(load_handler(f"{HERE}:Outer.Inner"), handlers.Shout)


def test_the_working_folder_is_searched(folder: Path) -> None:
    """The package of the operator stands beside the configuration."""
    package = folder / "my_package_of_a_test"
    package.mkdir()
    (package / "mine.py").write_text("class Mine:\n    async def embed(self, request, call): ...\n")

    assert type(load_handler("my_package_of_a_test.mine:Mine")).__name__ == "Mine"


def test_the_working_folder_shadows_no_module(folder: Path) -> None:
    """A file called like one of the standard library's is not taken for it."""
    (folder / "graphlib.py").write_text("raise RuntimeError")

    with pytest.raises(HandlerError, match="has no 'Mine'"):
        load_handler("graphlib:Mine")


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ("", "must have the form 'module:Class'"),
        ("module", "must have the form"),
        ("module:", "must have the form"),
        (":Class", "must have the form"),
        ("a b:Class", "must have the form"),
        ("module:Class()", "must have the form"),
        ("../module:Class", "must have the form"),
        ("no_such_module:Class", "there is no module 'no_such_module'"),
        ("json.no_such_module:Class", "there is no module 'json.no_such_module'"),
        (f"{HERE}:Missing", "has no 'Missing'"),
        (f"{HERE}:NOT_A_CLASS", "is no class"),
        (f"{HERE}:Nothing", "has none of a provider's methods"),
        (f"{HERE}:Half", "has 'complete' but no 'stream'"),
        (f"{HERE}:Fails", "its constructor raised RuntimeError"),
        (f"{HERE}:Exits", "its constructor raised SystemExit"),
    ],
)
def test_what_cannot_be_used_is_refused_with_a_reason(spec: str, reason: str) -> None:
    """It names the handler and what to do, and quotes nothing that may be secret."""
    with pytest.raises(HandlerError) as error:
        load_handler(spec)

    assert reason in str(error.value)
    assert repr(spec) in str(error.value)
    assert handlers.SECRET not in str(error.value)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("import no_such_package", "it needs the module 'no_such_package'"),
        ("raise ValueError('hunter2')", "its module raised ValueError"),
        ("class Mine", "its module raised SyntaxError"),
        ("raise SystemExit('hunter2')", "its module raised SystemExit"),
    ],
)
def test_a_module_that_cannot_be_imported(folder: Path, source: str, reason: str) -> None:
    """What it needs, or what it raised, is said; its words are not."""
    (folder / "broken_of_a_test.py").write_text(source)
    with pytest.raises(HandlerError) as error:
        load_handler("broken_of_a_test:Mine")

    assert reason in str(error.value)
    assert "hunter2" not in str(error.value)


def test_capabilities_are_what_there_are_methods_for() -> None:
    """The composition root asks for them."""
    assert capabilities_of(handlers.Shout()) == {"chat"}
    assert capabilities_of(handlers.Lister()) == {"models"}
    assert capabilities_of(handlers.Everything()) == {"chat", "completions", "embeddings", "models"}
    assert GuardedHandler(handlers.Shout()).capabilities == {"chat", "models"}


async def test_models_are_the_handlers_or_those_of_the_configuration() -> None:
    """A handler that lists none has those that the operator names, or none."""
    listed = await GuardedHandler(handlers.Lister(), models=("two",)).list_models(CALL)
    configured = await GuardedHandler(handlers.Shout(), models=("two",)).list_models(CALL)

    assert list(listed) == [Model("one")]
    assert list(configured) == [Model("two")]
    assert list(await GuardedHandler(handlers.Shout()).list_models(CALL)) == []


def test_the_guard_is_a_provider_of_every_kind() -> None:
    """For the type checker; which of them may be asked, the capabilities say."""
    guard = GuardedHandler(handlers.Everything())
    chat: ChatProvider = guard
    completions: CompletionProvider = guard
    embeddings: EmbeddingsProvider = guard
    models: ModelLister = guard

    assert [chat, completions, embeddings, models] == [guard] * 4
