"""The provider contracts can be run from anywhere, and notice a provider that breaks them."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent

BROKEN = {
    "TestSwallowing": "test_an_answer_that_breaks_off_is_broken[early-eof-stream]",
    "TestChatty": "test_a_refused_credential_is_told_without_a_word[401-whole]",
    "TestVague": "test_an_error_keeps_its_status[429-whole]",
    "TestConfused": "test_an_answer_that_does_not_begin_is_waited_for_so_long[slow-whole]",
    "TestUncounted": "test_a_stream_says_what_the_whole_answer_says[text]",
    "TestForgetful": "test_chunks_tell_what_their_documents_say[text]",
    "TestClinging": "test_closing_a_stream_ends_the_call[silence]",
    "TestLeaking": "test_a_request_has_exactly_its_own_headers[sent-whole]",
    "TestWandering": "test_a_redirect_is_not_followed[302-whole]",
    "TestSilentAboutItself": "test_what_it_cannot_be_shown_in_is_said",
}


def run(folder: Path, name: str, *tests: str) -> dict[str, set[str]]:
    """Run tests of one of the files here, as a test of another project; return them by how they ended."""
    shutil.copy(HERE / name, folder / f"test_{name}")
    (folder / "pytest.ini").write_text("[pytest]\naddopts =\n")
    plugins = ["-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "--tb=no", *plugins, *[f"test_{name}{test}" for test in tests]],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    found: dict[str, set[str]] = {"PASSED": set(), "FAILED": set(), "ERROR": set(), "SKIPPED": set()}
    for outcome, test in re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) \S+?::(\S+)", done.stdout, re.MULTILINE):
        found[outcome].add(test)
    assert found["PASSED"], done.stdout + done.stderr
    return found


def test_an_operator_runs_the_contract_from_outside(tmp_path: Path) -> None:
    """With no conftest and no settings; what cannot be shown is left out, and nothing is skipped."""
    found = run(tmp_path, "example.py", "")

    assert (set(), set(), set()) == (found["FAILED"], found["ERROR"], found["SKIPPED"])
    assert "TestParrot::test_cancelling_ends_the_call[slow-whole]" in found["PASSED"]
    assert not any("redirect" in test for test in found["PASSED"])


@pytest.fixture(scope="module")
def mutants(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    tests = [f"::{mutant}::{test}" for mutant, test in BROKEN.items()]
    return run(tmp_path_factory.mktemp("mutants"), "mutants.py", "::TestSound", *tests)


def test_a_sound_provider_passes(mutants: dict[str, set[str]]) -> None:
    """The others differ from it in one thing each."""
    assert {"TestSound"} == {test.partition("::")[0] for test in mutants["PASSED"]}
    assert "TestSound" not in {test.partition("::")[0] for test in mutants["FAILED"]}
    assert set() == mutants["ERROR"] | mutants["SKIPPED"]


@pytest.mark.parametrize(("mutant", "test"), BROKEN.items())
def test_a_broken_promise_is_noticed(mutants: dict[str, set[str]], mutant: str, test: str) -> None:
    """Each by the test that is about it."""
    assert f"{mutant}::{test}" in mutants["FAILED"]
