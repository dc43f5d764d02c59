"""How a request ends: once, whatever happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import ClientGone, Refused
from domain.journey import Ending, Journey


def settle(journey: Journey, ending: Ending) -> None:
    """Close a request; the first ending counts, later ones change nothing."""
    if journey.ending is Ending.OPEN:
        journey.ending = ending


@contextmanager
def settling(journey: Journey, *, whole: bool = True) -> Iterator[None]:
    """
    Close the request by what happens inside.

    `whole` says that leaving without an exception is the end of the answer; a stream goes on after it was opened.
    """
    try:
        yield
    except Refused:
        settle(journey, Ending.REFUSED)
        raise
    except (asyncio.CancelledError, ClientGone, GeneratorExit):
        settle(journey, Ending.CLIENT_GONE)
        raise
    except BaseException:
        settle(journey, Ending.FAILED)
        raise
    if whole:
        settle(journey, Ending.FINISHED)
