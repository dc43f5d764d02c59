"""Headers → the secret that a caller presents."""

from __future__ import annotations

from adapters.http.visit import Visit


def presented_secret(visit: Visit) -> str | None:
    """
    Return the secret that a request presents, None where it presents none.

    `Authorization`, when present, alone decides; then `x-api-key`, then `api-key`. A scheme other than Bearer presents
    the empty secret, which opens nothing.
    """
    authorization = visit.header("authorization")
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        return secret.strip() if scheme.lower() == "bearer" else ""
    for name in ("x-api-key", "api-key"):
        secret_header = visit.header(name)
        if secret_header is not None:
            return secret_header.strip()
    return None
