"""Which models there are: asked in the background, listed from memory."""

from __future__ import annotations

import pytest

from application.catalog import ModelCatalog
from application.list_models import ListModels
from application.refresh_models import KnownModels, RefreshModels
from domain.catalog import Alias, Model, RouteTable, Target, Timeouts
from domain.errors import ModelNotFound, Unavailable, Unreachable
from domain.keys import Caller
from domain.ports.providers import Providers
from tests.fakes.clock import FakeClock
from tests.fakes.providers import ScriptedProvider

CALLER = Caller("ci")


def listing(**listed: list[str]) -> ListModels:
    """Return the use case over providers that list these models, with one alias `fast`."""
    catalog = ModelCatalog()
    for provider, names in listed.items():
        catalog.replace(provider, [Model(name) for name in names])
    aliases = {"fast": Alias("fast", (Target("a", "small"),))}
    return ListModels(RouteTable({name: Timeouts() for name in listed}, aliases), catalog)


def refreshing(catalog: ModelCatalog, known: dict[str, list[Model]], **listers: ScriptedProvider) -> RefreshModels:
    """Return the use case over these listers."""
    return RefreshModels(Providers({}, {}, {}, listers), KnownModels(known), catalog, FakeClock())


def names(models: object) -> list[str]:
    """Return the ids."""
    assert isinstance(models, tuple)
    return [model.id for model in models]


def test_aliases_come_first_then_qualified_names() -> None:
    """The list is unique and stable: aliases, then provider/model in the order of the names."""
    found = names(listing(b=["z", "y", "z"], a=["small"])(CALLER))

    assert ["fast", "a/small", "b/y", "b/z"] == found


def test_providers_own_path_lists_bare_names() -> None:
    """Under /<provider>/v1 the models have their upstream names, and there are no aliases."""
    assert ["y", "z"] == names(listing(b=["z", "y"], a=["small"])(CALLER, "b"))


def test_unknown_provider_lists_nothing() -> None:
    """A path of a provider that is not there is not found."""
    with pytest.raises(ModelNotFound):
        listing(a=[])(CALLER, "nope")


@pytest.mark.parametrize(
    ("asked", "provider", "found"),
    [
        ("fast", "", "fast"),
        ("a/small", "", "a/small"),
        ("small", "", "small"),
        ("llama3.2", "ollama", "llama3.2:latest"),
        ("llama3.2:latest", "ollama", "llama3.2:latest"),
        ("ollama/llama3.2", "", "ollama/llama3.2"),
        ("org/deep:7b", "b", "org/deep:7b"),
    ],
)
def test_model_is_found_by_the_rules_of_routing(asked: str, provider: str, found: str) -> None:
    """Alias, provider/model, a name that one provider lists; Ollama's names also without `:latest`."""
    models = listing(a=["small"], ollama=["llama3.2:latest"], b=["org/deep:7b"])

    assert found == models.find(CALLER, asked, provider).id


@pytest.mark.parametrize(("asked", "provider"), [("nope", ""), ("same", ""), ("small", "b"), ("a/nope", ""), ("", "")])
def test_model_that_is_not_there_or_not_clear_is_not_found(asked: str, provider: str) -> None:
    """A name that nobody lists, or more than one provider does, is not found."""
    with pytest.raises(ModelNotFound):
        listing(a=["small", "same"], b=["same"]).find(CALLER, asked, provider)


def test_very_name_goes_before_one_that_only_answers_to_it() -> None:
    """`x` is the model `x`, also where another provider, or the same, lists `x:latest`."""
    models = listing(a=["x", "y", "y:latest"], ollama=["x:latest"])

    assert ["x", "y"] == [models.find(CALLER, name).id for name in ("x", "y")]


async def test_lister_that_refuses_is_a_report_too() -> None:
    """Whatever failure of the gateway's own tree a lister raises, the others are asked."""
    catalog = ModelCatalog()
    refusing = Unavailable("Not now.")

    reports = await refreshing(catalog, {}, a=ScriptedProvider([refusing]), b=ScriptedProvider([["y"]]))()

    assert ([refusing, None], {"b": (Model("y"),)}) == ([report.failure for report in reports], catalog.listed)


async def test_refreshing_asks_every_provider_and_keeps_what_it_says() -> None:
    """The catalogue holds what the providers answered."""
    catalog = ModelCatalog()

    reports = await refreshing(catalog, {}, a=ScriptedProvider([["x"]]), b=ScriptedProvider([["y"]]))()

    assert [("a", None), ("b", None)] == [(report.provider, report.failure) for report in reports]
    assert {"a": (Model("x"),), "b": (Model("y"),)} == catalog.listed


async def test_provider_that_is_down_keeps_its_last_models() -> None:
    """An outage of the list does not make the models disappear; the report tells of it."""
    catalog = ModelCatalog()
    failing = Unreachable("connect")
    refresh = refreshing(catalog, {}, a=ScriptedProvider([["x"], failing]))

    await refresh()
    reports = await refresh()

    assert (failing, {"a": (Model("x"),)}) == (reports[0].failure, catalog.listed)


async def test_named_models_are_not_asked_for() -> None:
    """A provider whose models the operator named is not asked, and listed from the start."""
    catalog = ModelCatalog()
    provider = ScriptedProvider([["x"]])
    refresh = refreshing(catalog, {"a": [Model("lab-small")]}, a=provider)

    refresh.start()
    await refresh()

    assert ([], {"a": (Model("lab-small"),)}) == (provider.asked, catalog.listed)
