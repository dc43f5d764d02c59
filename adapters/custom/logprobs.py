"""Log probabilities for tokens that were never in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

import msgspec

from adapters.custom.draws import Draws
from adapters.custom.words import WORDS
from adapters.wire.jsontext import text_of

_PLACES = 6
"""Rounded, so that the last bit of a machine's logarithm does not show."""

Logprob = msgspec.Raw
"""One entry of OpenAI's `logprobs.content`, as JSON text: as objects, all of them would take much memory."""


def logprobs_of(pieces: Sequence[str], top: int, draws: Draws) -> tuple[Logprob, ...]:
    """
    Return an entry for each token, with `top` alternatives.

    The token said is the likeliest and stands first among them; each of the others takes half of the probability
    that is left.
    """
    found = []
    for piece in pieces:
        likely = 0.5 + 0.49 * draws.unit()
        start = draws.below(len(WORDS))
        others = [f" {WORDS[(start + turn) % len(WORDS)]}" for turn in range(top + 1)]
        left = 1 - likely
        shown = [_entry(piece, likely)]
        for other in [word for word in others if word != piece][: max(top - 1, 0)]:
            left /= 2
            shown.append(_entry(other, left))
        found.append(msgspec.Raw(text_of({**_entry(piece, likely), "top_logprobs": shown[:top]})))
    return tuple(found)


def _entry(token: str, probability: float) -> dict[str, object]:
    return {"token": token, "logprob": round(log(probability), _PLACES), "bytes": list(token.encode())}
