"""Settings become values of the domain."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.memory.keys import key_id
from domain.catalog import Alias, Model, Retry, RouteTable, Target, Timeouts
from domain.keys import AccessPolicy, Key, digest_of
from entrypoints.conversion import access_policy, known_models, route_table, static_keys
from tests.entrypoints.settings_folder import Folder

PEPPER = b"a pepper of at least thirty-two bytes"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_defaults_route_everything_to_custom(folder: Folder) -> None:
    """Without a file, any model is answered in process."""
    assert route_table(folder.load()) == RouteTable({"custom": Timeouts()}, {}, "custom")


def test_timeouts_have_defaults_by_kind(folder: Folder) -> None:
    """Ollama may take long to its first byte; REQUEST_TIMEOUT_S bounds all; a provider's own table goes before both."""
    table = route_table(
        folder.load(
            """
            [providers.lab]
            kind = "openai"
            base_url = "https://host/v1"
            timeouts = { connect_s = 1, first_byte_s = 2.5, total_s = 7 }
            """,
            OLLAMA_HOST="127.0.0.1",
            REQUEST_TIMEOUT_S="90",
        )
    )

    assert table.providers == {
        "custom": Timeouts(total_s=90),
        "ollama": Timeouts(total_s=90, stream_first_byte_s=300),
        "lab": Timeouts(connect_s=1, first_byte_s=2.5, total_s=7),
    }


def test_an_alias_is_taken_over_whole(folder: Folder) -> None:
    """Targets, retry and fallbacks; members to set are JSON text."""
    table = route_table(
        folder.load(
            """
            [models.fast]
            targets = [
              { provider = "custom", model = "a", weight = 3, set = { keep_alive = "30m", n = 1 } },
              { provider = "custom", model = "b", priority = 2, default = { stop = ["ä"], o = { x = 0.2 } } },
            ]
            retry = { attempts = 2, base_s = 0, max_s = 1 }
            fallback_on = ["context_length_exceeded"]
            [models."openai/gpt"]
            targets = [{ provider = "custom", model = "custom" }]
            """
        )
    )

    assert table.aliases == {
        "fast": Alias(
            "fast",
            (
                Target("custom", "a", 3, 1, {"keep_alive": b'"30m"', "n": b"1"}),
                Target("custom", "b", 1, 2, {}, {"stop": '["ä"]'.encode(), "o": b'{"x":0.2}'}),
            ),
            None,
            Retry(2, 0, 1),
            frozenset({"context_length_exceeded"}),
        ),
        "openai/gpt": Alias("openai/gpt", (Target("custom", "custom"),), None, Retry(1, 0.5, 5)),
    }


TIMED = """
[providers.slow]
kind = "openai"
base_url = "https://slow/v1"
timeouts = {{ total_s = 1200, first_byte_s = 500 }}
[providers.fixed]
kind = "openai"
base_url = "https://fixed/v1"
timeouts = {{ first_byte_s = 20 }}
[models.fast]
targets = [{targets}]
timeouts = {{ idle_s = 9 }}
"""


@pytest.mark.parametrize(
    ("providers", "expected"),
    [
        (["custom"], Timeouts(idle_s=9)),
        (["custom", "ollama"], Timeouts(idle_s=9, stream_first_byte_s=300)),
        (["custom", "slow"], Timeouts(idle_s=9, total_s=1200, stream_first_byte_s=500)),
        (["slow", "fixed"], Timeouts(idle_s=9, total_s=1200, first_byte_s=500, stream_first_byte_s=500)),
    ],
)
def test_an_alias_with_timeouts_leaves_its_providers_their_time(
    folder: Folder, providers: list[str], expected: Timeouts
) -> None:
    """What its table does not name is the longest of its targets' providers."""
    targets = ", ".join(f"{{ provider = '{name}', model = 'm' }}" for name in providers)

    table = route_table(folder.load(TIMED.format(targets=targets), OLLAMA_HOST="127.0.0.1"))

    assert table.aliases["fast"].timeouts == expected


def test_keys_are_digests_with_ids_that_tell_nothing(folder: Folder) -> None:
    """A key goes by its name, or by an id that is the same at every start."""
    settings = folder.load("[auth]\nkeys = [{ name = 'ci', key = 'secret-1', weight = 2 }, 'secret-2']")

    keys = static_keys(settings.auth.keys, PEPPER)

    unnamed = digest_of("secret-2", PEPPER)
    assert keys == (Key("ci", digest_of("secret-1", PEPPER), "ci", 2), Key(key_id(unnamed), unnamed))
    assert keys == static_keys(settings.auth.keys, PEPPER)
    assert "secret" not in repr(keys)


@pytest.mark.parametrize(
    ("environ", "required"), [({}, True), ({"REQUIRE_AUTH": "false"}, False), ({"DEVELOPMENT_MODE": "true"}, False)]
)
def test_who_is_let_in(folder: Folder, environ: dict[str, str], required: bool) -> None:
    """A key is needed unless the environment says otherwise."""
    assert access_policy(folder.load(None, None, **environ), PEPPER) == AccessPolicy(PEPPER, required)


def test_named_models_are_known(folder: Folder) -> None:
    """Those of providers without a list are not: they are asked for."""
    settings = folder.load("[providers.lab]\nkind = 'ollama'\nmodels = ['a', 'b']")

    assert known_models(settings).models == {"lab": (Model("a"), Model("b"))}
