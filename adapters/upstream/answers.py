"""Good answers and bad ones: a status that is not 200 is the failure that its body tells of."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapters.upstream.exchange import Incoming
from adapters.wire.openai.errors import failure_of
from domain.errors import Malformed, ProviderFailure, StreamBroken, UpstreamTimeout

OK = 200
MAX_ERROR_BYTES = 64 << 10

ReadFailure = Callable[[int, Mapping[str, str], bytes], ProviderFailure]
"""Status, headers and body of an error → the failure."""


async def whole(incoming: Incoming, read_failure: ReadFailure = failure_of) -> bytes:
    """Return the body of a good answer; raises what a bad one tells of."""
    await check_status(incoming, read_failure)
    return await incoming.read()


async def check_status(incoming: Incoming, read_failure: ReadFailure = failure_of) -> None:
    """Raise what a bad answer tells of; its status counts also where its body is too long, or never comes whole."""
    if incoming.status == OK:
        return
    try:
        body = await incoming.read(MAX_ERROR_BYTES)
    except (Malformed, StreamBroken, UpstreamTimeout):
        body = b""
    raise read_failure(incoming.status, incoming.headers, body)
