"""What the rows that a version was not fitted on say about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from registry.details import CalibrationBin, Metric, ThresholdRow

Floats = NDArray[np.float64]


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
    """What the test rows say. The threshold alone comes from the rows that calibrated."""

    metrics: tuple[Metric, ...]
    differences: tuple[Difference, ...]
    threshold: float | None = None
    calibration: tuple[CalibrationBin, ...] = ()
    thresholds: tuple[ThresholdRow, ...] = ()

    def value(self, metric: str) -> float:
        """The test value of a metric. Raises KeyError for a name that is not one."""
        return {found.name: found.value for found in self.metrics}[metric]


@dataclass(frozen=True, slots=True)
class Judged:
    """Every metric of one candidate or baseline: its value, and what it is on resampled rows, shape (resamples,).

    The same resamples for all, so that their differences are those of a paired bootstrap.
    """

    values: Mapping[str, float]
    resampled: Mapping[str, Floats] = field(repr=False)


def compare(
    own: Judged, baselines: Mapping[str, Judged], higher_is_better: Mapping[str, bool]
) -> tuple[tuple[Metric, ...], tuple[Difference, ...]]:
    """The candidate's metrics with 95 % percentile intervals beside every baseline's, and the differences.

    A metric that a candidate does not have is left out.
    """
    names = [name for name in higher_is_better if name in own.values]
    metrics = tuple(_metric(name, own, baselines, higher_is_better[name]) for name in names)
    differences = tuple(
        _difference(name, own, baseline, judged)
        for baseline, judged in baselines.items()
        for name in names
        if name in judged.values
    )
    return metrics, differences


def _metric(name: str, own: Judged, baselines: Mapping[str, Judged], higher_is_better: bool) -> Metric:
    low, high = np.percentile(own.resampled[name], (2.5, 97.5))
    return Metric(
        name=name,
        value=own.values[name],
        low=float(low),
        high=float(high),
        higher_is_better=higher_is_better,
        baselines={baseline: judged.values[name] for baseline, judged in baselines.items() if name in judged.values},
    )


def _difference(name: str, own: Judged, baseline: str, other: Judged) -> Difference:
    low, high = np.percentile(own.resampled[name] - other.resampled[name], (2.5, 97.5))
    return Difference(name, baseline, own.values[name], other.values[name], float(low), float(high))
