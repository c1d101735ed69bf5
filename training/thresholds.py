"""The threshold that a policy's rule picks, and what every other one would have done."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import CostThreshold, F1Threshold, FixedThreshold, Threshold
from registry.details import ThresholdRow
from training.table import Labels

GRID = (0.01, 0.02, *(round(0.05 * i, 2) for i in range(1, 20)), 0.98, 0.99)
"""The thresholds that every version's table shows beside its own."""

Floats = NDArray[np.float64]


def miss_costs(rule: Threshold, features: pd.DataFrame) -> Floats | None:
    """What letting each row pass would cost if it were positive, shape (rows,); None for rules without costs.

    A row whose amount is missing counts with the mean of the others.
    """
    if not isinstance(rule, CostThreshold):
        return None
    if isinstance(rule.miss, str):
        amounts = features[rule.miss]
        return np.asarray(amounts.fillna(amounts.mean()), np.float64)
    return np.full(len(features), float(rule.miss))


def choose(rule: Threshold, probabilities: Floats, labels: Labels, misses: Floats | None) -> float:
    """The threshold from 0 to 1 that `rule` picks on these rows, halfway between two neighbouring probabilities.

    0 acts on every row, 1 on (nearly) none. Shapes: probabilities, labels and misses (rows,).
    """
    if isinstance(rule, FixedThreshold):
        return rule.at
    order = np.argsort(-probabilities, kind="stable")
    falling, positive = probabilities[order], labels[order] == 1
    gain = _f1(positive)
    if isinstance(rule, CostThreshold) and misses is not None:
        gain = -_costs(positive, misses[order], rule.alarm)
    boundary = np.append(falling[1:] < falling[:-1], True)
    first = 0 if isinstance(rule, F1Threshold) else -1  # acting on nothing has no F1
    allowed = np.concatenate(([first < 0], boundary))
    acted = int(np.argmax(np.where(allowed, gain, -np.inf)))
    if acted == 0:
        return 1.0
    if acted == len(falling):
        return 0.0
    return float((falling[acted - 1] + falling[acted]) / 2)


def table(
    rule: Threshold, threshold: float, probabilities: Floats, labels: Labels, misses: Floats | None
) -> tuple[ThresholdRow, ...]:
    """What deciding at each threshold of the grid, and at `threshold`, does to these rows."""
    chosen = sorted({*GRID, threshold})
    return tuple(_row(rule, at, probabilities >= at, labels == 1, misses) for at in chosen)


def _row(
    rule: Threshold, at: float, acted: NDArray[np.bool_], positive: NDArray[np.bool_], misses: Floats | None
) -> ThresholdRow:
    hits, alarms = int((acted & positive).sum()), int((acted & ~positive).sum())
    positives, negatives = int(positive.sum()), int((~positive).sum())
    cost = None
    if isinstance(rule, CostThreshold) and misses is not None:
        cost = float(misses[positive & ~acted].sum() + rule.alarm * alarms)
    return ThresholdRow(
        threshold=at,
        precision=hits / max(1, hits + alarms),
        recall=hits / max(1, positives),
        false_positive_rate=alarms / max(1, negatives),
        positive_rate=(hits + alarms) / max(1, len(positive)),
        f1=2 * hits / max(1, hits + alarms + positives),
        cost=cost,
    )


def _f1(positive: NDArray[np.bool_]) -> Floats:
    """F1 of acting on the first k rows, k = 0 .. rows."""
    hits = np.concatenate(([0], np.cumsum(positive)))
    return np.asarray(2 * hits / np.maximum(1, np.arange(len(hits)) + positive.sum()))


def _costs(positive: NDArray[np.bool_], misses: Floats, alarm: float) -> Floats:
    """Cost of acting on the first k rows, k = 0 .. rows: the amounts let through and the alarms raised for nothing."""
    missed = np.where(positive, misses, 0.0)
    through = missed.sum() - np.concatenate(([0.0], np.cumsum(missed)))
    return np.asarray(through + alarm * np.concatenate(([0], np.cumsum(~positive))))
