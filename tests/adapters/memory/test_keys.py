"""Keys held in memory."""

from __future__ import annotations

import pytest
from typing_extensions import override

from adapters.memory.keys import MemoryKeys, key_id
from tests.contracts.keys import Holding, KeyStoreContract, key_of


class TestMemoryKeys(KeyStoreContract):
    @override
    @pytest.fixture
    def holding(self) -> Holding:
        return MemoryKeys.of


async def test_of_two_keys_with_one_digest_the_first_counts() -> None:
    """A secret that was given twice has the name under which it came first."""
    store = MemoryKeys.of([key_of("secret", "first"), key_of("secret", "second")])

    found = await store.find(key_of("secret").digest)

    assert found is not None
    assert found.name == "first"


def test_an_id_is_stable_and_tells_nothing_of_the_digest() -> None:
    """The id of a key without a name is always the same, and no part of its digest."""
    digest = key_of("secret").digest

    made = key_id(digest)

    assert key_id(digest) == made
    assert made.startswith("key-")
    assert len(made) == len("key-") + 8
    assert made.removeprefix("key-") not in digest.hex()
    assert key_id(key_of("another").digest) != made
