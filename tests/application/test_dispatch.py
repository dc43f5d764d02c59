"""Carrying a request to its targets."""

from __future__ import annotations

import pytest

from application.gateway import Gateway
from domain.catalog import Alias, Retry, Target, Timeouts
from domain.chat import ChatRequest
from domain.document import Document
from domain.errors import (
    CredentialRefused,
    ModelNotFound,
    NotSupported,
    ProviderFailure,
    Unreachable,
    UpstreamError,
)
from domain.journey import Ending, Journey
from domain.keys import Caller
from tests.fakes.clock import FakeChance, FakeClock
from tests.fakes.gateway import gateway_of
from tests.fakes.providers import USAGE, ScriptedProvider, answer

CALLER = Caller("ci")
DOWN = Unreachable("connect")
BUSY = UpstreamError(429, retry_after="1")


def asking(model: str, provider: str = "") -> ChatRequest:
    """Return a request for a model."""
    return ChatRequest(model, Document({"model": b'"x"', "temperature": b"0.10"}), provider=provider)


def aliased(retry: Retry | None = None, **more: object) -> Alias:
    """Return an alias that asks `a` and then `b`."""
    targets = (Target("a", "small"), Target("b", "large", priority=2))
    return Alias("fast", targets, retry=retry or Retry(), **more)  # type: ignore[arg-type]


async def failing(gateway: Gateway, model: str) -> tuple[ProviderFailure, Journey]:
    """Return how a request fails."""
    journey = Journey()
    with pytest.raises(ProviderFailure) as caught:
        await gateway.complete_chat(CALLER, asking(model), journey)
    return caught.value, journey


async def test_answer_comes_from_the_target() -> None:
    """The provider is asked under its own name of the model, and the journey tells of it."""
    provider = ScriptedProvider([answer()])
    journey = Journey(request_id="req-1")

    response = await gateway_of({"a": provider}).complete_chat(CALLER, asking("a/small"), journey)

    assert answer() == response
    assert "small" == provider.asked[0][1].model
    assert ("a", "small", 1, USAGE, Ending.FINISHED) == (
        journey.provider,
        journey.model,
        journey.attempts,
        journey.usage,
        journey.ending,
    )


async def test_target_sets_and_defaults_members() -> None:
    """A target's `set` replaces members of the request, its `default` fills those that are absent or null."""
    provider = ScriptedProvider([answer()])
    target = Target("a", "m", set={"keep_alive": b'"30m"'}, default={"temperature": b"1", "top_p": b"0.5"})

    await gateway_of({"a": provider}, aliases=[Alias("fast", (target,))]).complete_chat(CALLER, asking("fast"))

    request = provider.asked[0][0]
    assert isinstance(request, ChatRequest)
    assert {
        "model": b'"x"',
        "temperature": b"0.10",
        "top_p": b"0.5",
        "keep_alive": b'"30m"',
    } == request.document.members


async def test_next_target_is_asked_when_one_is_down() -> None:
    """A target that cannot be reached hands over to the next priority."""
    providers = {"a": ScriptedProvider([DOWN]), "b": ScriptedProvider([answer()])}
    journey = Journey()

    await gateway_of(providers, aliases=[aliased()]).complete_chat(CALLER, asking("fast"), journey)

    assert ("b", "large", 2) == (journey.provider, journey.model, journey.attempts)


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_callers_fault_is_not_tried_elsewhere(status: int) -> None:
    """What the upstream says is the caller's fault stays so."""
    providers = {"a": ScriptedProvider([UpstreamError(status)]), "b": ScriptedProvider([answer()])}

    failure, journey = await failing(gateway_of(providers, aliases=[aliased()]), "fast")

    assert (repr(UpstreamError(status)), 1) == (repr(failure), journey.attempts)


async def test_operator_may_fall_back_on_a_code() -> None:
    """A code in `fallback_on` goes on although it is the caller's fault."""
    refusal = UpstreamError(400, code="context_length_exceeded")
    providers = {"a": ScriptedProvider([refusal]), "b": ScriptedProvider([answer()])}
    alias = aliased(fallback_on=frozenset({"context_length_exceeded"}))

    assert answer() == await gateway_of(providers, aliases=[alias]).complete_chat(CALLER, asking("fast"))


async def test_target_is_tried_again_after_a_wait() -> None:
    """Retries of one target wait with full jitter, doubled each time."""
    clock = FakeClock()
    provider = ScriptedProvider([BUSY, BUSY, answer()])
    alias = Alias("fast", (Target("a", "m"),), retry=Retry(attempts=3, base_s=0.5, max_s=5))
    gateway = gateway_of({"a": provider}, aliases=[alias], clock=clock, chance=FakeChance.of([0.5, 0.5]))

    await gateway.complete_chat(CALLER, asking("fast"))

    assert (3, [0.25, 0.5]) == (len(provider.asked), clock.slept)


async def test_attempts_are_bounded_over_all_targets() -> None:
    """No request makes more than three attempts, however many targets and tries there are."""
    providers = {"a": ScriptedProvider([DOWN]), "b": ScriptedProvider([DOWN])}

    _, journey = await failing(gateway_of(providers, aliases=[aliased(Retry(attempts=3))]), "fast")

    assert 3 == journey.attempts


async def test_refused_credential_is_not_tried_twice() -> None:
    """A credential that an upstream refused is not sent there again; the next target is asked."""
    providers = {"a": ScriptedProvider([CredentialRefused(401)]), "b": ScriptedProvider([answer()])}

    await gateway_of(providers, aliases=[aliased(Retry(attempts=2))]).complete_chat(CALLER, asking("fast"))

    assert (1, 1) == (len(providers["a"].asked), len(providers["b"].asked))


async def test_last_failure_is_the_answer() -> None:
    """When all targets fail, the caller learns of the last failure."""
    providers = {"a": ScriptedProvider([DOWN]), "b": ScriptedProvider([BUSY])}

    failure, journey = await failing(gateway_of(providers, aliases=[aliased()]), "fast")

    assert (repr(BUSY), Ending.FAILED) == (repr(failure), journey.ending)


async def test_attempt_gets_what_is_left_of_the_whole() -> None:
    """The total deadline runs over all attempts."""
    clock = FakeClock()
    provider = ScriptedProvider([BUSY, answer()])
    alias = Alias("fast", (Target("a", "m"),), Timeouts(total_s=10), Retry(attempts=2, base_s=8, max_s=8))
    gateway = gateway_of({"a": provider}, aliases=[alias], clock=clock, chance=FakeChance.of([0.5]))

    await gateway.complete_chat(CALLER, asking("fast"))

    assert [10.0, 6.0] == [call.total_s for _, call in provider.asked]


async def test_no_attempt_after_the_deadline() -> None:
    """A retry that would come too late is not waited for, and what the last attempt met is told."""
    clock = FakeClock()
    provider = ScriptedProvider([BUSY])
    alias = Alias("fast", (Target("a", "m"),), Timeouts(total_s=10), Retry(attempts=2, base_s=22, max_s=22))
    gateway = gateway_of({"a": provider}, aliases=[alias], clock=clock, chance=FakeChance.of([0.5]))

    failure, journey = await failing(gateway, "fast")

    assert (repr(BUSY), 1, []) == (repr(failure), journey.attempts, clock.slept)


@pytest.mark.parametrize(
    "failure",
    [UpstreamError(429, code="insufficient_quota"), UpstreamError(429, retry_after="60"), CredentialRefused(403)],
    ids=repr,
)
async def test_target_that_will_not_recover_in_time_is_not_asked_again(failure: ProviderFailure) -> None:
    """A spent quota, a wait longer than any retry's, a refused credential: the next target is asked at once."""
    clock = FakeClock()
    providers = {"a": ScriptedProvider([failure]), "b": ScriptedProvider([answer()])}

    await gateway_of(providers, aliases=[aliased(Retry(attempts=2))], clock=clock).complete_chat(CALLER, asking("fast"))

    assert (1, 1, []) == (len(providers["a"].asked), len(providers["b"].asked), clock.slept)


@pytest.mark.parametrize(
    ("target", "given", "sent"),
    [
        (Target("a", "m", set={"max_tokens": b"5"}), {"max_completion_tokens": b"99"}, {"max_tokens": b"5"}),
        (
            Target("a", "m", default={"max_tokens": b"5"}),
            {"max_completion_tokens": b"9"},
            {"max_completion_tokens": b"9"},
        ),
        (Target("a", "m", default={"max_tokens": b"5"}), {}, {"max_tokens": b"5"}),
    ],
)
def test_both_names_of_the_maximum_are_one(target: Target, given: dict[str, bytes], sent: dict[str, bytes]) -> None:
    """The operator's maximum is not passed by under its other name."""
    assert sent == target.adapt(Document(given)).members


async def test_unknown_model_is_refused() -> None:
    """A name that nothing matches reaches no provider."""
    provider = ScriptedProvider([answer()])
    journey = Journey()

    with pytest.raises(ModelNotFound):
        await gateway_of({"a": provider}).complete_chat(CALLER, asking("nope"), journey)

    assert ([], Ending.REFUSED, "ci") == (provider.asked, journey.ending, journey.caller)


async def test_missing_capability_is_refused() -> None:
    """A provider that cannot do what is asked is named."""
    gateway = gateway_of({"a": ScriptedProvider([answer()])})
    gateway.embed.providers.embeddings.pop("a")  # type: ignore[attr-defined]

    with pytest.raises(NotSupported, match="'a' has no chat completions"):
        await gateway.complete_chat(CALLER, asking("a/small"))
