"""
Answers requests that come as JSON lines on stdin: the same use cases, without a web server.

    python -m entrypoints.jsonl < requests.jsonl > answers.jsonl

Each line is the body of a chat completion, or of an embeddings request where it has an `input`. Each line has one
line as its answer, in the same order: OpenAI's answer, or its error object.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from adapters.http.errors import answer_of
from adapters.wire.jsontext import text_of
from adapters.wire.openai import chat_request, embeddings
from adapters.wire.openai.answers import Identity, render_response
from domain.errors import GatewayError
from domain.keys import Caller
from entrypoints.container import Running, running_gateway
from entrypoints.settings import Settings, load_settings

OPERATOR = Caller("operator", "operator")


async def answer_lines(settings: Settings, lines: Iterable[bytes], out: BinaryIO) -> None:
    """Answer line by line; blank lines are passed over."""
    async with running_gateway(settings) as running:
        await running.gateway.refresh_models()
        for line in lines:
            if line.strip():
                out.write(await _answer(running, line.strip()) + b"\n")
                out.flush()


async def _answer(running: Running, body: bytes) -> bytes:
    try:
        if b'"input"' in body and b'"messages"' not in body:
            vectors = embeddings.parse_request(body)
            return embeddings.render_response(await running.gateway.embed(OPERATOR, vectors), vectors.model)
        request = chat_request.parse_request(body)
        identity = Identity(
            request.model, "chatcmpl-" + running.ids.uuid(), int(running.clock.now()), "chat.completion"
        )
        return render_response(await running.gateway.complete_chat(OPERATOR, request), identity)
    except GatewayError as error:
        return text_of(answer_of(error).body())


def main() -> None:
    """Read stdin to its end."""
    settings = load_settings({}, os.environ, Path.cwd())  # noqa: TID251 - read once, at the start of the process
    asyncio.run(answer_lines(settings, sys.stdin.buffer, sys.stdout.buffer))


if __name__ == "__main__":
    main()
