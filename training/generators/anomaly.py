"""Synthetic minutes of one web service, a vector of metrics each. None of it is real.

Assumptions:

- Rows: minutes in random order, drawn from some weeks; 1.5 % are anomalies (`is_anomaly`), which learning must not see.
- Normal: requests follow the hour of the day, 60/s at night and 420/s in the afternoon, with a spread of 12 %.
  Processor, connections and disk follow the requests, the size of a request stays what it is; latency and queue bend
  upwards as the processor fills; the cache helps when it is busy.
- Harmless: in one normal minute in twenty a single metric jumps to two to six times its value, such as the disk's in a
  backup. A rule for each metric raises the alarm; operators do not.
- Anomalies, as many of each sort, move several metrics a little (`EFFECTS`): a dependency that is slow, a process that
  takes the processor away, answers that stay empty, a leak of memory and connections, requests that vanish or flood
  against the usual ones of that hour, a cold cache.
- Strength: Gamma distributed around the full effect: about a quarter of the anomalies are too mild to tell.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

RATE = 0.015
HARMLESS_RATE = 0.05
CORES = 40
EFFECTS: tuple[dict[str, float], ...] = (
    {
        "latency_p50_ms": 0.5,
        "latency_p99_ms": 0.9,
        "queue": 1.1,
        "open_connections": 0.4,
        "error_rate": 1.2,
        "cpu": -0.2,
    },
    {"cpu": 0.5, "latency_p50_ms": 0.35, "latency_p99_ms": 0.5, "queue": 0.8, "gc_share": 0.6},
    {"kb_out_per_request": -0.5, "cpu": -0.35, "latency_p50_ms": -0.3, "error_rate": 1.2, "disk_read_mb": -0.8},
    {"memory": 0.25, "gc_share": 1.1, "open_connections": 0.4, "latency_p99_ms": 0.5, "cpu": 0.2},
    {"requests": 0.8, "error_rate": 0.8, "queue": 0.5},
    {"requests": -1.2, "error_rate": 0.8, "latency_p50_ms": 0.3},
    {"cache_hit_rate": -0.12, "disk_read_mb": 0.5, "latency_p50_ms": 0.3, "latency_p99_ms": 0.5, "cpu": 0.15},
)
"""Sort of anomaly -> metric -> the logarithm of what a full-strength anomaly multiplies it by."""
JUMPY = (
    "gc_share",
    "disk_read_mb",
    "disk_write_mb",
    "kb_in_per_request",
    "open_connections",
    "latency_p99_ms",
    "queue",
)
"""The metrics that jump harmlessly."""

Floats = NDArray[np.float64]


class _Factors:
    """What every row's metrics are multiplied by: noise, harmless jumps and anomalies."""

    def __init__(self, random: np.random.Generator, anomalous: NDArray[np.bool_]) -> None:
        rows = len(anomalous)
        self.random = random
        self.sort = np.where(anomalous, random.integers(0, len(EFFECTS), rows), -1)
        self.strength = random.gamma(4.0, 0.25, rows)
        jumps = ~anomalous & (random.random(rows) < HARMLESS_RATE)
        self.jump = np.where(jumps, random.integers(0, len(JUMPY), rows), -1)
        self.height = random.uniform(np.log(2), np.log(6), rows)

    def __call__(self, metric: str, spread: float = 0.0) -> Floats:
        effects = np.array([effect.get(metric, 0.0) for effect in EFFECTS] + [0.0])
        log = self.random.normal(0, spread, len(self.sort)) + effects[self.sort] * self.strength
        if metric in JUMPY:
            log += np.where(self.jump == JUMPY.index(metric), self.height, 0.0)
        return np.asarray(np.exp(log), np.float64)


def generate(rows: int, seed: int) -> pd.DataFrame:
    """`rows` minutes with the features of the anomaly model and `is_anomaly`, 1 or 0."""
    random = np.random.default_rng(seed)
    anomalous = random.random(rows) < RATE
    factors = _Factors(random, anomalous)
    hour = random.uniform(0, 24, rows)
    usual = 240 - 180 * np.cos((hour - 3) / 24 * 2 * np.pi)
    rate = usual * factors("requests", 0.12)
    columns = _load(random, rate, factors)
    columns |= _answers(random, columns, factors)
    columns |= {"requests_vs_usual": rate / usual, "cpu_ms_per_request": CORES * 10 * columns["cpu"] / rate}
    rounded = {name: np.round(values, 4) for name, values in columns.items()}
    return pd.DataFrame(rounded | {"is_anomaly": anomalous.astype(np.int64)})


def _load(random: np.random.Generator, rate: Floats, factors: _Factors) -> dict[str, Floats]:
    """What follows the requests: processor, memory, connections, disk and network."""
    hits = 0.90 + 0.05 * np.tanh(rate / 200) + random.normal(0, 0.012, len(rate))
    hits = np.clip(hits * factors("cache_hit_rate"), 0, 0.999)
    memory = (46 + 0.03 * rate + random.normal(0, 2.5, len(rate))) * factors("memory")
    return {
        "request_rate": rate,
        "cpu": np.clip((6 + 0.13 * rate) * factors("cpu", 0.08), 0.5, 100),
        "memory": np.clip(memory, 5, 99.5),
        "gc_share": np.clip(0.012 * factors("gc_share", 0.3), 0, 0.9),
        "open_connections": np.round((40 + 1.6 * rate) * factors("open_connections", 0.1)),
        "cache_hit_rate": hits,
        "disk_read_mb": (0.3 + 0.12 * (1 - hits) * rate) * factors("disk_read_mb", 0.25),
        "disk_write_mb": (0.5 + 0.012 * rate) * factors("disk_write_mb", 0.2),
        "kb_in_per_request": 4.0 * factors("kb_in_per_request", 0.08),
        "kb_out_per_request": 55.0 * factors("kb_out_per_request", 0.1),
    }


def _answers(random: np.random.Generator, load: dict[str, Floats], factors: _Factors) -> dict[str, Floats]:
    """What callers see: latency and queue bend upwards as the processor fills."""
    full = np.clip(load["cpu"] / 100, 0, 0.97)
    waiting = full / (1 - full)
    p50 = 12 * (1 + 0.6 * waiting) * (4 - 3 * load["cache_hit_rate"]) * factors("latency_p50_ms", 0.07)
    return {
        "latency_p50_ms": p50,
        "latency_p99_ms": np.minimum(p50 * 4.5 * factors("latency_p99_ms", 0.15), 60_000),
        "queue_length": random.poisson(np.minimum((1 + 2.5 * waiting) * factors("queue"), 5_000)).astype(np.float64),
        "error_rate": np.clip(random.beta(2, 900, len(full)) * factors("error_rate"), 0, 1),
    }
