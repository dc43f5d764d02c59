"""How a request ends: once, whatever happened."""

from __future__ import annotations

import asyncio
from types import TracebackType

from domain.errors import ClientGone, Refused
from domain.journey import Ending, Journey


class settling:  # noqa: N801 - it reads as what it does: `with settling(journey): …`
    """
    Close the request by what happens inside.

    `whole` says that leaving without an exception is the end of the answer; a stream goes on after it was opened.
    """

    __slots__ = ("_journey", "_whole")

    def __init__(self, journey: Journey, *, whole: bool = True) -> None:
        self._journey = journey
        self._whole = whole

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Note the end; what was raised goes on."""
        if error is None:
            if self._whole:
                self._journey.end(Ending.FINISHED)
        elif isinstance(error, Refused):
            self._journey.end(Ending.REFUSED)
        elif isinstance(error, asyncio.CancelledError | ClientGone | GeneratorExit):
            self._journey.end(Ending.CLIENT_GONE)
        else:
            self._journey.end(Ending.FAILED)
