"""TLS to upstreams: who they are is always checked, and the check is of the name."""

from __future__ import annotations

import ssl
from collections.abc import Sequence

import pytest

from adapters.upstream.pool import Pool
from domain.errors import ProviderFailure, StreamBroken, Unreachable
from tests.adapters.upstream.pool.pooling import Taken, at_rest, both_loops, closing, empty, outcome, post, taken
from tests.fakes.answers import Ending
from tests.lab import sockets
from tests.lab.certificates import NAME, Certificates
from tests.lab.faults import Cut, Plan, Way
from tests.lab.proxy import FaultProxy
from tests.lab.raw_upstream import Connection, RawUpstream
from tests.lab.said import answering, chunked, head_of, whole

pytestmark = both_loops

OK = Taken(200, b"ok")


async def here(_host: str, _port: int) -> Sequence[str]:
    """Find every name on this machine."""
    return ["127.0.0.1"]


def pooled() -> Pool:
    """Return a pool that may connect to this machine by a name."""
    return Pool(allow_private=True, resolve=here)


async def test_a_good_certificate_is_good(trusted: Certificates) -> None:
    """The connection is kept like any other; the name is told in the handshake, the address is dialled."""
    names: list[str | None] = []
    server = trusted.issued(NAME)
    server.sni_callback = lambda _socket, name, _context: names.append(name)
    async with closing(pooled()) as pool, RawUpstream(answering(whole(), chunked(b"o", b"k")), tls=server) as upstream:
        request = post(upstream.address, b"x" * 100_000, host=NAME, scheme="https")
        assert [OK, OK, OK] == [await taken(pool, request) for _ in range(3)]

        assert ([NAME], 1) == (names, len(upstream.connections))
        assert request.head + request.body == upstream.requests[0].raw
        assert f"host: {NAME}:{upstream.port}".encode() in upstream.requests[0].head


BAD = {
    "another name": lambda certificates: certificates.issued("other.internal"),
    "the address instead of the name": lambda certificates: certificates.issued("127.0.0.1"),
    "expired": lambda certificates: certificates.issued(NAME, expired=True),
    "an authority nobody knows": lambda _certificates: Certificates().good,
}


@pytest.mark.parametrize("server", BAD.values(), ids=BAD.keys())
async def test_a_bad_certificate_is_refused(trusted: Certificates, server: object) -> None:
    """Nothing is sent: neither the request nor the credential in it."""
    context: ssl.SSLContext = server(trusted)  # type: ignore[operator]
    async with closing(pooled()) as pool, RawUpstream(answering(whole()), tls=context) as upstream:
        found = await outcome(pool, post(upstream.address, host=NAME, scheme="https"))
        await empty(pool, upstream)

        assert isinstance(found, Unreachable)
        assert ("tls", []) == (found.reason, upstream.requests)


async def test_an_address_needs_a_certificate_for_the_address(trusted: Certificates) -> None:
    """Where the URL has one."""
    for names, works in ((["127.0.0.1"], True), ([NAME], False)):
        async with (
            closing(Pool()) as pool,
            RawUpstream(answering(whole()), tls=trusted.issued(*names)) as upstream,
        ):
            found = await outcome(pool, post(upstream.address, scheme="https"))

        assert works == (found == OK), found


async def test_an_old_version_of_tls_is_refused(trusted: Certificates) -> None:
    """1.2 is the least."""
    server = trusted.issued(NAME)
    server.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        server.maximum_version = ssl.TLSVersion.TLSv1_1
    async with closing(pooled()) as pool, RawUpstream(answering(whole()), tls=server) as upstream:
        found = await outcome(pool, post(upstream.address, host=NAME, scheme="https"))

    assert isinstance(found, Unreachable)
    assert "tls" == found.reason


@pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"\0" * 100])
@pytest.mark.usefixtures("trusted")
async def test_a_server_that_does_not_speak_tls(said: bytes) -> None:
    """Is told as that; it never gets the request in clear."""

    async def script(connection: Connection) -> None:
        await connection.read()
        await connection.send(said)
        await connection.until_left()

    async with closing(pooled()) as pool, RawUpstream(script) as upstream:
        found = await outcome(pool, post(upstream.address, host=NAME, scheme="https"))
        await empty(pool, upstream)

        assert isinstance(found, Unreachable)
        assert "tls" == found.reason
        assert b"HTTP" not in bytes(upstream.connections[0].received)


@pytest.mark.parametrize("cut", [Cut.END, Cut.RESET])
async def test_a_handshake_that_breaks_off(trusted: Certificates, cut: Cut) -> None:
    """At any of its bytes; nothing is held."""
    plans = [Plan(answer=Way(cut_at=at, cut=cut)) for at in (0, 1, 5, 50, 127, 500)]
    async with (
        closing(pooled()) as pool,
        RawUpstream(answering(whole()), tls=trusted.good) as upstream,
        FaultProxy(upstream.address, lambda number: plans[number - 1]) as proxy,
    ):
        for _ in plans:
            found = await outcome(pool, post(proxy.address, host=NAME, scheme="https"))
            await empty(pool, upstream)
            assert isinstance(found, Unreachable)
            assert found.reason in {"tls", "closed"}
        assert [] == upstream.requests


@pytest.mark.parametrize("cut", [Cut.END, Cut.RESET])
@pytest.mark.parametrize("answer", [whole(b"x" * 500), chunked(b"x" * 500)])
async def test_an_answer_over_tls_that_breaks_off(trusted: Certificates, cut: Cut, answer: bytes) -> None:
    """Wherever it does, it is not taken for the whole."""
    async with (
        closing(pooled()) as pool,
        RawUpstream(answering([answer[:300], None, answer[300:]]), tls=trusted.good) as upstream,
        FaultProxy(upstream.address) as proxy,
    ):
        assert Taken(200, b"x" * 500) == await taken(pool, post(proxy.address, host=NAME, scheme="https"))
        end = proxy.links[0].answered
        plans = [Plan(answer=Way(cut_at=at, cut=cut)) for at in range(end - 400, end, 23)]
        proxy.plan = lambda number: plans[number - 2]
        proxy.hang_up()
        await empty(pool)
        for _ in plans:
            found = await outcome(pool, post(proxy.address, host=NAME, scheme="https"))
            await empty(pool)
            assert isinstance(found, ProviderFailure)


async def test_an_answer_without_length_ends_with_a_word_of_goodbye(trusted: Certificates) -> None:
    """An end of the connection alone may be an attacker's, who cuts off what he does not like."""
    answer = head_of() + b"ok"
    async with closing(pooled()) as pool:
        async with RawUpstream(answering([answer, Ending.CLOSE]), tls=trusted.good) as upstream:
            cut = await outcome(pool, post(upstream.address, host=NAME, scheme="https"))
            await empty(pool, upstream)

        async def script(connection: Connection) -> None:
            await connection.request()
            await connection.send(answer)

        async with RawUpstream(script, tls=trusted.good) as upstream:
            ended = await outcome(pool, post(upstream.address, host=NAME, scheme="https"))

    assert isinstance(cut, StreamBroken)
    assert OK == ended


async def test_a_kept_connection_over_tls_that_was_closed_is_replaced(trusted: Certificates) -> None:
    """As without TLS: the server gets the request once, the caller notices nothing."""
    async with closing(pooled()) as pool, RawUpstream(answering(whole()), tls=trusted.good) as upstream:
        request = post(upstream.address, host=NAME, scheme="https")
        for number in range(1, 4):
            assert OK == await taken(pool, request)
            assert (number, number) == (len(upstream.requests), len(upstream.connections))
            upstream.connections[-1].hang_up()  # and the event loop does not turn before the next request is written


async def test_a_kept_connection_over_tls_that_just_ended_is_replaced_or_told(trusted: Certificates) -> None:
    """Without a word of good-bye not every event loop says how it ended."""
    async with (
        closing(pooled()) as pool,
        RawUpstream(answering(whole()), tls=trusted.good) as upstream,
        FaultProxy(upstream.address) as proxy,
    ):
        request = post(proxy.address, host=NAME, scheme="https")
        assert OK == await taken(pool, request)
        proxy.hang_up()
        found = await outcome(pool, request)
        await at_rest(pool)

        assert found == OK or isinstance(found, Unreachable)
        assert (2 if found == OK else 1) == len(upstream.requests)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.usefixtures("trusted")
async def test_nobody_is_told_apart_from_a_bad_handshake(scheme: str) -> None:
    """A refused connection is one over TLS, too."""
    with sockets.nobody() as address:
        async with closing(pooled()) as pool:
            found = await outcome(pool, post(address, host=NAME, scheme=scheme))

    assert isinstance(found, Unreachable)
    assert "connect" == found.reason
