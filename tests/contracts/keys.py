"""What every KeyStore must do; a store's own test gives the fixture."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import pytest

from domain.keys import Key, digest_of
from domain.ports.keys import KeyStore

PEPPER = b"a pepper of at least thirty-two bytes"
Holding = Callable[[Sequence[Key]], KeyStore]


def key_of(secret: str, name: str = "", weight: float = 1) -> Key:
    """Return the key that a secret opens."""
    return Key(id=f"key of {name or 'nobody'}", digest=digest_of(secret, PEPPER), name=name, weight=weight)


class KeyStoreContract:
    """The fixture `holding` builds the store under test around some keys."""

    @pytest.fixture
    def holding(self) -> Holding:
        raise NotImplementedError

    async def test_a_key_is_found_by_the_digest_of_its_secret(self, holding: Holding) -> None:
        """The whole key comes back: id, name, weight."""
        ci = key_of("ci-secret", "ci", 2.5)
        store = holding([key_of("another"), ci])

        assert ci == await store.find(digest_of("ci-secret", PEPPER))

    async def test_an_unknown_digest_finds_nothing(self, holding: Holding) -> None:
        """A secret that was never given out opens nothing."""
        store = holding([key_of("ci-secret")])

        assert await store.find(digest_of("guess", PEPPER)) is None

    async def test_another_pepper_opens_nothing(self, holding: Holding) -> None:
        """The digest of the right secret under another pepper is another digest."""
        store = holding([key_of("ci-secret")])

        assert await store.find(digest_of("ci-secret", b"another pepper")) is None

    @pytest.mark.parametrize("presented", [b"", b"ci-secret", hashlib.sha256(b"ci-secret").digest()])
    async def test_nothing_but_the_digest_opens(self, holding: Holding, presented: bytes) -> None:
        """Neither the secret itself, nor its plain hash, nor nothing at all is a digest."""
        store = holding([key_of("ci-secret")])

        assert await store.find(presented) is None

    async def test_a_stored_digest_used_as_a_secret_opens_nothing(self, holding: Holding) -> None:
        """Who has read the store cannot log in with what stands there."""
        key = key_of("ci-secret")
        store = holding([key])

        assert await store.find(digest_of(key.digest.hex(), PEPPER)) is None

    async def test_part_of_a_digest_opens_nothing(self, holding: Holding) -> None:
        """The full digest counts, not its beginning or end."""
        key = key_of("ci-secret")
        store = holding([key])

        assert [None] * 3 == [await store.find(part) for part in (key.digest[:16], key.digest[16:], key.digest + b"\0")]

    async def test_secrets_that_begin_and_end_alike_are_told_apart(self, holding: Holding) -> None:
        """Twenty shared characters at each end make no collision."""
        start, end = "sk-gw-aaaaaaaaaaaaaa", "zzzzzzzzzzzzzzzzzzzz"
        keys = [key_of(f"{start}{middle}{end}", str(middle)) for middle in range(50)]
        store = holding(keys)

        assert keys == [await store.find(key.digest) for key in keys]

    async def test_the_keys_do_not_show(self, holding: Holding) -> None:
        """The representation of a store holds no digest."""
        key = key_of("ci-secret")

        shown = repr(holding([key]))

        assert key.digest.hex() not in shown
        assert repr(key.digest)[2:-1] not in shown
