"""Settings come from flags, environment, file and defaults."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoints.environment import Process
from entrypoints.schema import Auth, Routing, Server
from entrypoints.secret import Secret
from entrypoints.settings import Settings, config_warnings
from tests.entrypoints.settings_folder import EVERYWHERE, Folder

PEPPER = "a pepper of at least thirty-two bytes"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def revealed(settings: Settings) -> list[str]:
    return [entry.key.reveal() for entry in settings.auth.keys]


# --- where settings come from


def test_without_anything_the_defaults_hold(folder: Folder, tmp_path: Path) -> None:
    """The custom provider answers, callers need a key, and data goes to ./data."""
    settings = folder.load()

    assert settings.server == Server("127.0.0.1", 8000)
    assert settings.auth == Auth()
    assert {"custom": "custom"} == {name: provider.kind for name, provider in settings.providers.items()}
    assert settings.routing == Routing("custom")
    assert settings.process == Process(data_dir=tmp_path / "data")
    assert (settings.process.require_auth, settings.process.log_level) == (True, "info")
    assert settings.config_file is None


def test_an_empty_file_has_no_default_provider(folder: Folder, tmp_path: Path) -> None:
    """Who writes a file says who answers; the custom provider is there all the same."""
    settings = folder.load("")

    assert settings.routing.default_provider == ""
    assert list(settings.providers) == ["custom"]
    assert settings.config_file == tmp_path / "gateway.toml"


def test_a_flag_goes_before_the_environment_before_the_file_before_defaults(folder: Folder) -> None:
    """Each level hides the next."""
    toml = "[server]\nhost = '::1'\nport = 1"

    assert folder.load(toml).server == Server("::1", 1)
    assert folder.load(toml, SERVICE_PORT="2").server == Server("::1", 2)
    assert folder.load(toml, {"port": 3}, SERVICE_PORT="2").server == Server("::1", 3)
    assert folder.load(toml, {"port": None, "host": ""}, SERVICE_PORT="2").server == Server("::1", 2)


def test_all_variables_are_read(folder: Folder) -> None:
    """Each in its own form, white space around it aside."""
    settings = folder.load(
        LOG_LEVEL=" DEBUG ",
        REQUIRE_AUTH="No",
        DEVELOPMENT_MODE="1",
        REQUEST_TIMEOUT_S="2.5",
        ENABLE_SECURITY_HEADERS="0",
        DATA_DIR="/var/lib/gateway",
        KEY_PEPPER=PEPPER,
        SERVICE_HOST="localhost",
        SERVICE_PORT="0",
    )

    assert settings.process == Process("debug", False, True, 2.5, False, Path("/var/lib/gateway"), Secret(PEPPER))
    assert settings.server == Server("localhost", 0)


def test_a_blank_variable_is_as_unset(folder: Folder) -> None:
    """An empty line in an environment file decides nothing."""
    names = "LOG_LEVEL REQUIRE_AUTH SERVICE_PORT KEY_PEPPER ALLOWED_API_KEYS OLLAMA_HOST REDIS_URL GATEWAY_CONFIG"

    assert folder.load(None, None, **dict.fromkeys(names.split(), " ")) == folder.load()


@pytest.mark.parametrize("flag", ["config", "host", "port", "log_level", "data_dir"])
def test_problems_of_flags_name_the_flag(folder: Folder, flag: str) -> None:
    """Who gave a flag reads of a flag, not of a variable."""
    if flag == "data_dir":
        assert folder.problems(None, {flag: "a\0b"}) == ("--data-dir: is no path",)
        return
    (problem,) = folder.problems(None, {flag: "no such\x01value"})

    assert problem.startswith(f"--{flag.replace('_', '-')}: ")


def test_a_named_file_is_read(folder: Folder, tmp_path: Path) -> None:
    """By variable or flag, relative to the working folder; a byte order mark does not matter."""
    (tmp_path / "other.toml").write_bytes(b"\xef\xbb\xbf[server]\nport = 7")

    assert folder.load(GATEWAY_CONFIG="other.toml").server.port == 7
    assert folder.load(None, {"config": str(tmp_path / "other.toml")}, GATEWAY_CONFIG="none.toml").server.port == 7


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "GATEWAY_CONFIG: "),
        (b"\xff", "is not UTF-8"),
        (b"[server", "is not TOML"),
        (b"x = " + b"[" * 10_000, "nested too deep"),
        (b"x = " + b"9" * 10_000, "too long"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem(
    folder: Folder, tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """And the other problems are told with it."""
    if content is not None:
        (tmp_path / "other.toml").write_bytes(content)

    told = folder.problems(GATEWAY_CONFIG="other.toml", SERVICE_PORT="x")

    assert len(told) == 2
    assert "other.toml" in told[1]
    assert expected in told[1]


def test_a_folder_is_no_file(folder: Folder, tmp_path: Path) -> None:
    """Even where it has the right name."""
    (tmp_path / "gateway.toml").mkdir()

    (problem,) = folder.problems()

    assert "cannot be read" in problem


# --- keys


@pytest.mark.parametrize("value", ["k-1,k-2", " k-1 , k-2 ", '["k-1", "k-2"]', '"k-1", "k-2"', '[" k-1 ","k-2"]'])
def test_keys_come_as_csv_or_json(folder: Folder, value: str) -> None:
    """Both forms mean the same."""
    assert revealed(folder.load(ALLOWED_API_KEYS=value)) == ["k-1", "k-2"]


@pytest.mark.parametrize(
    "value", ["k-1,,k-2", "k-1,", ",", '["k-1", ""]', "[]", '["k-1", 5]', "[k-1]", '"k-1', "[" * 9999]
)
def test_a_malformed_list_of_keys_never_means_open(folder: Folder, value: str) -> None:
    """An empty element, or what is no list, is a problem; the keys themselves are not told."""
    (problem,) = folder.problems(ALLOWED_API_KEYS=value)

    assert problem.startswith("ALLOWED_API_KEYS: ")
    assert value not in problem.replace("key-1", "")


def test_the_environment_adds_to_the_keys_of_the_file(folder: Folder) -> None:
    """What stands in both is one key, with the name that the file gives it."""
    settings = folder.load(
        "[auth]\nkeys = ['env://ONE', {name = 'ci', key = 'file-key', weight = 2}]",
        ONE="key-one",
        ALLOWED_API_KEYS="file-key,extra,extra",
    )

    assert revealed(settings) == ["key-one", "file-key", "extra"]
    assert [entry.name for entry in settings.auth.keys] == ["", "ci", ""]
    assert [entry.weight for entry in settings.auth.keys] == [1, 2, 1]


def test_a_key_opens_for_one_caller(folder: Folder) -> None:
    """The same key twice, the same name twice, and a key that is an admin key too are problems."""
    told = folder.problems(
        """[auth]
        keys = ["a-key", {name = "ci", key = "b-key"}, {name = "ci", key = "a-key"}]
        admin_keys = ["b-key", {name = "ci", key = "admin"}, "env-key"]""",
        ALLOWED_API_KEYS="env-key",
    )

    assert [problem.partition(":")[0] for problem in told] == [
        "auth.keys[2]",
        "auth.keys[2].name",
        "auth.admin_keys[0]",
        "auth.admin_keys[2]",
    ]
    assert "a-key" not in "".join(told)


@pytest.mark.parametrize("key", ["tab\tin it", "schlüssel", "x" * 4097])
def test_a_key_that_no_header_can_carry_is_a_problem(folder: Folder, key: str) -> None:
    """It would lock its owner out."""
    (problem,) = folder.problems(f"[auth]\nkeys = ['''{key}''']")

    assert problem.startswith("auth.keys[0]: must be printable ASCII")


@pytest.mark.parametrize("name", ["", " ci", "-ci", "line\\nbreak", "x" * 65])
def test_a_name_that_logs_could_not_carry_is_a_problem(folder: Folder, name: str) -> None:
    """Names are shown to people, on one line."""
    (problem,) = folder.problems(f'[auth]\nkeys = [{{ name = "{name}", key = "k" }}]')

    assert problem.startswith("auth.keys[0].name: must be 1 to 64 letters")


# --- openness


@pytest.mark.parametrize("host", ["127.0.0.1:80", "http://host", "a b", "[::1", "::g"])
def test_what_no_server_can_listen_on_is_a_problem(folder: Folder, host: str) -> None:
    """An address or a name, without port and scheme."""
    (problem,) = folder.problems(SERVICE_HOST=host)

    assert problem.startswith("SERVICE_HOST: must be an address or a host name")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.8.8.8", "localhost", "LOCALHOST", "::1", "[::1]", "::ffff:127.0.0.1"]
)
def test_on_this_machine_alone_the_gateway_may_be_open(folder: Folder, host: str) -> None:
    """A loopback address is reached by nobody else."""
    settings = folder.load(SERVICE_HOST=host, DEVELOPMENT_MODE="true", REQUIRE_AUTH="false")

    assert settings.server.host == host.strip("[]")


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.168.1.5", "gateway.internal", "localhost.evil.example"])
@pytest.mark.parametrize(("name", "value"), [("DEVELOPMENT_MODE", "true"), ("REQUIRE_AUTH", "false")])
def test_an_open_gateway_that_others_reach_does_not_start(folder: Folder, host: str, name: str, value: str) -> None:
    """Whoever opens it must do so on a loopback address."""
    (problem,) = folder.problems(None, None, SERVICE_HOST=host, **{name: value})

    assert problem.startswith(f"{name}: ")
    assert host in problem
    assert folder.load(SERVICE_HOST=host).server.host == host


@pytest.mark.parametrize("value", ["inf", "nan", "0", "0.0", "-1", "1e3", "1_000", "", "x"])
def test_a_timeout_is_a_plain_number(folder: Folder, value: str) -> None:
    """Words that Python takes for numbers are none here; blank is unset."""
    if not value:
        assert folder.load(REQUEST_TIMEOUT_S=value).process.request_timeout_s == 600
        return
    assert folder.problems(REQUEST_TIMEOUT_S=value) == (
        "REQUEST_TIMEOUT_S: must be a number of seconds greater than 0",
    )


def test_literal_secrets_are_warned_of(folder: Folder) -> None:
    """References and what comes from the environment are not."""
    settings = folder.load(
        """
        [auth]
        keys = ["literal-1", "env://REF", {name = "ci", key = "literal-2"}]
        admin_keys = ["literal-3"]
        [providers.lab]
        kind = "ollama"
        api_key = "literal-4"
        [providers.other]
        kind = "ollama"
        api_keys = ["literal-5"]
        [providers.third]
        kind = "ollama"
        api_key = "os.environ/REF"
        """,
        REF="reference",
        ALLOWED_API_KEYS="from-environment",
        CEREBRAS_API_KEY="from-environment-2",
    )

    warnings = config_warnings(settings)

    assert [warning.partition(":")[0] for warning in warnings] == [
        "auth.keys[0]",
        "auth.keys[2]",
        "auth.admin_keys[0]",
        "providers.lab.api_key",
        "providers.other.api_keys[0]",
    ]
    assert "literal" not in "".join(warnings)


def test_an_unknown_flag_is_a_fault_of_the_program(folder: Folder) -> None:
    """Flags are the command line's own, and no operator's mistake."""
    with pytest.raises(KeyError):
        folder.load(None, {"prot": 1})
