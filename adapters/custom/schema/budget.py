"""How much work one schema may make."""

from __future__ import annotations

import attrs

from adapters.custom.schema.errors import SchemaRefused

STEPS = 12_000
"""Values made, checks run and pattern positions tried for one instance: about a tenth of a second at worst."""


@attrs.define
class Budget:
    """Counts steps down, so that no schema takes the time of others."""

    left: int = STEPS

    def spend(self, steps: int = 1) -> None:
        """Take steps; raises `SchemaRefused` when there are none left."""
        self.left -= steps
        if self.left < 0:
            raise SchemaRefused("it is too large or too intricate for this engine to find an instance")
