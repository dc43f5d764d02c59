"""The page of errors says what the table of errors does."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.http.errors import answer_of
from domain.errors import GatewayError, InvalidRequest, UpstreamError
from tests.domain.test_values import EVERY_ERROR

PAGE = (Path(__file__).parent.parent / "docs/reference/errors.md").read_text(encoding="utf-8")
ROWS = [[cell.strip(" `") for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("|")]
OWN = [row for row in ROWS if row[0].isdecimal() and row[1].strip("`").endswith(("error", "unavailable"))]


@pytest.mark.parametrize("error", [e for e in EVERY_ERROR if not isinstance(e, InvalidRequest)], ids=repr)
def test_every_failure_has_its_row(error: GatewayError) -> None:
    """Status, type and code of each failure stand together in one row."""
    answer = answer_of(error)
    if answer.status == 499:  # never sent
        return
    code = "" if isinstance(error, UpstreamError) and error.code else str(answer.code)

    assert any(
        str(answer.status) in row[:2] and answer.type in (row[1], row[2]) and code in " ".join(row[2:]) for row in ROWS
    ), answer
