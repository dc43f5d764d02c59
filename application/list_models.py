"""Which models a caller can ask for."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from application.catalog import ModelCatalog
from domain.catalog import Model, RouteTable
from domain.errors import ModelNotFound
from domain.keys import Caller


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
        models = self(caller, provider)
        exact = [model for model in models if model.id == name] or [model for model in models if model.answers_to(name)]
        if not exact and not provider:
            exact = [model for listed in self.catalog.listed.values() for model in listed if model.answers_to(name)]
        if len(exact) != 1:
            raise ModelNotFound(name)
        return attrs.evolve(exact[0], id=exact[0].id if provider else name)
