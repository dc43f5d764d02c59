"""Bodies that are too large, over real sockets: refused so that the client can read why, and not kept in memory."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.fakes.process import KEY, GatewayProcess

MIB = 1 << 20
HEADERS = {"authorization": f"Bearer {KEY}", "content-type": "application/json"}


def parts(mebibytes: int) -> Iterator[bytes]:
    """Give a body piece by piece."""
    for _ in range(mebibytes):
        yield b"x" * MIB


def resident(gateway: GatewayProcess) -> int:
    """Return the bytes of memory that the process holds."""
    held: int = psutil.Process(gateway.process.pid).memory_info().rss
    return held


@pytest.mark.parametrize("announced", [True, False])
def test_body_beyond_the_limit_is_a_413_that_can_be_read(gateway: GatewayProcess, announced: bool) -> None:
    """With a length or in chunks: 60 MiB are read into nothing, the answer arrives, memory stays."""
    length = {"content-length": str(60 * MIB)} if announced else {}
    before = resident(gateway)

    got = httpx.post(f"{gateway.url}/v1/chat/completions", content=parts(60), headers={**HEADERS, **length}, timeout=30)

    assert (413, "request_too_large") == (got.status_code, got.json()["error"]["code"])
    # What was taken in before the limit was passed may still be in the allocator's hands.
    assert resident(gateway) - before < (8 if announced else 48) * MIB


def test_connection_goes_on_after_a_refused_body(gateway: GatewayProcess) -> None:
    """The rest of the body is not taken for the next request."""
    with httpx.Client() as client:
        first = client.post(f"{gateway.url}/v1/chat/completions", content=parts(25), headers=HEADERS, timeout=30)
        second = client.get(f"{gateway.url}/v1/models", headers=HEADERS)

    assert (413, 200) == (first.status_code, second.status_code)


def test_large_prompt_within_the_limit_is_answered(gateway: GatewayProcess) -> None:
    """Several megabytes of text are no trouble."""
    message = {"role": "user", "content": "many words " * 300_000}

    got = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        json={"model": "custom", "messages": [message], "max_tokens": 4},
        headers=HEADERS,
        timeout=30,
    )

    assert (200, "length") == (got.status_code, got.json()["choices"][0]["finish_reason"])


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
def test_compressed_body_is_refused_unread(gateway: GatewayProcess, encoding: str) -> None:
    """A bomb is never unpacked."""
    got = httpx.post(
        f"{gateway.url}/v1/chat/completions",
        content=b"\x1f\x8b" * 512,
        headers={**HEADERS, "content-encoding": encoding},
    )

    assert (415, "unsupported_encoding") == (got.status_code, got.json()["error"]["code"])
