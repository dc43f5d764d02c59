"""uvicorn's protocol, with its parser on a leash: it is shown one request at a time, and must find it whole."""

from __future__ import annotations

import httptools
from typing_extensions import override
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from adapters.http import gate
from adapters.http.cycle import Cycle

UNCLEAR = "Its end is not clear."


class Parsing(HttpToolsProtocol):
    """
    The parser reads what has passed the gate, and both must find the same.

    uvicorn's own protocol gives the parser whatever comes, and it reads on behind the end of a request. Here its part
    of the work is to take a request apart; where one ends was found out before, and is only confirmed.
    """

    # Ours, which looks like theirs as far as they look at it.
    cycle: Cycle | None  # type: ignore[assignment]
    _begun = 0
    _in_head = False
    _whole = False
    _persistent = False

    def _parse_head(self, head: bytes) -> None:
        """Take a head apart into `headers`; raises `HttpRefusal` where the parser refuses it or sees another end."""
        self._begun, self._whole = 0, False
        self._in_head = True
        self.headers = []
        self._feed(head)
        if self._in_head:
            raise gate.bad(UNCLEAR)

    def _parse_body(self, part: bytes) -> None:
        """Put parts of a body into the cycle, without their framing; raises as for a head."""
        self._feed(part)

    def _confirm(self, *, whole: bool) -> None:
        """See that the parser finds the request to be over, or not."""
        if whole is not self._whole:
            raise gate.bad(UNCLEAR)

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            raise gate.bad(f"{error}.") from None
        if self._begun != 1:
            raise gate.bad(UNCLEAR)

    @override
    def on_message_begin(self) -> None:
        """A request begins."""
        self._begun += 1

    @override
    def on_url(self, url: bytes) -> None:
        """The target, which the gate has read."""

    @override
    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; those behind a body are dropped, since nothing asks for them and the application has its list."""
        if self._in_head:
            self.headers.append((name.lower(), value))

    @override
    def on_headers_complete(self) -> None:
        """The head is over."""
        self._in_head = False
        self._persistent = self.parser.should_keep_alive()

    @override
    def on_body(self, body: bytes) -> None:
        """A part of the body."""
        assert self.cycle is not None  # noqa: S101 - it was made when the head was read
        self.cycle.put(body)

    @override
    def on_message_complete(self) -> None:
        """The request is over."""
        self._whole = True
