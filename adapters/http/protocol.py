"""What uvicorn's HTTP/1.1 parser sees and says, where that is not what this surface promises."""

from __future__ import annotations

import re
import secrets

from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.wire.openai.errors import render_error

_UPGRADE = re.compile(rb"\r\nupgrade(?=[ \t]*:)", re.IGNORECASE)


class Protocol(HttpToolsProtocol):
    """
    Declines other protocols without losing the request, and refuses what is no HTTP as everything is refused.

    The parser stops at the end of a head that offers an upgrade, and the body that follows would be lost. A server may
    ignore the offer (RFC 9110, section 7.8), so it is taken out of the parser's sight.
    """

    _in_head = True

    @override
    def data_received(self, data: bytes) -> None:
        """Take what came."""
        if self._in_head and b"pgrade" in data:
            end = data.find(b"\r\n\r\n")
            head = data if end < 0 else data[:end]
            data = _UPGRADE.sub(b"\r\nx-upgrade", head) + data[len(head) :]
        super().data_received(data)

    @override
    def on_message_begin(self) -> None:
        """Note that a head begins."""
        super().on_message_begin()
        self._in_head = True

    @override
    def on_headers_complete(self) -> None:
        """Note that the head is over: what follows is body, and not to be touched."""
        self._in_head = False
        super().on_headers_complete()

    @override
    def on_message_complete(self) -> None:
        """Note that the next head may begin."""
        super().on_message_complete()
        self._in_head = True

    @override
    def send_400_response(self, msg: str) -> None:
        """Refuse what the parser could not read, and close."""
        body = render_error(f"{msg} Send HTTP/1.1.", "invalid_request_error", None, "invalid_http")
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-request-id: req-{secrets.token_hex(8)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
