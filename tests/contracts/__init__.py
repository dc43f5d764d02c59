"""The contracts of the ports; whoever imports one of them gets pytest's words for what failed."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite(
    *[f"{__name__}.{name}" for name in ("answers", "harness", "keys", "provider_failures", "providers", "reading")]
)
