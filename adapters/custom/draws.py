"""Choices that look random and are none: the same seed draws the same, on every machine and Python."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Self, TypeVar
from zlib import crc32

import attrs

T = TypeVar("T")

_WORD = (1 << 64) - 1
_STEP = 0x9E3779B97F4A7C15
_FORK = 0xD1B54A32D192ED03


@attrs.define
class Draws:
    """
    An endless row of numbers that a seed decides (SplitMix64, https://prng.di.unimi.it/splitmix64.c).

    The standard library's generator is not used, because its choices have changed between Python releases.
    """

    _seed: int
    _state: int = attrs.field(default=attrs.Factory(lambda self: self._seed, takes_self=True))

    @classmethod
    def of(cls, *seeds: bytes | str | int) -> Self:
        """Return the row that belongs to the seeds; their order counts."""
        digest = blake2b(digest_size=8)
        for seed in seeds:
            text = seed if isinstance(seed, bytes) else str(seed).encode()
            digest.update(len(text).to_bytes(8, "little") + text)
        return cls(int.from_bytes(digest.digest(), "little"))

    def fork(self, *labels: str | int) -> Draws:
        """Return a row of its own for one part of the work; it does not depend on what was drawn here."""
        seed = self._seed
        for label in labels:
            number = label if isinstance(label, int) else crc32(label.encode())
            seed = _mixed(seed ^ (number * _STEP & _WORD) ^ _FORK)
        return Draws(seed)

    def word(self) -> int:
        """Return the next number: 64 bits."""
        self._state = (self._state + _STEP) & _WORD
        return _mixed(self._state)

    def below(self, limit: int) -> int:
        """Return a number in [0, limit); `limit` is at least 1 and may have any size."""
        drawn = self.word()
        for _ in range(limit.bit_length() // 64):
            drawn = drawn << 64 | self.word()
        return drawn % limit

    def between(self, low: int, high: int) -> int:
        """Return a number in [low, high]."""
        return low + self.below(high - low + 1)

    def unit(self) -> float:
        """Return a number in [0, 1)."""
        return (self.word() >> 11) / (1 << 53)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of the options, of which there is at least one."""
        return options[self.word() % len(options)]

    def shuffled(self, options: Sequence[T]) -> list[T]:
        """Return the options in another order."""
        mixed = list(options)
        for place in range(len(mixed) - 1, 0, -1):
            other = self.word() % (place + 1)
            mixed[place], mixed[other] = mixed[other], mixed[place]
        return mixed


def _mixed(word: int) -> int:
    word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _WORD
    return word ^ (word >> 31)
