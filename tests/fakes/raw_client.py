"""A client that shows what a double puts on the wire, byte for byte."""

from __future__ import annotations

import asyncio
import json

import httpx

from tests.fakes.cerebras_double import CerebrasDouble
from tests.fakes.ollama_double import OllamaDouble
from tests.fakes.openai_double import OpenAIDouble
from tests.fakes.upstream import UpstreamDouble

KEY = "sk-canary-0123456789abcdef"
MESSAGES = [{"role": "user", "content": "2+2?"}]
CHAT = {"model": "m", "messages": MESSAGES}
PATHS: dict[type[UpstreamDouble], str] = {
    OpenAIDouble: "/v1/chat/completions",
    CerebrasDouble: "/v1/chat/completions",
    OllamaDouble: "/api/chat",
}


def plain_client() -> httpx.AsyncClient:
    """Return a client that reads no certificates, which would take longer than a test."""
    return httpx.AsyncClient(verify=False, trust_env=False)  # noqa: S501 - nothing is sent over TLS


async def exchange(double: UpstreamDouble, *, stream: bool, model: str = "m") -> bytes:
    """Send one chat and return all that comes back, head and body, as it is on the wire."""
    body = json.dumps({**CHAT, "model": model, "stream": stream}).encode()
    path = PATHS[type(double)]
    reader, writer = await asyncio.open_connection("127.0.0.1", double.port)
    more = f"Authorization: Bearer {KEY}\r\nConnection: close\r\nContent-Length: {len(body)}"
    writer.write(f"POST {path} HTTP/1.1\r\nHost: x:1\r\n{more}\r\n\r\n".encode() + body)
    found = bytearray()
    try:
        async with asyncio.timeout(5):
            while (data := await reader.read(1 << 16)) and len(found) < 1 << 21:
                found += data
    except (TimeoutError, ConnectionResetError):
        pass
    finally:
        writer.close()
    return bytes(found)


def said(answer: bytes) -> bytes:
    """Return an answer with its body in one piece."""
    head, end, body = answer.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 1"):
        return head + end + said(body)
    return head + end + dechunked(body)


def dechunked(body: bytes) -> bytes:
    found = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        found += body[: int(size, 16)]
        body = body[int(size, 16) + 2 :]
    return found
