"""How a request ends: once, whatever happened."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from domain.errors import ClientGone, Refused
from domain.journey import Ending, Journey


@contextmanager
def settling(journey: Journey, *, whole: bool = True) -> Iterator[None]:
    """
    Close the request by what happens inside.

    `whole` says that leaving without an exception is the end of the answer; a stream goes on after it was opened.
    """
    try:
        yield
    except Refused:
        journey.end(Ending.REFUSED)
        raise
    except (asyncio.CancelledError, ClientGone, GeneratorExit):
        journey.end(Ending.CLIENT_GONE)
        raise
    except BaseException:
        journey.end(Ending.FAILED)
        raise
    if whole:
        journey.end(Ending.FINISHED)
