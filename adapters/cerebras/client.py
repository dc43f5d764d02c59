"""The way to Cerebras: the client of its SDK, carrying bytes; the only module that imports the SDK."""

from __future__ import annotations

import sys
from typing import Literal

import attrs
from cerebras.cloud.sdk import APIConnectionError, AsyncCerebras, AsyncStream
from cerebras.cloud.sdk._utils._logs import httpx_logger, logger

from adapters.upstream.exchange import Incoming
from adapters.upstream.sdk import RawAnswer, SdkClient, opening_timeout, sent
from domain.ports.providers import Call

_PLATFORMS: dict[str, Literal["Linux", "MacOS", "Windows"]] = {"linux": "Linux", "darwin": "MacOS", "win32": "Windows"}
"""The names that the SDK gives the systems."""


@attrs.frozen
class CerebrasClient:
    """
    Sends bytes through the SDK's client, with its URL, credential and headers, and hands out what comes as it comes.

    The SDK's own objects would cost milliseconds for each answer and lose what they do not know of it.
    """

    _sdk: AsyncCerebras = attrs.field(repr=False)
    _secret: str = attrs.field(repr=False)

    async def post(self, path: str, body: bytes, call: Call) -> Incoming:
        """Send a JSON body; returns when the head of the answer is there."""
        sending = self._sdk.post(
            path,
            content=body,
            cast_to=RawAnswer,
            options={"timeout": opening_timeout(call)},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        return await sent(sending, call, APIConnectionError, self._secret)

    async def get(self, path: str, call: Call) -> Incoming:
        """Ask for something; returns when the head of the answer is there."""
        sending = self._sdk.get(
            path,
            cast_to=RawAnswer,
            options={"timeout": opening_timeout(call)},
            stream=True,
            stream_cls=AsyncStream[object],
        )
        return await sent(sending, call, APIConnectionError, self._secret)


def connect(api_key: str, base_url: str, http_client: SdkClient) -> CerebrasClient:
    """Return the client; nothing is sent. `base_url` ends before `/v1`, which the SDK's paths begin with."""
    sdk = AsyncCerebras(
        api_key=api_key,
        base_url=base_url.rstrip("/").removesuffix("/v1"),
        http_client=http_client,
        timeout=None,
        max_retries=0,  # one retry policy: the gateway's
        warm_tcp_connection=False,  # it would block here, on connections of its own
    )
    # CEREBRAS_CUSTOM_HEADERS of the environment went into these, and could replace the credential.
    sdk._custom_headers = {}  # noqa: SLF001 - the SDK has no other way to be told
    # To name the system in a header, the first request would start a process that asks for it.
    sdk._platform = _PLATFORMS.get(sys.platform, "Unknown")  # noqa: SLF001 - as above
    # CEREBRAS_LOG of the environment turned these on; what they say below a warning quotes prompts.
    for talkative in (logger, httpx_logger):
        talkative.setLevel("WARNING")
    return CerebrasClient(sdk, api_key)
