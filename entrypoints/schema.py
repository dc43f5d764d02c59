"""What can be set in `gateway.toml`: one class for each table, with what each key means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import attrs
from typing_extensions import override

from entrypoints.addresses import is_own_permission
from entrypoints.environment import Process
from entrypoints.secret import Secret, must_be_sendable
from entrypoints.values import (
    MAX_TRIES,
    must_all_be_filled,
    must_be_attempts,
    must_be_filled,
    must_be_free_members,
    must_be_handler,
    must_be_host,
    must_be_key_name,
    must_be_port,
    must_be_positive,
    must_be_strategy,
    must_not_be_negative,
)

Kind = Literal["cerebras", "ollama", "openai", "custom"]


def says(meaning: str, check: Callable[[Any], None] | None = None, default: str = "") -> dict[str, Any]:
    """
    Return the metadata of a field: what it means, what its value must be, and its default where that takes words.

    `check` raises `ValueError` with what to do.
    """
    return {"meaning": meaning, "check": check, "default": default}


@attrs.frozen
class Server:
    """Where the gateway listens."""

    host: str = attrs.field(
        default="127.0.0.1",
        metadata=says("The address to listen on. `0.0.0.0` is all of this machine's.", must_be_host),
    )
    port: int = attrs.field(
        default=8000, metadata=says("The port to listen on; 0 takes any that is free.", must_be_port)
    )


@attrs.frozen
class StaticKey:
    """A key that opens the gateway, as a table; a string is a key without a name."""

    key: Secret = attrs.field(
        metadata=says("The key itself: printable ASCII, up to 4096 characters.", must_be_sendable)
    )
    name: str = attrs.field(
        default="",
        metadata=says(
            "What logs call the caller.", must_be_key_name, "`key-` and 8 letters, always the same for one key"
        ),
    )
    weight: float = attrs.field(
        default=1.0, metadata=says("The caller's share where callers compete.", must_be_positive)
    )


@attrs.frozen
class Auth:
    """Who may call."""

    keys: tuple[StaticKey, ...] = attrs.field(
        default=(), metadata=says("The keys of callers: strings, or tables as below.")
    )
    admin_keys: tuple[StaticKey, ...] = attrs.field(
        default=(), metadata=says("The keys for `/admin/v1`, where nothing answers yet; they do not open `/v1`.")
    )


@attrs.frozen
class TimeoutSettings:
    """How long calls may take, in seconds."""

    connect_s: float | None = attrs.field(default=None, metadata=says("To a connection.", must_be_positive, "`5`"))
    first_byte_s: float | None = attrs.field(
        default=None,
        metadata=says(
            "From the connection to the first byte of an answer, streamed or not.",
            must_be_positive,
            "streamed `60`, and `300` on kind `ollama`; not streamed `total_s`",
        ),
    )
    idle_s: float | None = attrs.field(
        default=None, metadata=says("Between two reads of an answer.", must_be_positive, "`60`")
    )
    total_s: float | None = attrs.field(
        default=None,
        metadata=says("The whole request with all its attempts.", must_be_positive, "`REQUEST_TIMEOUT_S`, or `600`"),
    )


@attrs.frozen
class Provider:
    """A provider: who answers."""

    kind: Kind = attrs.field(
        metadata=says("`cerebras`, `ollama`, `openai` (any OpenAI-compatible URL) or `custom` (your own processing).")
    )
    api_key: Secret | None = attrs.field(
        default=None, metadata=says("The credential. Kind `cerebras` needs one.", must_be_sendable, "none")
    )
    api_keys: tuple[Secret, ...] | None = attrs.field(
        default=None,
        metadata=says("The credential as a list, instead of `api_key`. Only one is supported yet.", default="none"),
    )
    base_url: str = attrs.field(
        default="",
        metadata=says(
            "Where the provider answers. Kind `openai` needs one, with its `/v1`. "
            "Plain `http` needs a literal address, `localhost` or `allow_private`.",
            default="kind `cerebras`: `https://api.cerebras.ai`; kind `ollama`: `http://127.0.0.1:11434`",
        ),
    )
    models: tuple[str, ...] | None = attrs.field(
        default=None,
        metadata=says("The models it has, by their upstream names.", must_all_be_filled, "asked from the provider"),
    )
    handler: str = attrs.field(
        default="",
        metadata=says(
            "Kind `custom`: your class, as `package.module:Class`.",
            must_be_handler,
            "the built-in deterministic engine",
        ),
    )
    allow_private: bool | None = attrs.field(
        default=None,
        metadata=says(
            "Whether a host *name* may lead to a private address, and plain `http` be used with a name. "
            "Link-local addresses are always refused.",
            default="`true` for kind `ollama`, else `false`",
        ),
    )
    timeouts: TimeoutSettings = attrs.field(
        factory=TimeoutSettings, metadata=says("How long its calls may take; a table as below.", default="see there")
    )

    @property
    def credential(self) -> Secret | None:
        """The one credential, however it was given."""
        return self.api_key or (self.api_keys[0] if self.api_keys else None)

    @property
    def reaches_private(self) -> bool:
        """Whether private addresses may be connected to: by the setting, or because the URL itself names an address."""
        return bool(self.allow_private) or is_own_permission(self.base_url)


@attrs.frozen
class AliasTarget:
    """One provider's model behind an alias."""

    provider: str = attrs.field(metadata=says("The provider, by its name here."))
    model: str = attrs.field(metadata=says("The model, by its upstream name.", must_be_filled))
    weight: float = attrs.field(
        default=1.0, metadata=says("The share of the load within one priority.", must_be_positive)
    )
    priority: int = attrs.field(default=1, metadata=says("Lower priorities are asked first.", must_not_be_negative))
    set: Mapping[str, bytes] = attrs.field(
        factory=dict, metadata=says("Members of the request to replace.", must_be_free_members, "none")
    )
    default: Mapping[str, bytes] = attrs.field(
        factory=dict,
        metadata=says("Members of the request to fill in where they are absent.", must_be_free_members, "none"),
    )


@attrs.frozen
class RetrySettings:
    """How often a target is tried."""

    attempts: int = attrs.field(
        default=1,
        metadata=says(
            f"Tries per target, the first included; a request makes {MAX_TRIES} in all at most.", must_be_attempts
        ),
    )
    base_s: float = attrs.field(
        default=0.5,
        metadata=says(
            "The longest wait before the second try, in seconds; it doubles from try to try.", must_not_be_negative
        ),
    )
    max_s: float = attrs.field(default=5.0, metadata=says("The longest wait of all, in seconds.", must_not_be_negative))


@attrs.frozen
class Alias:
    """A model name of your own, and who answers it."""

    targets: tuple[AliasTarget, ...] = attrs.field(metadata=says("Who answers: a list of tables as below."))
    strategy: str = attrs.field(
        default="weighted",
        metadata=says(
            "How a target is chosen within one priority. Only `weighted` is supported yet.", must_be_strategy
        ),
    )
    timeouts: TimeoutSettings | None = attrs.field(
        default=None,
        metadata=says(
            "How long its calls may take; a table as below. "
            "What it leaves out is the longest of its targets' providers.",
            default="those of each provider",
        ),
    )
    retry: RetrySettings = attrs.field(
        factory=RetrySettings, metadata=says("How often each target is tried; a table as below.", default="see there")
    )
    fallback_on: tuple[str, ...] = attrs.field(
        default=(),
        metadata=says(
            "Error codes of a provider that go on to the next target although they are the caller's fault.",
            must_all_be_filled,
        ),
    )


@attrs.frozen
class Routing:
    """Who answers what nothing else matches."""

    default_provider: str = attrs.field(
        default="",
        metadata=says(
            'The provider that answers unknown models; "" is a 404.', default='`""`; without a file `"custom"`'
        ),
    )


@attrs.frozen
class Document:
    """The whole file."""

    server: Server = attrs.field(factory=Server, metadata=says("Where the gateway listens."))
    auth: Auth = attrs.field(factory=Auth, metadata=says("Who may call."))
    providers: Mapping[str, Provider] = attrs.field(factory=dict, metadata=says("Who answers, by name."))
    models: Mapping[str, Alias] = attrs.field(factory=dict, metadata=says("Aliases, by name."))
    routing: Routing = attrs.field(factory=Routing, metadata=says("Who answers the rest."))


@attrs.frozen
class Settings(Document):
    """All settings as the process runs with them: the file, overridden by the environment and the flags."""

    process: Process = attrs.field(factory=Process)
    config_file: Path | None = None
    """The file that was read, None where there is none."""


@attrs.frozen
class SettingsError(Exception):
    """The settings are not usable; each of `problems` names a path or a variable, what is wrong and what to do."""

    problems: tuple[str, ...]

    @override
    def __str__(self) -> str:
        """List all problems, one a line."""
        return "\n".join(self.problems)
