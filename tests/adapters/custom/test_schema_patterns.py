"""Patterns: what is found where, and texts written to be found in; judged by Python's `re`."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.custom.draws import Draws
from adapters.custom.schema.budget import Budget
from adapters.custom.schema.errors import SchemaRefused
from adapters.custom.schema.matching import found_in
from adapters.custom.schema.texts import Length, text_with

PATTERNS = [
    "", "a", "^a$", "a|b|", "^(?:ab|cd)+$", "[a-c]{2,3}", "[^a-c]", "[\\w.-]+@[\\w-]+\\.\\w{2,4}", "^\\d{3}$",
    "\\D\\W\\S", "^.{3}$", "^(a(b(c)?)?)?$", "x*y+?z??", "\\bfoo\\b", "o\\Bo", "^\\x41\\u0042$", "[\\]\\\\^-]",
    "a{2}b{2,}c{0,2}", "[a-]",
    "^(?P<year>\\d{4})-(?<month>0[1-9]|1[0-2])$", "\\.\\/\\-\\t", "^[+-]?[0-9]+(\\.[0-9]+)?$", "^$", "[-a]",
    "^#([A-Fa-f0-9]{6}|[A-Fa-f0-9]{3})$", "é+", "^[^\\s@]+$", "(a|b)*abb", "[\\d\\s]",
]  # fmt: skip
UNSUPPORTED = [
    "(", ")", "a)", "[", "[]", "[^]", "*", "a**", "a{2}{3}", "(?=a)", "(?!a)", "(?<=a)b", "(?i)a", "\\1", "\\p{L}",
    "\\k<a>", "a{", "{", "a{,3}", "a{3,2}", "[z-a]", "[\\d-z]", "^*", "\\", "\\Z", "(" * 40 + ")" * 40, "a" * 2_000,
]  # fmt: skip


def python(pattern: str) -> re.Pattern[str]:
    """Return the same pattern as Python writes it."""
    return re.compile(pattern.replace("(?<", "(?P<"), re.ASCII)


@given(st.sampled_from(PATTERNS), st.integers(0, 1 << 32), st.integers(0, 12))
def test_a_pattern_is_found_in_the_text_written_for_it(pattern: str, seed: int, least: int) -> None:
    """At any length that there is a text for."""
    try:
        text = text_with(pattern, Length(least, None), Draws.of(seed), Budget())
    except SchemaRefused:
        assert pattern.startswith("^")
        assert pattern.endswith("$")  # only a closed pattern may have no text so long
        return

    assert len(text) >= least
    assert python(pattern).search(text)


@given(st.sampled_from(PATTERNS), st.text("abcdxyz0129-./@ \n_AB\\]^#éo", max_size=10))
def test_a_pattern_is_found_where_python_finds_it(pattern: str, text: str) -> None:
    """Character by character the same, but for `$`, which Python also finds before a last line end."""
    if not text.endswith("\n"):
        assert found_in(pattern, text, Budget()) is bool(python(pattern).search(text))


@pytest.mark.parametrize("pattern", UNSUPPORTED)
def test_what_is_not_supported_is_refused(pattern: str) -> None:
    """With a reason, and never with another exception."""
    with pytest.raises(SchemaRefused) as refusal:
        found_in(pattern, "a", Budget())

    assert "pattern" in str(refusal.value)


@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|a)*$", "(.*)*=.*", "^(([a-z])+.)+[A-Z]([a-z])+$"])
def test_no_pattern_takes_long(pattern: str) -> None:
    """Those that make a backtracking matcher run for hours do not."""
    begun = time.process_time()
    try:
        found = found_in(pattern, "a" * 5_000 + "!", Budget())
    except SchemaRefused:
        found = False

    assert found is False
    assert time.process_time() - begun < 1


@given(st.text("ab[](){}|*+?^$\\d-,1.", max_size=12))
def test_any_text_is_a_pattern_or_is_refused(pattern: str) -> None:
    """Nothing else is raised; and what is written is found, by Python too where it knows the pattern."""
    try:
        text = text_with(pattern, Length(0, None), Draws.of(1), Budget())
    except SchemaRefused:
        return

    try:
        compiled = python(pattern)
    except re.error:
        return
    assert compiled.search(text)
