"""Prometheus metrics of a serving worker. Every label has a bounded set of values: nothing a caller sends becomes one.

With several workers, each writes to its own file under `PROMETHEUS_MULTIPROC_DIR` and `render` adds them up; that
variable must be set before this module is imported. Every metric has a label, if only one with one value: without any
it would write its file at once, also in processes for which there is no folder.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LATENCY_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
STAGE_BUCKETS = (0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2.0)
ROW_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
SCORE_BUCKETS = tuple(round(0.1 * i, 1) for i in range(1, 11))

requests = Counter("tiffin_requests", "Requests answered", ["route", "method", "status"])
latency = Histogram(
    "tiffin_request_duration_seconds", "Time from a request's arrival to its answer", ["route"], buckets=LATENCY_BUCKETS
)
stage = Histogram(
    "tiffin_stage_duration_seconds",
    "Time in one stage of a model call: score, explain; queue_score and queue_explain are the oldest row's wait",
    ["model", "stage"],
    buckets=STAGE_BUCKETS,
)
batch_rows = Histogram("tiffin_batch_rows", "Rows of one model call", ["model", "stage"], buckets=ROW_BUCKETS)
connections = Gauge("tiffin_connections", "Connections by what they are: open", ["state"], multiprocess_mode="livesum")
connections_ended = Counter(
    "tiffin_connections_ended",
    "Connections ended because of their client: silent, slow headers or body, not reading its answer, one too many",
    ["reason"],
)
listeners = Gauge(
    "tiffin_stream_listeners", "Connections that listen to the live stream", ["transport"], multiprocess_mode="livesum"
)
lookups = Counter(
    "tiffin_feature_lookups", "Entities whose features were asked for, by how they were found", ["view", "outcome"]
)
cache_failures = Counter(
    "tiffin_cache_failures",
    "Calls that Redis did not answer, or that were not made as it did not answer just before: features, predictions",
    ["use"],
)
spool_bytes = Gauge(
    "tiffin_spool_bytes",
    "Predictions on local disk that PostgreSQL does not have yet",
    ["spool"],
    multiprocess_mode="livemax",
)
spool_age = Gauge(
    "tiffin_spool_oldest_seconds",
    "How long the oldest of them has been waiting",
    ["spool"],
    multiprocess_mode="livemax",
)
ledger_rows = Gauge(
    "tiffin_ledger_rows",
    "Predictions since the shipper's start: shipped, rejected, fed to the live stream, feed_skipped",
    ["outcome"],
    multiprocess_mode="livemax",
)
predictions = Counter("tiffin_predictions", "Predictions answered", ["model", "version", "role", "level"])
scores = Histogram("tiffin_score", "Scores of answered predictions", ["model"], buckets=SCORE_BUCKETS)
model_up = Gauge(
    "tiffin_model_up", "1 when the model is loaded, 0 when it cannot answer", ["model"], multiprocess_mode="livemin"
)
dependency_up = Gauge(
    "tiffin_dependency_up",
    "1 when the dependency answers, or the shipper runs",
    ["dependency"],
    multiprocess_mode="livemin",
)


class Tally:
    """A counter's child whose increments are written together by `flush`: 0.05 us instead of 2 each.

    `prometheus_client` shares its values between processes through a memory-mapped file, and packs, checks and locks at
    every increment. What is not flushed when a process is killed is lost.
    """

    def __init__(self, child: Any) -> None:
        self._child = child
        self.pending = 0
        _buffered.append(self)

    def inc(self, by: int = 1) -> None:
        self.pending += by

    def flush(self) -> None:
        pending, self.pending = self.pending, 0
        if pending:
            self._child.inc(pending)


class Observations:
    """A histogram's child whose observations are written together by `flush`."""

    def __init__(self, child: Any) -> None:
        self._child = child
        self._pending: list[float] = []
        self.observe = self._pending.append
        self.observe_all = self._pending.extend
        _buffered.append(self)

    def flush(self) -> None:
        if not self._pending:
            return
        values = np.array(self._pending)
        self._pending.clear()
        places = np.searchsorted(self._child._upper_bounds, values)
        # NaN stands behind the last bucket and is in none, as with prometheus_client itself.
        for bucket, count in zip(self._child._buckets, np.bincount(places).tolist(), strict=False):
            if count:
                bucket.inc(count)
        self._child._sum.inc(float(values.sum()))


_buffered: list[Tally | Observations] = []


def flush() -> None:
    """Write everything that this process has buffered."""
    for buffer in _buffered:
        buffer.flush()


def render() -> bytes:
    """The metrics of all workers in the Prometheus text format. Other workers' may lag by their flush interval."""
    folder = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if folder is None:
        return generate_latest(REGISTRY)
    _forget_ended(Path(folder))
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def _forget_ended(folder: Path) -> None:
    """Drop the gauges of workers that were killed: what was true of them says nothing about now.

    BentoML does not call `mark_process_dead`, which `prometheus_client` leaves to whoever supervises the workers.
    """
    for file in folder.glob("gauge_live*.db"):
        if not psutil.pid_exists(int(file.stem.rpartition("_")[2])):
            file.unlink(missing_ok=True)
