"""Which targets answer a model name, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from domain.catalog import Model, Route, RouteTable, Target
from domain.errors import ModelNotFound

Listed = Mapping[str, Sequence[Model]]
"""The models of each provider, as far as they are known."""


def resolve(model: str, provider: str, table: RouteTable, listed: Listed) -> Route:
    """
    Return the route of a model name, or raise `ModelNotFound`.

    With `provider` fixed by the path, `model` is its bare name. Otherwise the first that matches answers: an alias;
    `provider/model`;
    a model that exactly one provider lists; the default provider.
    """
    if provider:
        if provider not in table.providers:
            raise ModelNotFound(model)
        return _single(provider, model)
    alias = table.aliases.get(model)
    if alias is not None:
        return alias.route
    prefix, slash, rest = model.partition("/")
    if slash and rest and prefix in table.providers:
        return _single(prefix, rest)
    owners = owners_of(model, {name: listed.get(name, ()) for name in table.providers})
    if len(owners) == 1:
        return _single(owners[0], model)
    if table.default_provider:
        return _single(table.default_provider, model)
    raise ModelNotFound(model)


def owners_of(model: str, listed: Listed) -> list[str]:
    """Return the providers that list this very name; where none does, those whose model answers to it."""
    exact = [name for name, models in listed.items() if any(known.id == model for known in models)]
    return exact or [name for name, models in listed.items() if any(known.answers_to(model) for known in models)]


def order(targets: Sequence[Target], draw: Callable[[], float]) -> list[Target]:
    """
    Return the targets in the order in which they are tried.

    Priorities go first to last; within one, each place is drawn by weight among those left. `draw` gives a number
    in [0, 1).
    """
    if len(targets) == 1:
        return list(targets)
    ordered: list[Target] = []
    for priority in sorted({target.priority for target in targets}):
        group = [target for target in targets if target.priority == priority]
        while len(group) > 1:
            ordered.append(group.pop(_pick([target.weight for target in group], draw())))
        ordered += group
    return ordered


def _single(provider: str, model: str) -> Route:
    return Route((Target(provider, model),))


def _pick(weights: Sequence[float], drawn: float) -> int:
    """Return the index whose share of the weights holds `drawn`."""
    point = drawn * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return len(weights) - 1
