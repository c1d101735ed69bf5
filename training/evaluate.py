"""How good a candidate is on rows that nothing was chosen on, beside its baselines on the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.definition import Threshold
from registry.details import CalibrationBin, Metric, ThresholdRow
from training import metrics, thresholds
from training.table import Table

Floats = NDArray[np.float64]
Probabilities = tuple[Floats, Floats]
"""Probabilities for the validation rows and for the test rows."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A metric of the candidate minus a baseline's, with the 95 % interval of a paired bootstrap."""

    metric: str
    baseline: str
    candidate_value: float
    baseline_value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What the test rows say. The threshold alone comes from the validation rows."""

    threshold: float
    metrics: tuple[Metric, ...]
    differences: tuple[Difference, ...]
    calibration: tuple[CalibrationBin, ...]
    thresholds: tuple[ThresholdRow, ...]

    def value(self, metric: str) -> float:
        """The test value of a metric. Raises KeyError for a name that is not one."""
        return {found.name: found.value for found in self.metrics}[metric]


def evaluate(
    rule: Threshold,
    validation: Table,
    test: Table,
    candidate: Probabilities,
    baselines: Mapping[str, Probabilities],
    seed: int,
) -> Evaluation:
    """The candidate's metrics with 95 % percentile-bootstrap intervals, and those of every baseline beside them.

    Each is judged at the threshold that `rule` picks for it on the validation rows.
    """
    costs = thresholds.miss_costs(rule, validation.features)
    judged = {name: _judge(rule, validation, test, pair, costs, seed) for name, pair in baselines.items()}
    own = _judge(rule, validation, test, candidate, costs, seed)
    return Evaluation(
        threshold=own.threshold,
        metrics=tuple(_metric(name, own, judged) for name in metrics.HIGHER_IS_BETTER),
        differences=tuple(_difference(m, own, b, judged[b]) for b in judged for m in metrics.HIGHER_IS_BETTER),
        calibration=tuple(
            CalibrationBin(rows=rows, mean_probability=promised, observed_rate=observed)
            for rows, promised, observed in metrics.calibration_bins(own.rows)
        ),
        thresholds=thresholds.table(
            rule, own.threshold, candidate[1], test.labels, thresholds.miss_costs(rule, test.features)
        ),
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    threshold: float
    rows: metrics.Scored
    values: Mapping[str, float]
    resampled: Mapping[str, Floats]


def _judge(
    rule: Threshold, validation: Table, test: Table, pair: Probabilities, costs: Floats | None, seed: int
) -> _Judged:
    threshold = thresholds.choose(rule, pair[0], validation.labels, costs)
    rows = metrics.scored(pair[1], test.labels)
    return _Judged(threshold, rows, metrics.measure(rows, threshold), metrics.bootstrap(rows, threshold, seed))


def _metric(name: str, own: _Judged, baselines: Mapping[str, _Judged]) -> Metric:
    low, high = np.percentile(own.resampled[name], (2.5, 97.5))
    return Metric(
        name=name,
        value=own.values[name],
        low=float(low),
        high=float(high),
        higher_is_better=metrics.HIGHER_IS_BETTER[name],
        baselines={baseline: judged.values[name] for baseline, judged in baselines.items()},
    )


def _difference(name: str, own: _Judged, baseline: str, other: _Judged) -> Difference:
    low, high = np.percentile(own.resampled[name] - other.resampled[name], (2.5, 97.5))
    return Difference(name, baseline, own.values[name], other.values[name], float(low), float(high))
