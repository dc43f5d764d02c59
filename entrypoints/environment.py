"""The environment: which variables there are, and what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import attrs

from entrypoints.secret import References, Secret
from entrypoints.variables import (
    MIN_PEPPER_BYTES,
    LogLevel,
    Variable,
    read_credential,
    read_keys,
    read_level,
    read_ollama,
    read_path,
    read_pepper,
    read_plain,
    read_port,
    read_seconds,
    read_truth,
    read_unsupported,
    variable,
)

FLAGS = {
    "config": "GATEWAY_CONFIG",
    "host": "SERVICE_HOST",
    "port": "SERVICE_PORT",
    "log_level": "LOG_LEVEL",
    "data_dir": "DATA_DIR",
}
"""The flags of the command line, by the variable that each one overrides."""

_T = TypeVar("_T")


@attrs.frozen
class Process:
    """What the environment alone decides."""

    log_level: LogLevel = attrs.field(
        default="info",
        metadata=variable(
            "LOG_LEVEL",
            "word",
            read_level,
            "How much is logged: `debug`, `info`, `warning`, `error` or `critical`.",
            "`info`",
        ),
    )
    require_auth: bool = attrs.field(
        default=True,
        metadata=variable(
            "REQUIRE_AUTH",
            "boolean",
            read_truth,
            "Whether callers need a key. `false` only where the server listens on a loopback address.",
            "`true`",
        ),
    )
    development_mode: bool = attrs.field(
        default=False,
        metadata=variable(
            "DEVELOPMENT_MODE",
            "boolean",
            read_truth,
            "Accepts any key or none. Only where the server listens on a loopback address.",
            "`false`",
        ),
    )
    request_timeout_s: float = attrs.field(
        default=600.0,
        metadata=variable(
            "REQUEST_TIMEOUT_S", "seconds", read_seconds, "The default of `total_s` in all `timeouts`.", "`600`"
        ),
    )
    enable_security_headers: bool = attrs.field(
        default=True,
        metadata=variable(
            "ENABLE_SECURITY_HEADERS", "boolean", read_truth, "Whether answers carry security headers.", "`true`"
        ),
    )
    data_dir: Path = attrs.field(
        default=Path("data"),
        metadata=variable(
            "DATA_DIR",
            "path",
            read_path,
            "The folder of what the gateway keeps: its first key and its pepper.",
            "`./data`",
        ),
    )
    key_pepper: Secret | None = attrs.field(
        default=None,
        metadata=variable(
            "KEY_PEPPER",
            "secret",
            read_pepper,
            f"The secret that digests of keys are made with, at least {MIN_PEPPER_BYTES} bytes. "
            "Keys in `DATA_DIR/keys.json` are bound to it.",
            "made once, in `DATA_DIR/pepper`",
        ),
    )


@attrs.frozen
class Overrides:
    """What the environment says about things that the file may say too; None where it says nothing."""

    config: Path | None = attrs.field(
        default=None,
        metadata=variable(
            "GATEWAY_CONFIG",
            "path",
            read_path,
            "The configuration file.",
            "`gateway.toml` in the working folder, if there is one",
        ),
    )
    host: str | None = attrs.field(
        default=None, metadata=variable("SERVICE_HOST", "text", read_plain, "Overrides `server.host`.")
    )
    port: int | None = attrs.field(
        default=None, metadata=variable("SERVICE_PORT", "number", read_port, "Overrides `server.port`.")
    )
    keys: tuple[Secret, ...] = attrs.field(
        default=(),
        metadata=variable(
            "ALLOWED_API_KEYS",
            "list of secrets",
            read_keys,
            "Adds to `auth.keys`: comma-separated, or a JSON list of strings.",
        ),
    )
    cerebras_key: Secret | None = attrs.field(
        default=None,
        metadata=variable(
            "CEREBRAS_API_KEY", "secret", read_credential, "Enables provider `cerebras`; overrides its `api_key`."
        ),
    )
    cerebras_url: str | None = attrs.field(
        default=None,
        metadata=variable("CEREBRAS_BASE_URL", "URL", read_plain, "Overrides the `base_url` of provider `cerebras`."),
    )
    ollama_url: str | None = attrs.field(
        default=None,
        metadata=variable(
            "OLLAMA_HOST",
            "address",
            read_ollama,
            "Enables provider `ollama`; overrides its `base_url`. "
            "Read by Ollama's own rules: `host`, `:port`, `host:port` or a URL.",
        ),
    )
    database_url: None = attrs.field(
        default=None,
        metadata=variable(
            "DATABASE_URL",
            "URL",
            read_unsupported,
            "Reserved. Not supported yet: where it is set, the gateway does not start.",
        ),
    )
    redis_url: None = attrs.field(
        default=None,
        metadata=variable(
            "REDIS_URL",
            "URL",
            read_unsupported,
            "Reserved. Not supported yet: where it is set, the gateway does not start.",
        ),
    )


@attrs.frozen
class Given:
    """The texts of variables after flags have had their say, and what each is called in messages."""

    texts: Mapping[str, str] = attrs.field(repr=False)
    environ: Mapping[str, str] = attrs.field(repr=False)
    labels: Mapping[str, str]

    def label(self, name: str) -> str:
        """Return the name by which the operator gave a value: that of a flag or that of a variable."""
        return self.labels.get(name, name)


def given(flags: Mapping[str, object], environ: Mapping[str, str]) -> Given:
    """Lay the flags over the environment; one that is None or blank was not given, an unknown one is a `KeyError`."""
    told = {name: str(value) for name, value in flags.items() if value is not None and str(value).strip()}
    return Given(
        texts={**environ, **{FLAGS[name]: text for name, text in told.items()}},
        environ=environ,
        labels={FLAGS[name]: f"--{name.replace('_', '-')}" for name in told},
    )


def read_variables(cls: type[_T], source: Given) -> tuple[_T, list[str]]:
    """Return an object of `cls` with what its variables say, and the problems met; a blank variable is as unset."""
    values: dict[str, Any] = {}
    problems = []
    for field in attrs.fields(cls):  # type: ignore[arg-type]
        its: Variable = field.metadata["variable"]
        text = source.texts.get(its.name, "").strip()
        if not text:
            continue
        try:
            values[field.name] = its.read(text, References(source.environ))
        except ValueError as error:
            problems.append(f"{source.label(its.name)}: {error}")
    return cls(**values), problems
