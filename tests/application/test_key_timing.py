"""How long a look-up takes says nothing of how much of a key is right."""

from __future__ import annotations

import random
import statistics
import string
import time
from collections.abc import Callable, Coroutine, Sequence

import attrs
import pytest

from adapters.disk.keys import DiskKeys
from adapters.memory.keys import MemoryKeys
from application.authenticate import Authenticate
from domain.errors import BadKey
from domain.keys import AccessPolicy, Key, digest_of
from domain.ports.keys import KeyStore
from tests.fakes.gateway import PEPPER

LENGTH = 52
TRIED_IN_TURN = 64
"""Guesses of one kind: where each lies in memory has an effect of its own, and so many of them have it alike."""
NOISE = 0.05
"""The part of a look-up's time that this machine's noise may make: what a guess can give away is below it."""
FACTOR = 3

Tried = Callable[[str], Coroutine[object, object, object]]


@attrs.frozen
class Timing:
    """Median times of look-ups, in nanoseconds: of guesses that are wrong from the start, twice, and nearly right."""

    wrong: float
    wrong_too: float
    nearly: float

    @property
    def noise(self) -> float:
        """What two measurements of the same kind may differ by."""
        return max(FACTOR * abs(self.wrong - self.wrong_too), NOISE * self.wrong)

    @property
    def given_away(self) -> float:
        """How much longer, or shorter, a look-up takes that has all letters right but one."""
        return abs(self.nearly - (self.wrong + self.wrong_too) / 2)


def drawn(random_: random.Random) -> str:
    """Return random letters, as long as a key."""
    return "".join(random_.choices(string.ascii_letters, k=LENGTH))


def off_by_one(secret: str) -> str:
    """Return a secret with its last letter changed."""
    return secret[:-1] + ("a" if secret[-1] != "a" else "b")


def timing(tried: Tried, secrets: Sequence[str], tries: int) -> Timing:
    """Time so many look-ups of each kind, in turn and each round in another order."""
    random_ = random.Random(20)
    guesses = {
        "wrong": [drawn(random_) for _ in range(TRIED_IN_TURN)],
        "wrong_too": [drawn(random_) for _ in range(TRIED_IN_TURN)],
        "nearly": [off_by_one(secret) for secret in random_.choices(secrets, k=TRIED_IN_TURN)],
    }
    took: dict[str, list[int]] = {kind: [] for kind in guesses}
    kinds = list(guesses)
    for turn in range(tries):
        random_.shuffle(kinds)
        for kind in kinds:
            took[kind].append(nanoseconds(tried, guesses[kind][turn % TRIED_IN_TURN]))
    return Timing(**{kind: statistics.median(times) for kind, times in took.items()})


def nanoseconds(tried: Tried, secret: str) -> int:
    """Return how long a refusal takes; nothing is waited for on the way."""
    begun = time.perf_counter_ns()
    try:
        tried(secret).send(None)
    except BadKey:
        return time.perf_counter_ns() - begun
    raise AssertionError(secret)


def of_memory(keys: Sequence[Key]) -> KeyStore:
    return MemoryKeys.of(keys)


def of_disk(keys: Sequence[Key]) -> KeyStore:
    return DiskKeys(tuple(keys), {key.digest: key for key in keys})


STORES = pytest.mark.parametrize("store", [of_memory, of_disk])


def measured(store: Callable[[Sequence[Key]], KeyStore], tries: int) -> Timing:
    """Time look-ups among a hundred keys."""
    random_ = random.Random(86)
    secrets = [drawn(random_) for _ in range(100)]
    keys = [Key(f"key-{number}", digest_of(secret, PEPPER)) for number, secret in enumerate(secrets)]
    return timing(Authenticate(store(keys), AccessPolicy(PEPPER)), secrets, tries)


@STORES
def test_a_guess_that_is_nearly_right_is_refused_in_the_same_time(
    store: Callable[[Sequence[Key]], KeyStore],
) -> None:
    """Whether no letter is right or all but one: the difference of the medians is that of two equal measurements."""
    found = measured(store, 5_000)

    assert found.given_away <= found.noise, found


@pytest.mark.soak
@STORES
def test_a_hundred_thousand_guesses_learn_nothing(store: Callable[[Sequence[Key]], KeyStore]) -> None:
    """The same for as many as a patient stranger would try."""
    found = measured(store, 100_000)

    assert found.given_away <= found.noise, found


def test_a_look_up_that_compares_letter_by_letter_would_be_noticed() -> None:
    """The measurement sees what it is there for."""
    random_ = random.Random(1)
    secrets = [drawn(random_) for _ in range(3)]

    async def compare(secret: str) -> None:
        for known in secrets:
            if all(ours == theirs for ours, theirs in zip(known, secret, strict=True)):
                return
        raise BadKey

    found = timing(compare, secrets, 2_000)

    assert found.given_away > found.noise, found
