"""Which provider answers a name, and in which order targets are tried."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.catalog import Alias, Model, Retry, Route, RouteTable, Target, Timeouts
from domain.errors import ModelNotFound
from domain.policy.retry import wait_s
from domain.policy.routing import order, resolve

ALIAS = Alias("fast", (Target("a", "small"), Target("b", "large", priority=2)), Timeouts(total_s=9), Retry(2))
LISTED = {
    "a": [Model("small"), Model("same"), Model("exact")],
    "b": [Model("same"), Model("b/odd")],
    "c": [Model("m:latest"), Model("exact:latest")],
}


def table(default: str = "") -> RouteTable:
    """Return a table of three providers and one alias."""
    return RouteTable({name: Timeouts() for name in "abc"}, {"fast": ALIAS, "a/special": ALIAS}, default)


def where(model: str, provider: str = "", default: str = "") -> list[tuple[str, str]]:
    """Return the providers and upstream names that a model resolves to."""
    return [(target.provider, target.model) for target in resolve(model, provider, table(default), LISTED).targets]


@pytest.mark.parametrize(
    ("model", "provider", "found"),
    [
        ("fast", "", [("a", "small"), ("b", "large")]),
        ("a/special", "", [("a", "small"), ("b", "large")]),
        ("a/small", "", [("a", "small")]),
        ("a/not-listed", "", [("a", "not-listed")]),
        ("b/org/deep:7b", "", [("b", "org/deep:7b")]),
        ("small", "", [("a", "small")]),
        ("b/odd", "", [("b", "odd")]),
        ("m", "", [("c", "m")]),
        ("exact", "", [("a", "exact")]),
        ("fast", "b", [("b", "fast")]),
        ("a/small", "b", [("b", "a/small")]),
        ("anything", "c", [("c", "anything")]),
    ],
)
def test_first_rule_that_matches_answers(model: str, provider: str, found: list[tuple[str, str]]) -> None:
    """Alias, provider/model, a model that exactly one provider lists; a fixed provider takes the bare name."""
    assert found == where(model, provider)


@pytest.mark.parametrize(("model", "provider"), [("same", ""), ("nope", ""), ("a/", ""), ("/x", ""), ("x", "zzz")])
def test_name_that_nothing_matches_is_not_found(model: str, provider: str) -> None:
    """Also a name that two providers list, and a provider that is not there."""
    with pytest.raises(ModelNotFound):
        where(model, provider)


@pytest.mark.parametrize("model", ["same", "nope", "z/y"])
def test_default_provider_answers_the_rest(model: str) -> None:
    """What nothing else matches goes to the default provider under its whole name."""
    assert [("c", model)] == where(model, default="c")


def test_alias_brings_its_own_times_and_tries() -> None:
    """A route by an alias has the alias's deadlines and retries."""
    assert Route(ALIAS.targets, ALIAS.timeouts, ALIAS.retry) == resolve("fast", "", table(), LISTED)


targets = st.lists(
    st.builds(
        Target,
        provider=st.text(max_size=3),
        model=st.text(max_size=3),
        weight=st.floats(0.1, 100),
        priority=st.integers(0, 3),
    ),
    max_size=6,
)


@given(targets, st.integers())
def test_order_keeps_every_target_and_every_priority(some: list[Target], seed: int) -> None:
    """Ordering is a permutation in which priorities never go down."""
    ordered = order(some, random.Random(seed).random)

    assert sorted(map(repr, some)) == sorted(map(repr, ordered))
    assert [target.priority for target in ordered] == sorted(target.priority for target in some)


def test_weight_shares_the_load() -> None:
    """A target of weight 3 comes first three times as often as one of weight 1."""
    heavy, light = Target("a", "m", weight=3), Target("b", "m", weight=1)
    draw = random.Random(7).random

    first = [order([light, heavy], draw)[0] for _ in range(4_000)]

    assert 0.72 < first.count(heavy) / len(first) < 0.78


@given(st.integers(1, 10), st.floats(0, 1), st.floats(0, 10), st.floats(0, 60))
def test_wait_is_bounded(failed: int, drawn: float, base_s: float, max_s: float) -> None:
    """The wait before a retry never exceeds its cap, nor its doubled base."""
    waited = wait_s(Retry(3, base_s, max_s), failed, drawn)

    assert 0 <= waited <= min(max_s, base_s * 2.0 ** (failed - 1))
