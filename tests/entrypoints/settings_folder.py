"""Loads settings from a text as gateway.toml, variables and flags."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from entrypoints.settings import Settings, SettingsError, load_settings

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here


@attrs.frozen
class Folder:
    """The working folder of a gateway."""

    path: Path

    def load(self, toml: str | None = None, flags: Mapping[str, Any] | None = None, **environ: str) -> Settings:
        """Return the settings."""
        if toml is not None:
            (self.path / "gateway.toml").write_text(toml)
        return load_settings(flags or {}, environ, self.path)

    def problems(
        self, toml: str | None = None, flags: Mapping[str, Any] | None = None, **environ: str
    ) -> tuple[str, ...]:
        """Load what cannot be loaded, and return the problems."""
        with pytest.raises(SettingsError) as caught:
            self.load(toml, flags, **environ)
        assert str(caught.value) == "\n".join(caught.value.problems)
        return caught.value.problems
