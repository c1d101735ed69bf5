"""Anomaly models: learned without a target, measured against one where it is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from models.definition import METRICS, AnomalyPolicy, Definition, Kind
from registry.calibration import IsolationCalibration
from training import metrics
from training.encode import Matrix
from training.evaluate import Evaluation, Judged, compare
from training.practice.base import ByRow, Conclusion, Floats
from training.resampling import judged
from training.table import Table

LARGEST_Z = "largest_z_score"
MUST_NOT_LOSE_TO: Mapping[str, tuple[str, ...]] = {LARGEST_Z: ("average_precision",)}


def largest_z(fitted: Matrix, applied: Matrix) -> Floats:
    """The baseline: how many standard deviations the most unusual column of each row lies from its mean, (rows,)."""
    known = np.maximum(1, (~np.isnan(fitted)).sum(axis=0))
    mean = np.nansum(fitted, axis=0, dtype=np.float64) / known
    deviation = np.sqrt(np.nansum((fitted - mean) ** 2, axis=0) / known)
    distance = np.abs(applied - mean) / np.where(deviation > 0, deviation, 1.0)
    return np.asarray(np.nan_to_num(distance).max(axis=1), np.float64)


def conclude(
    definition: Definition,
    validation: Floats,
    test: Floats,
    truth: Table,
    baseline: tuple[Floats, Floats],
) -> Conclusion:
    """`validation` and `test` are margins (rows,), `baseline` the scores of `largest_z` for both."""
    policy = definition.policy
    assert isinstance(policy, AnomalyPolicy)
    calibration = IsolationCalibration()
    scores, tests = calibration.score(validation), calibration.score(test)
    threshold = float(np.quantile(scores, 1 - policy.share))
    if definition.target is None or not 0 < truth.target.sum() < len(truth):
        own = judged(flagged(tests >= threshold), len(tests), definition.recipe.seed)
        beside: dict[str, Judged] = {}
    else:
        own = _against_truth(tests, truth, threshold, definition.recipe.seed)
        limit = float(np.quantile(baseline[0], 1 - policy.share))
        beside = {LARGEST_Z: _against_truth(baseline[1], truth, limit, definition.recipe.seed)}
    compared, differences = compare(own, beside, METRICS[Kind.ANOMALY])
    by_row = ByRow("flagged", (tests >= threshold).astype(np.float64))
    return Conclusion(calibration, Evaluation(compared, differences, threshold=threshold), tests, by_row)


def flagged(above: NDArray[np.bool_]) -> Callable[[Floats], dict[str, float]]:
    """The share of rows above the threshold, all that can be said without a truth."""
    return lambda weights: {"flagged": float(weights @ above / weights.sum())}


def _against_truth(scores: Floats, truth: Table, threshold: float, seed: int) -> Judged:
    """Ranking and decision; the metrics of probabilities mean nothing for anomaly scores."""
    highest = max(float(scores.max()), 1e-12)
    rows = metrics.scored(scores / highest, truth.target)
    kept = ("roc_auc", "average_precision", "precision", "recall")
    values = metrics.measure(rows, threshold / highest)
    resampled = metrics.bootstrap(rows, threshold / highest, seed)
    share = flagged(scores >= threshold)
    shares = judged(share, len(scores), seed)
    drawn = {name: resampled[name] for name in kept} | {"flagged": shares.resampled["flagged"]}
    return Judged({name: values[name] for name in kept} | dict(shares.values), drawn)
