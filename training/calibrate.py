"""Which curve from margin to probability the validation rows really support."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from registry.calibration import BinaryCalibration, IsotonicCalibration, SigmoidCalibration
from training.table import Labels

FOLDS = 5
ISOTONIC_FROM = 1000
"""Positives and negatives below which isotonic regression overfits (Niculescu-Mizil and Caruana 2005)."""
MAX_KNOTS = 200

Margins = NDArray[np.float32]


def calibrate(margins: Margins, labels: Labels, seed: int) -> BinaryCalibration:
    """The simplest of identity, sigmoid and isotonic that no other beats clearly on validation rows, shape (rows,).

    Every candidate is judged by the log loss of rows it was not fitted on (five folds). A more complex one must be
    better by more than one standard error of the paired difference: choosing by the rows that fitted it would always
    prefer the most flexible curve.
    """
    best: BinaryCalibration = SigmoidCalibration()
    best_losses = _losses(best.probability(margins), labels)
    if min(labels.sum(), len(labels) - labels.sum()) < 2 * FOLDS:
        return best
    for fit in _candidates(labels):
        losses = _held_out_losses(fit, margins, labels, seed)
        gain = best_losses - losses
        if gain.mean() > gain.std() / np.sqrt(len(gain)):
            best, best_losses = fit(margins, labels), losses
    return best


def _candidates(labels: Labels) -> list[Callable[[Margins, Labels], BinaryCalibration]]:
    positives = int(labels.sum())
    enough = min(positives, len(labels) - positives) >= ISOTONIC_FROM
    return [fit_sigmoid, fit_isotonic] if enough else [fit_sigmoid]


def fit_sigmoid(margins: Margins, labels: Labels) -> BinaryCalibration:
    """Platt scaling by maximum likelihood. Identity when the margins rank the labels the wrong way round."""
    model = LogisticRegression(C=1e6, solver="newton-cholesky").fit(margins.astype(np.float64).reshape(-1, 1), labels)
    slope = float(model.coef_[0, 0])
    if slope <= 0:
        return SigmoidCalibration()
    return SigmoidCalibration(slope=slope, intercept=float(model.intercept_[0]))


def fit_isotonic(margins: Margins, labels: Labels) -> BinaryCalibration:
    """Pool-adjacent-violators, with no probability closer to 0 or 1 than half a row in all rows."""
    edge = 0.5 / len(labels)
    model = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(margins.astype(np.float64), labels)
    knots, values = model.X_thresholds_, model.y_thresholds_
    if len(knots) < 2:
        return SigmoidCalibration()
    if len(knots) > MAX_KNOTS:
        kept = np.unique(np.linspace(0, len(knots) - 1, MAX_KNOTS).astype(int))
        knots, values = knots[kept], values[kept]
    return IsotonicCalibration(margins=tuple(knots.tolist()), probabilities=tuple(values.tolist()))


def _held_out_losses(
    fit: Callable[[Margins, Labels], BinaryCalibration], margins: Margins, labels: Labels, seed: int
) -> NDArray[np.float64]:
    losses = np.empty(len(labels))
    for fitted, judged in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(margins, labels):
        curve = fit(margins[fitted], labels[fitted])
        losses[judged] = _losses(curve.probability(margins[judged]), labels[judged])
    return losses


def _losses(probabilities: NDArray[np.float64], labels: Labels) -> NDArray[np.float64]:
    """The log loss of every row."""
    right = np.where(labels == 1, probabilities, 1 - probabilities)
    return np.asarray(-np.log(np.clip(right, 1e-15, 1)))
