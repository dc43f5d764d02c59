"""The HTTP surface over scripted providers."""

from __future__ import annotations

import attrs
from starlette.types import ASGIApp

from adapters.http.app import Surroundings, build_app
from adapters.http.health import Readiness
from adapters.http.intake import Intake
from application.gateway import Gateway
from domain.ports.observer import RequestRecord
from tests.fakes.asgi import Client
from tests.fakes.clock import FakeClock, FakeIds
from tests.fakes.gateway import gateway_of
from tests.fakes.providers import ScriptedProvider, answer


@attrs.define
class Watcher:
    """Keeps what observers are told."""

    records: list[RequestRecord] = attrs.field(factory=list)
    faults: list[BaseException] = attrs.field(factory=list)

    def request_finished(self, record: RequestRecord) -> None:
        """Keep a record."""
        self.records.append(record)

    def unexpected(self, error: BaseException, request_id: str) -> None:
        """Keep a fault."""
        del request_id
        self.faults.append(error)


@attrs.define
class Surface:
    """An application, and what stands around it."""

    gateway: Gateway = attrs.field(factory=lambda: gateway_of({"a": ScriptedProvider([answer()])}))
    clock: FakeClock = attrs.field(factory=FakeClock)
    watcher: Watcher = attrs.field(factory=Watcher)
    readiness: Readiness = attrs.field(factory=Readiness)
    intake: Intake = attrs.field(factory=lambda: Intake(max_bytes=4096, idle_s=0.05))
    ping_s: float = 15.0

    @classmethod
    def of(cls, *script: object, **more: object) -> Surface:
        """Return a surface over one provider `a` with this script."""
        return cls(gateway_of({"a": ScriptedProvider(list(script))}), **more)  # type: ignore[arg-type]

    @property
    def provider(self) -> ScriptedProvider:
        """The one provider."""
        found = self.gateway.complete_chat.providers.chat["a"]
        assert isinstance(found, ScriptedProvider)
        return found

    def app(self) -> ASGIApp:
        """Return the application."""
        return build_app(self.gateway, self.surroundings())

    def surroundings(self) -> Surroundings:
        """Return what the application is given beside the gateway."""
        return Surroundings(
            clock=self.clock,
            ids=FakeIds(),
            observer=self.watcher,
            unexpected=self.watcher.unexpected,
            metrics=lambda: ("text/plain; version=0.0.4", b"up 1\n"),
            readiness=self.readiness,
            intake=self.intake,
            ping_s=self.ping_s,
        )

    def client(self) -> Client:
        """Return a client for one request."""
        return Client(self.app())
