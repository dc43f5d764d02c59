"""What is wrong with providers, aliases and routing is told with its path, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from entrypoints.secret import Secret
from tests.entrypoints.settings_folder import EVERYWHERE, Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


# --- providers


def test_a_key_in_the_environment_enables_cerebras(folder: Folder) -> None:
    """Without a file too; its URL may come from the environment, without the /v1 that other clients want."""
    plain = folder.load(CEREBRAS_API_KEY="csk-1").providers["cerebras"]
    other = folder.load(CEREBRAS_API_KEY="csk-1", CEREBRAS_BASE_URL="http://127.0.0.1:9000/v1/").providers["cerebras"]

    assert (plain.kind, plain.base_url, plain.credential) == ("cerebras", "https://api.cerebras.ai", Secret("csk-1"))
    assert other.base_url == "http://127.0.0.1:9000"
    assert "cerebras" not in folder.load(CEREBRAS_BASE_URL="http://127.0.0.1:9000").providers


def test_the_environment_completes_a_declared_cerebras(folder: Folder) -> None:
    """It gives the key that the file leaves out, and goes before what the file says."""
    bare = "[providers.cerebras]\nkind = 'cerebras'\nmodels = ['m']\n"
    one = folder.load(bare, CEREBRAS_API_KEY="from-env").providers["cerebras"]
    both = folder.load(
        bare + "api_keys = ['from-file']\nbase_url = 'https://file.example'",
        CEREBRAS_API_KEY="from-env",
        CEREBRAS_BASE_URL="https://env.example",
    ).providers["cerebras"]

    assert (one.credential, one.models) == (Secret("from-env"), ("m",))
    assert (both.credential, both.base_url) == (Secret("from-env"), "https://env.example")


def test_a_host_in_the_environment_enables_ollama(folder: Folder) -> None:
    """By Ollama's own rules, and with leave to reach private addresses."""
    ollama = folder.load(OLLAMA_HOST="gpu-box:11434").providers["ollama"]
    declared = folder.load("[providers.ollama]\nkind = 'ollama'", OLLAMA_HOST=EVERYWHERE).providers["ollama"]
    alone = folder.load("[providers.ollama]\nkind = 'ollama'\nbase_url = 'http://127.0.0.1:1/v1'").providers["ollama"]

    assert (ollama.base_url, ollama.allow_private) == ("http://gpu-box:11434", True)
    assert declared.base_url == "http://127.0.0.1:11434"
    assert alone.base_url == "http://127.0.0.1:1"
    assert folder.load("[providers.ollama]\nkind = 'ollama'").providers["ollama"].base_url == "http://127.0.0.1:11434"


def test_a_name_of_another_kind_is_left_alone(folder: Folder) -> None:
    """Where `cerebras` or `ollama` is declared as something else, the environment does not touch it."""
    settings = folder.load(
        "[providers.cerebras]\nkind = 'custom'\n[providers.ollama]\nkind = 'custom'",
        CEREBRAS_API_KEY="csk-1",
        OLLAMA_HOST="127.0.0.1",
    )

    assert {"custom"} == {provider.kind for provider in settings.providers.values()}


def test_a_declared_custom_is_the_one_there_is(folder: Folder) -> None:
    """The built-in one gives way to a provider of its name."""
    custom = folder.load("[providers.custom]\nkind = 'openai'\nbase_url = 'https://host/v1'").providers["custom"]

    assert (custom.kind, custom.base_url) == ("openai", "https://host/v1")


PROVIDER_PROBLEMS = {
    "openai without URL": ("kind = 'openai'", "base_url: is missing"),
    "cerebras without key": ("kind = 'cerebras'", "api_key: is missing"),
    "both kinds of keys": ("kind = 'ollama'\napi_key = 'a'\napi_keys = ['b']", "api_keys: cannot stand beside"),
    "several keys": ("kind = 'ollama'\napi_keys = ['a', 'b']", "api_keys: holds several credentials"),
    "no keys": ("kind = 'ollama'\napi_keys = []", "api_keys: is empty"),
    "handler elsewhere": ("kind = 'ollama'\nhandler = 'a:B'", "handler: is for kind custom only"),
    "no handler": ("kind = 'custom'\nhandler = 'a.b'", "handler: must name a class"),
    "URL for custom": ("kind = 'custom'\nbase_url = 'http://h'", "base_url: means nothing for kind custom"),
    "key for custom": ("kind = 'custom'\napi_key = 'k'", "api_key: means nothing for kind custom"),
    "kind": ("kind = 'other'", "kind: must be one of cerebras, ollama, openai, custom"),
    "kind of a type": ("kind = ['openai']", "kind: must be one of"),
    "no kind": ("base_url = 'x'", "kind: is missing"),
    "unknown key": ("kind = 'custom'\nbaseurl = 'x'", "baseurl: is an unknown key; did you mean base_url?"),
    "type": ("kind = 'ollama'\nbase_url = 5", "base_url: must be a string"),
    "no boolean": ("kind = 'ollama'\nallow_private = 1", "allow_private: must be true or false"),
    "models": ("kind = 'ollama'\nmodels = 'abc'", "models: must be a list"),
    "model twice": ("kind = 'ollama'\nmodels = ['a', 'a']", "models: names something twice"),
    "blank model": ("kind = 'ollama'\nmodels = [' ']", "models: must not be empty"),
    "timeouts": ("kind = 'ollama'\ntimeouts = {idle_s = 0}", "timeouts.idle_s: must be a number greater than 0"),
    "infinite": ("kind = 'ollama'\ntimeouts = {idle_s = inf}", "timeouts.idle_s: must be a number greater than 0"),
    "huge": (f"kind = 'ollama'\ntimeouts = {{idle_s = {10**400}}}", "timeouts.idle_s: is too great a number"),
    "truth": ("kind = 'ollama'\ntimeouts = {idle_s = true}", "timeouts.idle_s: must be a number"),
    "private name": ("kind = 'openai'\nbase_url = 'http://lab/v1'", "base_url: sends the credential in the clear"),
    "link-local": ("kind = 'ollama'\nbase_url = 'http://169.254.169.254'", "base_url: is a link-local address"),
}


@pytest.mark.parametrize(("toml", "expected"), PROVIDER_PROBLEMS.values(), ids=PROVIDER_PROBLEMS)
def test_a_wrong_provider_is_named_by_its_path(folder: Folder, toml: str, expected: str) -> None:
    """One problem, with the path of the key and what to do."""
    (problem,) = folder.problems(f"[providers.lab]\n{toml}")

    assert problem.startswith(f"providers.lab.{expected}")


@pytest.mark.parametrize("name", ["v1", "V1", "admin", "docs", "metrics", "healthz", "livez", "readyz"])
def test_names_of_the_gateways_own_paths_are_refused(folder: Folder, name: str) -> None:
    """A provider of that name could not be reached."""
    (problem,) = folder.problems(f"[providers.{name}]\nkind = 'custom'")

    assert problem.startswith(f"providers.{name}: is a name that paths of the gateway itself begin with")


@pytest.mark.parametrize("name", ["", "a/b", "-a", "a b", "ä", "a.b", "openapi.json", "x" * 65])
def test_other_names_that_are_no_path_are_refused(folder: Folder, name: str) -> None:
    """Letters, digits, hyphens and underscores only."""
    (problem,) = folder.problems(f'[providers."{name}"]\nkind = "custom"')

    assert problem.startswith("providers.")
    assert "must be at most 64 letters, digits, - or _" in problem or "openapi.json" in problem


# --- aliases and routing

FAST = "[models.fast]\ntargets = [{provider = 'custom', model = 'm'}]\n"
ALIAS_PROBLEMS = {
    "no targets": ("[models.fast]", "models.fast.targets: is missing"),
    "empty": ("[models.fast]\ntargets = []", "models.fast.targets: is empty"),
    "unknown provider": (
        "[models.fast]\ntargets = [{provider = 'custom', model = 'm'}, {provider = 'lab', model = 'm'}]",
        "models.fast.targets[1].provider: 'lab' is no provider here; there are: custom",
    ),
    "not yet": (FAST + "strategy = 'cheapest'", "models.fast.strategy: 'cheapest' is not supported yet; use weighted"),
    "never": (FAST + "strategy = 'best'", "models.fast.strategy: must be weighted"),
    "attempts": (FAST + "retry = {attempts = 4}", "models.fast.retry.attempts: must be a whole number from 1 to 3"),
    "half an attempt": (FAST + "retry = {attempts = 1.5}", "models.fast.retry.attempts: must be a whole number"),
    "wait": (FAST + "retry = {base_s = -1}", "models.fast.retry.base_s: must be 0 or a greater number"),
    "fallback": (FAST + "fallback_on = ['']", "models.fast.fallback_on: must not be empty"),
    "name": (
        "[models.\"\\u0001\"]\ntargets = [{provider = 'custom', model = 'm'}]",
        'models."\\u0001": must have a name',
    ),
    "date": (
        "[models.fast]\ntargets = [{provider = 'custom', model = 'm', set = {a = [1979-05-27]}}]",
        "models.fast.targets[0].set: must hold what JSON can",
    ),
    "nan": (
        "[models.fast]\ntargets = [{provider = 'custom', model = 'm', default = {a = {b = nan}}}]",
        "models.fast.targets[0].default: must hold what JSON can",
    ),
    "model set": (
        "[models.fast]\ntargets = [{provider = 'custom', model = 'm', set = {model = 'x'}}]",
        "models.fast.targets[0].set: must not hold 'model'",
    ),
    "weight": (
        "[models.fast]\ntargets = [{provider = 'custom', model = 'm', weight = 0}]",
        "models.fast.targets[0].weight: must be a number greater than 0",
    ),
    "priority": (
        "[models.fast]\ntargets = [{provider = 'custom', model = 'm', priority = -1}]",
        "models.fast.targets[0].priority: must be 0 or a greater number",
    ),
    "default": ("[routing]\ndefault_provider = 'lab'", "routing.default_provider: 'lab' is no provider here"),
    "table": ("routing = 5", "routing: must be a table"),
    "tables": ("providers = 5", "providers: must be a table"),
    "unknown table": ("[server]\n[routes]", "routes: is an unknown key; did you mean"),
    "far off": ("[zzz]", "zzz: is an unknown key; there are: server, auth, providers, models, routing"),
}


@pytest.mark.parametrize(("toml", "expected"), ALIAS_PROBLEMS.values(), ids=ALIAS_PROBLEMS)
def test_wrong_routing_is_named_by_its_path(folder: Folder, toml: str, expected: str) -> None:
    """One problem, at the place where the operator wrote it."""
    (problem,) = folder.problems(toml)

    assert problem.startswith(expected)


def test_a_provider_that_is_wrong_itself_is_known(folder: Folder) -> None:
    """What is missing only because of another problem is no problem of its own."""
    told = folder.problems(
        """[providers.lab]
        kind = "opnai"
        [models.fast]
        targets = [{provider = "lab", model = "m"}]
        [routing]
        default_provider = "lab\""""
    )

    assert [problem.partition(":")[0] for problem in told] == ["providers.lab.kind"]


def test_all_problems_come_at_once(folder: Folder) -> None:
    """Those of the file, of the environment, and those between settings, each once and in its place."""
    told = folder.problems(
        """
        [server]
        port = "8000"
        prot = 1
        [auth]
        keys = ["env://NONE", 5, {nme = "x", key = "file:///none"}]
        [providers.v1]
        kind = "openai"
        [providers.lab]
        kind = "openai"
        base_url = "ftp://host"
        api_key = 5
        [models.fast]
        targets = [{}, 7, {provider = "none", model = "m", weight = 0}]
        [routing]
        default_provider = "none"
        """,
        SERVICE_HOST=EVERYWHERE,
        LOG_LEVEL="loud",
        REQUIRE_AUTH="false",
        KEY_PEPPER="short",
        REQUEST_TIMEOUT_S="-1",
        DATABASE_URL="postgresql://user:canary@host/db",
        REDIS_URL="redis://:canary@host",
        ENABLE_SECURITY_HEADERS="maybe",
    )

    assert [problem.partition(": ")[0] for problem in told] == [
        "LOG_LEVEL",
        "REQUEST_TIMEOUT_S",
        "ENABLE_SECURITY_HEADERS",
        "KEY_PEPPER",
        "DATABASE_URL",
        "REDIS_URL",
        "server.port",
        "server.prot",
        "auth.keys[0]",
        "auth.keys[1]",
        "auth.keys[2].key",
        "auth.keys[2].nme",
        "providers.lab.api_key",
        "models.fast.targets[0].provider",
        "models.fast.targets[0].model",
        "models.fast.targets[1]",
        "models.fast.targets[2].weight",
        "providers.v1",
        "providers.v1.base_url",
        "providers.lab.base_url",
        "models.fast.targets[2].provider",
        "routing.default_provider",
        "REQUIRE_AUTH",
    ]
    assert "canary" not in "".join(told)


def test_problems_of_the_environment_name_the_variable(folder: Folder) -> None:
    """Although what it sets stands in a table."""
    told = folder.problems(
        CEREBRAS_API_KEY="k", CEREBRAS_BASE_URL="https://u:p@host", OLLAMA_HOST="169.254.0.1", SERVICE_HOST="a b"
    )

    assert [problem.partition(":")[0] for problem in told] == ["SERVICE_HOST", "CEREBRAS_BASE_URL", "OLLAMA_HOST"]
