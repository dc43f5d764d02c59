"""Requests are counted, with labels from closed sets."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.telemetry.metrics import MAX_ROUTES, SHARED_FOLDER_VARIABLE, Metrics, forget_worker
from domain.journey import Ending
from domain.ports.observer import Observer
from domain.usage import Usage
from tests.adapters.telemetry.records import record

ROOT = Path(__file__).parents[3]
WORKER = """
import sys
from adapters.telemetry.metrics import Metrics
from tests.adapters.telemetry.records import record
metrics = Metrics(["lab"])
for _ in range(int(sys.argv[1])):
    metrics.request_finished(record())
sys.stdout.buffer.write(metrics.render()[1])
"""


def samples(text: bytes) -> dict[tuple[str, tuple[str, ...]], float]:
    """Return the samples by name and label values, but for buckets and the process's own."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if sample.name.startswith("gateway_") and not sample.name.endswith(("_bucket", "_created"))
    }


def test_requests_are_counted() -> None:
    """By ending, method, provider, route and status; with their durations and tokens."""
    metrics = Metrics(["lab"])
    observer: Observer = metrics

    for _ in range(3):
        observer.request_finished(record())

    assert samples(metrics.render()[1]) == {
        ("gateway_requests_total", ("finished", "POST", "lab", "/v1/chat/completions", "200")): 3,
        ("gateway_request_duration_seconds_count", ("/v1/chat/completions",)): 3,
        ("gateway_request_duration_seconds_sum", ("/v1/chat/completions",)): 1.125,
        ("gateway_upstream_duration_seconds_count", ("lab",)): 3,
        ("gateway_upstream_duration_seconds_sum", ("lab",)): 0.75,
        ("gateway_tokens_total", ("prompt", "lab")): 33,
        ("gateway_tokens_total", ("completion", "lab")): 21,
        ("gateway_tokens_total", ("cached", "lab")): 9,
        ("gateway_tokens_total", ("reasoning", "lab")): 6,
        ("gateway_log_lines_dropped_total", ()): 0,
        ("gateway_event_loop_lag_seconds_count", ()): 0,
        ("gateway_event_loop_lag_seconds_sum", ()): 0,
    }


def test_how_late_the_loop_is_can_be_seen() -> None:
    """What holds the loop up for more than a tenth of a second is told from what does not."""
    metrics = Metrics([])

    for lag_s in (0.0, 0.004, 0.15):
        metrics.loop_lagged(lag_s)

    text = metrics.render()[1].decode()
    assert 'gateway_event_loop_lag_seconds_bucket{le="0.1"} 2.0' in text
    assert 'gateway_event_loop_lag_seconds_bucket{le="0.25"} 3.0' in text


def test_the_answer_is_the_text_that_prometheus_reads() -> None:
    """With its content type, and what the process itself uses."""
    content_type, text = Metrics([]).render()

    assert content_type == "text/plain; version=0.0.4; charset=utf-8"
    assert b"process_resident_memory_bytes" in text


def test_a_request_that_no_provider_saw_counts_for_none() -> None:
    """No upstream time, no tokens."""
    metrics = Metrics(["lab"])

    metrics.request_finished(
        record(provider="", attempts=0, status=401, usage=None, ending=Ending.REFUSED, route="/v1/models", method="GET")
    )

    counted = samples(metrics.render()[1])
    assert counted["gateway_requests_total", ("refused", "GET", "none", "/v1/models", "401")] == 1
    assert not any(name.startswith(("gateway_upstream", "gateway_tokens")) for name, _ in counted)


def count_random_names(number: int) -> tuple[Metrics, bytes]:
    """Count requests in which every name is a new one; return the metrics and their text."""
    metrics = Metrics(["lab", "other-lab"])
    for each in range(number):
        metrics.request_finished(
            record(
                model=f"canary-{each}",
                caller=f"canary-{each}",
                request_id=f"canary-{each}",
                error=f"canary-{each}",
                method=f"CANARY{each}",
                provider=f"canary-{each}",
                status=10_000 + each,
                route="/v1/chat/completions" if each % 2 else f"/canary-route/{each}",
            )
        )
    return metrics, metrics.render()[1]


@pytest.mark.parametrize("number", [10_000, pytest.param(100_000, marks=pytest.mark.soak)])
def test_random_names_make_no_labels(number: int) -> None:
    """However many models, keys, ids, methods, providers and routes: few series, and none named by them."""
    metrics, text = count_random_names(number)

    counted = samples(text)
    assert sum(value for (name, _), value in counted.items() if name == "gateway_requests_total") == number
    assert len(counted) < 10 * MAX_ROUTES
    assert len(metrics._requests) == 0
    assert b"canary-" not in text.replace(b"canary-route", b"")
    assert text.count(b"CANARY") == 0


def test_what_recurs_is_looked_up_once() -> None:
    """The children of a combination are kept, so that a request costs no look-up of labels."""
    metrics = Metrics(["lab"])

    for status in (200, 200, 500):
        metrics.request_finished(record(status=status))

    assert len(metrics._requests) == 2


def test_negative_counts_of_a_provider_are_not_counted() -> None:
    """A provider that counts below nothing breaks no counter."""
    metrics = Metrics(["lab"])

    metrics.request_finished(record(usage=Usage(prompt_tokens=-5)))

    assert samples(metrics.render()[1])["gateway_tokens_total", ("prompt", "lab")] == 0


def test_dropped_log_lines_are_counted() -> None:
    """An operator sees that the log has gaps."""
    metrics = Metrics([])

    metrics.log_lines_dropped(7)

    assert samples(metrics.render()[1])["gateway_log_lines_dropped_total", ()] == 7


def test_several_workers_count_together(tmp_path: Path) -> None:
    """Whichever worker is asked answers for all, those that have died included."""
    environ = {**os.environ, SHARED_FOLDER_VARIABLE: str(tmp_path)}  # noqa: TID251 - passed on to the worker
    texts = []
    for requests in ("2", "3"):
        worker = subprocess.run(
            [sys.executable, "-c", WORKER, requests], cwd=ROOT, env=environ, capture_output=True, check=True
        )
        texts.append(worker.stdout)
    forget_worker(12_345, tmp_path)

    name = ("gateway_requests_total", ("finished", "POST", "lab", "/v1/chat/completions", "200"))
    assert [samples(text)[name] for text in texts] == [2, 5]
    assert samples(texts[1])["gateway_request_duration_seconds_count", ("/v1/chat/completions",)] == 5


@pytest.mark.parametrize("bad", ["", "x" * 10_000, "\n"])
def test_odd_methods_are_other(bad: str) -> None:
    """A method is one of HTTP's, or other."""
    metrics = Metrics(["lab"])

    metrics.request_finished(record(method=bad))

    assert ("gateway_requests_total", ("finished", "other", "lab", "/v1/chat/completions", "200")) in samples(
        metrics.render()[1]
    )
