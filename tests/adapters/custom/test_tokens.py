"""The engine's own tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.custom.draws import Draws
from adapters.custom.tokens import count, count_gently, tokens
from adapters.custom.words import WORDS
from tests.adapters.custom.fakes import StillClock


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Hello there", ["Hello", " there"]),
        ("Don't!", ["Don", "'", "t", "!"]),
        ("internationalisation", ["internat", "ionalisa", "tion"]),
        ("a  b", ["a", "  ", "b"]),
        ("x\n\ny", ["x", "\n\n", "y"]),
        ('{"a": 1}', ["{", '"', "a", '"', ":", " 1", "}"]),
        ("Grüße 👋🏽", ["Grüße", " 👋", "🏽"]),
    ],
)
def test_what_a_token_is(text: str, expected: list[str]) -> None:
    """Up to eight letters or digits, or one other character, with the space before it; or blanks."""
    assert expected == tokens(text)


@given(st.text())
def test_tokens_are_the_text(text: str) -> None:
    """Nothing is lost, and nothing counts as nothing."""
    assert "".join(tokens(text)) == text
    assert count(text) == len(tokens(text))


@given(st.text(), st.integers(0, 20))
def test_a_cut_text_has_the_tokens_before_the_cut(text: str, most: int) -> None:
    """So an answer that was cut counts what was said."""
    assert tokens("".join(tokens(text)[:most])) == tokens(text)[:most]


@given(st.lists(st.text("a _é\u3000.\n\t9", max_size=40), max_size=5), st.integers(1, 900))
async def test_counting_gently_is_counting(texts: list[str], times: int) -> None:
    """However the texts are cut by pauses, in the middle of blanks or of words."""
    long = [text * times for text in texts]

    assert await count_gently(long, lambda: StillClock().sleep(0)) == sum(map(count, long))


async def test_a_long_text_is_counted_with_pauses() -> None:
    """The count is the same, and others have their turn meanwhile."""
    clock = StillClock()
    text = "some words, " * 20_000

    assert await count_gently([text], lambda: clock.sleep(0)) == count(text)
    assert clock.pauses == 3


async def test_many_short_texts_are_counted_with_pauses() -> None:
    """Two thousand messages are as long as one."""
    clock = StillClock()
    texts = ["some words, " * 100] * 200

    assert await count_gently(texts, lambda: clock.sleep(0)) == sum(map(count, texts))
    assert clock.pauses == 3


def test_every_word_of_the_engine_is_one_token() -> None:
    """With the space before it."""
    assert all(tokens(f" {word}") == [f" {word}"] for word in WORDS)
    assert len(set(WORDS)) == len(WORDS)


def test_draws_are_the_same_everywhere() -> None:
    """The generator is SplitMix64; its first numbers are pinned."""
    draws = Draws.of("seed", 1, b"bytes")

    assert [draws.word() for _ in range(2)] == [9821250510909079625, 7014488134993690896]
    assert [draws.fork("a", 1).below(1000), draws.fork("a", 2).below(1000)] == [272, 406]


@given(st.integers(0, 1 << 64), st.integers(1, 1 << 200))
def test_draws_stay_below_their_limit(seed: int, limit: int) -> None:
    """However large it is."""
    draws = Draws.of(seed)

    assert all(0 <= draws.below(limit) < limit for _ in range(3))
    assert 0 <= draws.unit() < 1


@given(st.integers(), st.lists(st.integers()))
def test_shuffling_loses_nothing(seed: int, items: list[int]) -> None:
    """The same things in another order."""
    assert sorted(Draws.of(seed).shuffled(items)) == sorted(items)


def test_forks_do_not_depend_on_what_was_drawn() -> None:
    """A part of the work draws the same, whatever was done before it."""
    draws = Draws.of(1)
    before = draws.fork("part").word()
    draws.word()

    assert before == draws.fork("part").word()
