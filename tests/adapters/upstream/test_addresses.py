"""Which addresses a provider's name may lead to."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

import pytest
import trustme

from adapters.upstream import dialing
from adapters.upstream.addresses import is_own_permission, is_permitted
from adapters.upstream.pool import Pool
from adapters.upstream.upstream import Upstream
from domain.errors import Unreachable, UpstreamTimeout
from domain.ports.providers import Call
from tests.fakes.openai_double import OpenAIDouble

PRIVATE = [
    "10.0.0.1",
    "127.0.0.1",
    "127.9.9.9",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "192.0.0.8",
    "198.19.0.1",
    "0.0.0.1",
    "::1",
    "fd00::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
]
NEVER = [
    "169.254.169.254",
    "224.0.0.1",
    "255.255.255.255",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "::",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
]
PUBLIC = ["1.1.1.1", "8.8.8.8", "172.32.0.1", "100.128.0.1", "2606:4700::1111"]


@pytest.mark.parametrize("address", PRIVATE)
def test_private_address_needs_permission(address: str) -> None:
    """In every spelling, also where an IPv6 address stands for it."""
    assert (False, True) == (is_permitted(address, allow_private=False), is_permitted(address, allow_private=True))


@pytest.mark.parametrize("address", NEVER)
def test_link_local_and_the_like_is_never_dialled(address: str) -> None:
    """Not with permission either: that is where machines keep their metadata."""
    assert (False, False) == (is_permitted(address, allow_private=False), is_permitted(address, allow_private=True))


@pytest.mark.parametrize("address", PUBLIC)
def test_public_address_is_dialled(address: str) -> None:
    """Without any permission."""
    assert is_permitted(address, allow_private=False)


@pytest.mark.parametrize(
    ("host", "own"),
    [("127.0.0.1", True), ("::1", True), ("localhost", True), ("lab", False), ("localhost.example", False)],
)
def test_literal_address_is_its_own_permission(host: str, own: bool) -> None:
    """A name is not."""
    assert own is is_own_permission(host)


class Resolver:
    """Answers look-ups in turn, and notes them."""

    def __init__(self, *answers: Sequence[str] | Exception) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Answer."""
        self.asked.append(host)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


async def asked(url: str, pool: Pool) -> int:
    """Return the status of a request for models."""
    try:
        with await Upstream(url, pool=pool).get("/v1/models", Call("", connect_s=0.5)) as incoming:
            return incoming.status
    finally:
        await pool.aclose()


async def test_name_is_dialled_at_the_address_that_was_checked() -> None:
    """The look-up is done once; the Host header has the name."""
    async with OpenAIDouble() as double:
        resolver = Resolver(["127.0.0.1"])

        status = await asked(f"http://lab.internal:{double.port}", Pool(allow_private=True, resolve=resolver))

        host = dict(double.seen[0].headers)
    assert (200, ["lab.internal"]) == (status, resolver.asked)
    assert f"lab.internal:{double.port}" in {value for name, value in host.items() if name.lower() == "host"}


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "127.0.0.1"], ["169.254.169.254"]])
async def test_name_that_leads_inside_is_refused(addresses: list[str]) -> None:
    """One address that is not permitted spoils all; nothing is dialled."""
    async with OpenAIDouble() as double:
        with pytest.raises(Unreachable, match="may not connect"):
            await asked(f"http://lab.internal:{double.port}", Pool(resolve=Resolver(addresses)))

        assert 0 == double.connections


async def test_next_address_is_tried_where_one_does_not_answer() -> None:
    """A name may have several addresses, and not all of them be up."""
    async with OpenAIDouble() as double:
        resolver = Resolver(["127.0.0.2", "127.0.0.1"])

        assert 200 == await asked(f"http://lab:{double.port}", Pool(allow_private=True, resolve=resolver))


async def test_name_that_is_not_found_says_so() -> None:
    """A failed look-up is told apart from a refused connection."""
    with pytest.raises(Unreachable) as caught:
        await asked("http://lab.internal:1", Pool(resolve=Resolver(socket.gaierror(-2, "unknown"))))

    assert "dns" == caught.value.reason


async def test_look_up_that_hangs_is_a_connect_timeout() -> None:
    """The name server's silence counts as the upstream's."""
    with pytest.raises(UpstreamTimeout) as caught:
        await asked("http://lab.internal:1", Pool(resolve=Resolver(TimeoutError())))

    assert "connect" == caught.value.phase


@pytest.mark.parametrize(("certified", "works"), [("lab.internal", True), ("other.internal", False)])
async def test_certificate_is_checked_against_the_name(
    certified: str, works: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although an address is dialled, the certificate must be the name's."""
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(certified).configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    monkeypatch.setattr(dialing, "verified_context", lambda: client)
    async with OpenAIDouble(tls=server) as double:
        pool = Pool(allow_private=True, resolve=Resolver(["127.0.0.1"]))
        url = f"https://lab.internal:{double.port}"
        if works:
            assert 200 == await asked(url, pool)
            return
        with pytest.raises(Unreachable) as caught:
            await asked(url, pool)

        assert "tls" == caught.value.reason


def test_environment_cannot_have_the_keys_of_tls_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SSLKEYLOGFILE has no effect."""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys"))

    context = dialing.verified_context.__wrapped__()

    assert context.keylog_filename is None
    assert (True, ssl.CERT_REQUIRED) == (context.check_hostname, context.verify_mode)
