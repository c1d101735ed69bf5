from __future__ import annotations

import math
from typing import Any

import pytest

from benchmarks.job import Outcome
from benchmarks.summary import Series, percentile, summarize


def outcome(**changes: Any) -> Outcome:
    settings: dict[str, Any] = {
        "seconds": 2.0,
        "completed": 100,
        "latencies": [n / 1000 for n in range(1, 101)],
        "statuses": {"200": 100},
        "sampled": 10,
        "cpu_share": 0.25,
    }
    return Outcome(**{**settings, **changes})


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [percentile(values, share) for share in (0.0, 0.5, 0.99, 0.991, 1.0)] == [1.0, 50.0, 99.0, 100.0, 100.0]
    assert percentile([7.0], 0.99) == 7.0
    assert math.isnan(percentile([], 0.5))


def test_a_run_is_told_in_requests_per_second_and_milliseconds() -> None:
    run = summarize(outcome())
    assert (run.rate, run.p50, run.p99, run.worst) == (50.0, 50.0, 99.0, 100.0)
    assert run.ceiling == 200.0


def test_wrong_answers_do_not_count() -> None:
    assert summarize(outcome(wrong=5)).rate == 25.0


def test_failures_are_other_statuses_broken_connections_and_silence() -> None:
    assert summarize(outcome(statuses={"200": 90, "503": 7, "500": 3}, errors=2, unanswered=1)).failed == 13


@pytest.mark.parametrize(("cpu", "delayed", "saturated"), [(0.95, 0.0, True), (0.5, 0.45, True), (0.5, 0.1, False)])
def test_a_generator_without_time_to_spare_is_saturated(cpu: float, delayed: float, saturated: bool) -> None:
    assert summarize(outcome(cpu_share=cpu, delayed_share=delayed)).saturated is saturated


def test_a_series_gives_medians_of_figures_and_sums_of_counts() -> None:
    runs = tuple(summarize(outcome(completed=n, errors=1), others_cpu=n / 1000) for n in (100, 300, 120))
    series = Series("x", "y", runs)
    assert series.rate == 60.0
    assert series.failed == 3
    assert series.statuses == {"200": 300}
    assert series.others_cpu == 0.12
