"""Certificates for servers of tests, good ones and bad ones, and who trusts them."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from functools import cached_property

import trustme

NAME = "lab.internal"
LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


class Certificates:
    """An authority, and what it issues to servers; keys are made when first asked for."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    @cached_property
    def client(self) -> ssl.SSLContext:
        """What a client has that trusts this authority."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)
        return context

    @cached_property
    def good(self) -> ssl.SSLContext:
        """What the server `lab.internal` has."""
        return self.issued(NAME)

    def issued(self, *names: str, expired: bool = False) -> ssl.SSLContext:
        """Return what a server has that is to be called by these names."""
        until = datetime(2001, 2, 1, tzinfo=UTC) if expired else None
        certificate = self._authority.issue_cert(*names, not_before=LONG_AGO if expired else None, not_after=until)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
        return context
