"""The scopes of requests, as ASGI has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import attrs

from adapters.http.heads import Header

_OF_REQUEST = ("http_version", "method", "path", "raw_path", "query_string", "headers", "state", "extensions")
_SCOPE: Mapping[str, Any] = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.3"},
    **dict.fromkeys(_OF_REQUEST),
}
"""With room for all that a scope will hold: to grow costs more than to copy."""


@attrs.define(eq=False)
class Scopes:
    """Makes the scopes of one connection's requests; `_same` has what they share, `_state` is the lifespan's."""

    _same: Mapping[str, Any]
    _state: dict[str, Any]
    _scope: dict[str, Any] = attrs.field(init=False)

    @_scope.default
    def _scope_of_connection(self) -> dict[str, Any]:
        return {**_SCOPE, **self._same}

    def of(self, method: str, path: bytes, query: bytes, minor: int, headers: Sequence[Header]) -> dict[str, Any]:
        """Return the scope of a request of HTTP/1.`minor`."""
        root: str = self._scope["root_path"]
        text = path.decode("ascii")
        scope = self._scope.copy()
        scope["http_version"] = "1.1" if minor else "1.0"
        scope["method"] = method
        scope["path"] = root + (unquote(text) if "%" in text else text)
        scope["raw_path"] = root.encode("ascii") + path
        scope["query_string"] = query
        scope["headers"] = headers
        scope["state"] = self._state.copy()
        return scope
