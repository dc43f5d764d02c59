"""How every provider must fail, whatever it is asked for: with the right failure, in time, and telling nothing."""

from __future__ import annotations

import asyncio
import tracemalloc
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import pytest

from domain.errors import (
    CredentialRefused,
    Malformed,
    ProviderFailure,
    StreamBroken,
    Unreachable,
    UpstreamError,
    UpstreamTimeout,
)
from domain.ports.providers import Call
from tests.contracts.harness import Contract, Harness, about, call_of
from tests.contracts.reading import Way

PATIENCE_S = 15.0
"""Nothing may hang longer, whatever happens."""
LEAVE_S = 1.0
"""How long after a call the upstream may still be busy with it."""
SOON_S = 0.1
"""A deadline that is met soon."""
LATE_S = 2.0
"""How late a deadline may come on a busy machine."""
MOST_BYTES = 48 << 20
"""What one answer may take: the 32 MiB that an answer may have, and what buffers on the way hold."""

PERMANENT = ("400", "402", "404", "413", "413-unread", "422", "400-context", "400-html", "400-echo")
TRANSIENT = ("408", "409", "429", "500", "502", "503", "504", "529", "500-html", "503-html", "500-text", "500-empty")
LIMITED = ("429-bare", "429-quota", "429-date", "429-past", "429-year", "429-garbage", "500-echo")
REFUSED = ("401", "403", "401-echo")
RETRY_AFTER: Mapping[str, str | None] = {
    "429": "7",
    "429-bare": None,
    "429-date": "Wed, 21 Oct 2099 07:28:00 GMT",
    "429-past": "Wed, 21 Oct 2015 07:28:00 GMT",
    "429-year": "31536000",
    "429-garbage": None,
    "503": "3",
    "503-html": "3",
    "500": None,
}
MARKUP = ("<html", "<!doctype", "nginx")


def all_told(failure: BaseException) -> str:
    """Return everything that a failure could tell a log: itself, and what it was raised from."""
    told = ""
    error: BaseException | None = failure
    while error is not None:
        told += f"{error} {error!r} {error.args} {getattr(error, '__notes__', '')}\n"
        error = error.__cause__
    return told


class FailureContract(Contract):
    """What a provider does when the other side does not answer well."""

    @abstractmethod
    async def ask(self, harness: Harness, way: Way, scenario: str, call: Call, into: list[Any]) -> None:
        """Ask, and put what comes into the list as it comes."""

    async def failure(
        self, harness: Harness, way: Way, scenario: str, call: Call | None = None
    ) -> tuple[ProviderFailure, list[Any]]:
        """Ask in a scenario; return the failure, checked for what holds for all, and what came before it."""
        await harness.script(scenario)
        came: list[Any] = []
        with pytest.raises(ProviderFailure) as caught:
            async with asyncio.timeout(PATIENCE_S):
                await self.ask(harness, way, scenario, call or call_of(harness), came)
        async with asyncio.timeout(LEAVE_S):
            await harness.quiet()
        assert str(caught.value)
        assert not harness.secret or harness.secret not in all_told(caught.value)
        return caught.value, came

    @about(*PERMANENT, *TRANSIENT, *LIMITED)
    async def test_an_error_keeps_its_status(self, harness: Harness, way: Way, scenario: str) -> None:
        """The caller's faults are final, the upstream's and its limits pass; a page of HTML is not quoted."""
        failure, came = await self.failure(harness, way, scenario)

        assert isinstance(failure, UpstreamError)
        assert int(scenario[:3]) == failure.status
        assert (scenario not in PERMANENT) is failure.retryable
        assert not any(word in all_told(failure).lower() for word in MARKUP)
        assert [] == came

    @about(*RETRY_AFTER)
    async def test_an_error_says_when_to_come_back(self, harness: Harness, way: Way, scenario: str) -> None:
        """`retry-after` is handed on as it came, whatever it says; who reads it decides."""
        failure, _ = await self.failure(harness, way, scenario)

        assert isinstance(failure, UpstreamError)
        assert RETRY_AFTER[scenario] == failure.retry_after

    @about("429-date", "503-html")
    async def test_an_errors_headers_are_relayed(self, harness: Harness, way: Way, scenario: str) -> None:
        """A caller may see when to come back also where the answer is an error."""
        call = call_of(harness)
        await self.failure(harness, way, scenario, call)

        assert RETRY_AFTER[scenario] == call.relayed["retry-after"]

    @about("400-context", "429-quota")
    async def test_an_error_keeps_its_code(self, harness: Harness, way: Way, scenario: str) -> None:
        """Fallback decides by the code, so it must arrive where the upstream's errors have one."""
        failure, _ = await self.failure(harness, way, scenario)

        assert isinstance(failure, UpstreamError)
        assert failure.code in {"context_length_exceeded", "insufficient_quota", None}
        assert failure.message

    @about(*REFUSED)
    async def test_a_refused_credential_is_told_without_a_word(self, harness: Harness, way: Way, scenario: str) -> None:
        """The upstream's text quotes pieces of the key: nothing of it is kept, not even in a cause."""
        failure, _ = await self.failure(harness, way, scenario)

        assert isinstance(failure, CredentialRefused)
        assert int(scenario[:3]) == failure.status
        assert not harness.secret or harness.secret[:8] not in all_told(failure)
        assert not harness.secret or harness.secret[-4:] not in all_told(failure)

    @about("301", "302", "303", "307", "308")
    async def test_a_redirect_is_not_followed(self, harness: Harness, way: Way, scenario: str) -> None:
        """Where it points sees nothing: no request, and so no credential."""
        await self.failure(harness, way, scenario)

        assert len(harness.sent) == 1

    @about("malformed", "empty", "html", "not-object", "no-choices", "gzip", "gzip-bomb")
    async def test_what_is_no_answer_is_a_failure(self, harness: Harness, way: Way, scenario: str) -> None:
        """A stream that never began well may count as broken; a whole answer is malformed."""
        failure, _ = await self.failure(harness, way, scenario)

        assert isinstance(failure, Malformed if way == "whole" else (Malformed, StreamBroken))
        assert failure.retryable

    @about("error-first")
    async def test_an_error_with_status_200_is_a_failure(self, harness: Harness, way: Way, scenario: str) -> None:
        """Some servers have sent the status before they notice."""
        failure, came = await self.failure(harness, way, scenario)

        assert isinstance(failure, UpstreamError | Malformed)
        assert [] == came

    @about("refused", "tls", "close-early", "reset-early", "cut-head", "huge-head")
    async def test_no_answer_at_all_is_unreachable(self, harness: Harness, way: Way, scenario: str) -> None:
        """Nothing has been answered, so another try costs nothing."""
        failure, came = await self.failure(harness, way, scenario)

        assert isinstance(failure, Unreachable | Malformed if scenario == "huge-head" else Unreachable)
        assert failure.retryable
        assert [] == came

    @about("early-eof", "reset")
    async def test_an_answer_that_breaks_off_is_broken(self, harness: Harness, way: Way, scenario: str) -> None:
        """Part of an answer is never taken for the whole; what a stream gave before stays good."""
        failure, came = await self.failure(harness, way, scenario)

        assert failure.retryable
        if way == "stream":
            assert isinstance(failure, StreamBroken)
            assert came
        else:
            assert isinstance(failure, StreamBroken | Unreachable | Malformed)

    @about("slow")
    async def test_an_answer_that_does_not_begin_is_waited_for_so_long(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """The deadline of the first byte holds, streamed or not."""
        phase = await self._soon(harness, way, scenario, call_of(harness, first_byte_s=SOON_S))

        assert phase == "first_byte"

    @about("head-only")
    async def test_an_answer_of_headers_only_is_waited_for_so_long(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """Headers may count as a first byte: then the next deadline is that between two reads."""
        call = call_of(harness, first_byte_s=SOON_S, idle_s=SOON_S)
        phase = await self._soon(harness, way, scenario, call)

        assert phase in {"first_byte", "idle"}

    @about("silence")
    async def test_an_answer_that_falls_silent_is_waited_for_so_long(
        self, harness: Harness, way: Way, scenario: str
    ) -> None:
        """The deadline between two reads holds in the middle; of a whole answer it may be that of the beginning."""
        first_byte_s = SOON_S if way == "whole" else 5
        phase = await self._soon(harness, way, scenario, call_of(harness, first_byte_s=first_byte_s, idle_s=SOON_S))

        assert phase in ({"first_byte", "idle"} if way == "whole" else {"idle"})

    @about("drip", "silence", "slow")
    async def test_an_answer_has_so_long_in_all(self, harness: Harness, way: Way, scenario: str) -> None:
        """Each byte may come in time, and the whole does not: the deadline of all holds."""
        phase = await self._soon(harness, way, scenario, call_of(harness, total_s=SOON_S))

        assert phase == "total"

    @about("endless-error", "endless-line")
    async def test_an_answer_without_end_is_cut(self, harness: Harness, way: Way, scenario: str) -> None:
        """No more is read than an answer may have."""
        failure, _ = await self.failure(harness, way, scenario)

        assert isinstance(failure, Malformed | UpstreamError)
        assert sum(sent.taken for sent in harness.sent) < MOST_BYTES

    @about("gzip-bomb")
    async def test_half_a_gigabyte_in_disguise_is_not_unpacked(self, harness: Harness, way: Way, scenario: str) -> None:
        """Memory stays bounded, whatever comes."""
        tracemalloc.start()
        try:
            failure, _ = await self.failure(harness, way, scenario)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

        assert isinstance(failure, Malformed)
        assert peak < MOST_BYTES

    async def _soon(self, harness: Harness, way: Way, scenario: str, call: Call) -> str:
        """Return which deadline passed, having checked that it was `SOON_S` and was held."""
        started = asyncio.get_running_loop().time()
        failure, _ = await self.failure(harness, way, scenario, call)
        took = asyncio.get_running_loop().time() - started

        assert isinstance(failure, UpstreamTimeout)
        assert failure.after_s == SOON_S
        assert SOON_S - 0.01 <= took < SOON_S + LATE_S
        return failure.phase
