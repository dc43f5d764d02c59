"""Who is calling."""

from __future__ import annotations

import pytest

from application.authenticate import ANONYMOUS, Authenticate
from domain.errors import BadKey
from domain.keys import AccessPolicy, Caller, digest_of
from tests.fakes.gateway import PEPPER, SECRET, FakeKeys

MALFORMED = ["", "sk\ntest", "sk-tést", "sk-\x00", "k" * 4097, "\ud800"]


def authenticate(keys: FakeKeys, *, required: bool = True) -> Authenticate:
    """Return the use case over these keys."""
    return Authenticate(keys, AccessPolicy(PEPPER, required))


async def test_known_key_names_its_caller() -> None:
    """The caller is known by the key's id; the store was asked with a digest."""
    keys = FakeKeys()

    caller = await authenticate(keys)(SECRET)

    assert (Caller("ci", "ci"), [digest_of(SECRET, PEPPER)]) == (caller, keys.asked)


@pytest.mark.parametrize("secret", ["sk-test-key2", "sk-test-ke", "SK-TEST-KEY", digest_of(SECRET, PEPPER).hex()])
async def test_unknown_key_is_refused(secret: str) -> None:
    """A key that is nearly right, or the digest of a right one, opens nothing."""
    with pytest.raises(BadKey, match="not valid here"):
        await authenticate(FakeKeys())(secret)


@pytest.mark.parametrize("secret", MALFORMED, ids=repr)
async def test_malformed_key_is_refused_without_a_look_up(secret: str) -> None:
    """What cannot be a key is not looked up."""
    keys = FakeKeys()

    with pytest.raises(BadKey):
        await authenticate(keys)(secret)

    assert [] == keys.asked


async def test_missing_key_is_said_to_be_missing() -> None:
    """Who sent no key is told how to send one."""
    with pytest.raises(BadKey, match="No API key was sent"):
        await authenticate(FakeKeys())(None)


@pytest.mark.parametrize("secret", [None, "anything", *MALFORMED], ids=repr)
async def test_any_key_or_none_will_do_where_none_is_required(secret: str | None) -> None:
    """Without required keys an unknown caller is anonymous."""
    assert ANONYMOUS == await authenticate(FakeKeys(), required=False)(secret)


async def test_known_key_still_names_its_caller_where_none_is_required() -> None:
    """Logs stay useful in development."""
    assert Caller("ci", "ci") == await authenticate(FakeKeys(), required=False)(SECRET)


def test_key_does_not_show_its_digest() -> None:
    """A key's repr, as it may stand in a log, holds no digest, and a policy's no pepper."""
    assert str(digest_of(SECRET, PEPPER)) not in repr(digest_of.__class__)
    assert "digest" not in repr(AccessPolicy(PEPPER))
    assert "pppp" not in repr(AccessPolicy(PEPPER))


@pytest.mark.parametrize("length", [0, 1, 32, 63, 64, 65, 200])
@pytest.mark.parametrize("secret", ["", SECRET, "é\ud800", "x" * 5000])
def test_digests_that_begin_alike_are_digests(length: int, secret: str) -> None:
    """The pepper's part of the work is done once; what comes out is HMAC all the same."""
    pepper = bytes(range(length))

    assert digest_of(secret, pepper) == AccessPolicy(pepper).digest_of(secret)
