"""Buffered metrics against prometheus_client's own way of counting."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from monitoring import metrics

BUCKETS = (0.001, 0.1, 1.0, 2.5)
VALUES = st.lists(
    st.sampled_from([*BUCKETS, 0.0, -1.0, math.inf, 1e-300]) | st.floats(-10, 10, allow_nan=False), max_size=40
)


def text(registry: CollectorRegistry) -> str:
    """What Prometheus would read, less the time of creation."""
    lines = generate_latest(registry).decode().splitlines()
    return "\n".join(line for line in lines if "_created" not in line)


def histogram() -> tuple[CollectorRegistry, Histogram]:
    registry = CollectorRegistry()
    return registry, Histogram("name", "help", ["label"], buckets=BUCKETS, registry=registry)


@settings(deadline=None, database=None, max_examples=60)
@given(batches=st.lists(VALUES, max_size=4))
def test_buffered_observations_equal_direct_ones(batches: list[list[float]]) -> None:
    direct_registry, direct = histogram()
    buffered_registry, buffered = histogram()
    child, observations = direct.labels("x"), metrics.Observations(buffered.labels("x"))
    total = 0.0
    for batch in batches:
        for value in batch:
            child.observe(value)
            observations.observe(value)
            total += value
        observations.flush()
    without_sum = [
        [line for line in text(registry).splitlines() if "name_sum" not in line]
        for registry in (direct_registry, buffered_registry)
    ]
    assert without_sum[0] == without_sum[1]
    found = buffered_registry.get_sample_value("name_sum", {"label": "x"})
    assert found == pytest.approx(total, nan_ok=True)


def test_nan_is_in_no_bucket_and_stops_nothing() -> None:
    direct_registry, direct = histogram()
    buffered_registry, buffered = histogram()
    observations = metrics.Observations(buffered.labels("x"))
    for value in (math.nan, 0.5):
        direct.labels("x").observe(value)
        observations.observe(value)
    observations.flush()
    assert text(buffered_registry) == text(direct_registry)


@settings(deadline=None, database=None, max_examples=30)
@given(increments=st.lists(st.integers(0, 5)))
def test_a_tally_equals_a_counter(increments: list[int]) -> None:
    registry = CollectorRegistry()
    counter = Counter("name", "help", ["label"], registry=registry)
    tally = metrics.Tally(counter.labels("x"))
    for by in increments:
        tally.inc(by)
    tally.flush()
    tally.flush()
    assert registry.get_sample_value("name_total", {"label": "x"}) == sum(increments)


def test_flush_writes_every_buffer_of_the_process() -> None:
    registry = CollectorRegistry()
    counter = Counter("name", "help", ["label"], registry=registry)
    tallies = [metrics.Tally(counter.labels(str(i))) for i in range(3)]
    for tally in tallies:
        tally.inc()
    metrics.flush()
    assert [registry.get_sample_value("name_total", {"label": str(i)}) for i in range(3)] == [1, 1, 1]


def test_gauges_of_ended_processes_are_dropped_and_everything_else_is_kept(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / f"gauge_livemin_{ended.pid}.db"
    kept = [
        tmp_path / f"gauge_livemin_{os.getpid()}.db",
        tmp_path / f"counter_{ended.pid}.db",
        tmp_path / "gauge_all_1.db",
    ]
    for file in (gone, *kept):
        file.touch()
    metrics._forget_ended(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted(kept)
