"""The models that the providers were last known to have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from domain.catalog import Model


@attrs.define
class ModelCatalog:
    """
    What each provider lists; refreshed in the background, never on a request's way.

    One entry for each provider of the configuration, so its size is bounded by the operator.
    """

    _listed: dict[str, tuple[Model, ...]] = attrs.field(factory=dict)

    @property
    def listed(self) -> Mapping[str, Sequence[Model]]:
        """The models of each provider, by its name."""
        return self._listed

    def replace(self, provider: str, models: Sequence[Model]) -> None:
        """Take over a provider's newest list, in the order of the names and each name once."""
        self._listed[provider] = tuple({model.id: model for model in sorted(models, key=lambda m: m.id)}.values())
