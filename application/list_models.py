"""Which models a caller can ask for."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from application.catalog import ModelCatalog
from domain.catalog import Model, RouteTable
from domain.errors import ModelNotFound
from domain.keys import Caller
from domain.policy.routing import owners_of


@attrs.frozen
class ListModels:
    """
    Lists aliases first, then every provider's models as `provider/model`; under a provider's own path, bare
    names.
    """

    table: RouteTable
    catalog: ModelCatalog

    def __call__(self, caller: Caller, provider: str = "") -> Sequence[Model]:
        """Return the models, each id once, in a stable order; raises `ModelNotFound` for an unknown provider."""
        del caller  # every key sees the same models; the parameter is the place where that changes
        if provider:
            if provider not in self.table.providers:
                raise ModelNotFound(provider)
            return self.catalog.listed.get(provider, ())
        found = {name: Model(name) for name in sorted(self.table.aliases)}
        for name in sorted(self.table.providers):
            for model in self.catalog.listed.get(name, ()):
                qualified = f"{name}/{model.id}"
                found.setdefault(qualified, attrs.evolve(model, id=qualified))
        return tuple(found.values())

    def find(self, caller: Caller, name: str, provider: str = "") -> Model:
        """Return one model under the name that was asked for, by the rules of routing; raises `ModelNotFound`."""
        found = _named(name, self(caller, provider))
        if found is None and not provider:
            owners = owners_of(name, self.catalog.listed)
            found = _named(name, self.catalog.listed[owners[0]]) if len(owners) == 1 else None
        if found is None:
            raise ModelNotFound(name)
        return found if provider else attrs.evolve(found, id=name)


def _named(name: str, models: Sequence[Model]) -> Model | None:
    """Return the model of this very name, else the one that answers to it."""
    return next(
        (model for model in models if model.id == name),
        next((model for model in models if model.answers_to(name)), None),
    )
