"""Multiclass models: the probability of every class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from models.definition import METRICS, Definition, Kind
from registry.calibration import TemperatureCalibration
from registry.details import CalibrationBin
from training.evaluate import Evaluation, compare
from training.learners import Linear
from training.practice.base import ByRow, Conclusion, Floats, HeldOut, crossed
from training.resampling import judged
from training.table import Table, Target

PRIOR = "prior"
LOGISTIC_REGRESSION = "logistic_regression"
BINS = 10
BIAS_PENALTY = 20.0
"""Rows at no bias that stand against every class's own: rare classes are not moved by luck."""


@dataclass(frozen=True, slots=True)
class MulticlassPractice:
    """Log loss over all classes, calibrated by a temperature and a bias for each class."""

    classes: int
    linear_baseline: str = LOGISTIC_REGRESSION

    @property
    def objective(self) -> dict[str, Any]:
        return {"objective": "multi:softprob", "num_class": self.classes, "eval_metric": "mlogloss"}

    @property
    def must_beat(self) -> Mapping[str, tuple[str, ...]]:
        return {PRIOR: ("log_loss",)}

    @property
    def must_not_lose_to(self) -> Mapping[str, tuple[str, ...]]:
        return {LOGISTIC_REGRESSION: ("log_loss",)}

    def linear(self, penalty: float, tables: frozenset[int], saturating: frozenset[int]) -> Linear:
        return Linear("logistic", penalty, tables, classes=self.classes)

    def losses(self, margins: Floats, target: Target) -> Floats:
        return np.asarray(np.logaddexp.reduce(margins, axis=1) - margins[np.arange(len(target)), target])

    def conclude(self, definition: Definition, table: Table, held_out: HeldOut) -> Conclusion:
        partition, target = held_out.partition, table.target

        def calibrated(fitted: NDArray[np.intp], applied: NDArray[np.intp]) -> Floats:
            return calibrate(held_out.model[fitted], target[fitted]).probabilities(held_out.model[applied])

        calibration = calibrate(held_out.model[partition.calibration], target[partition.calibration])
        probabilities = crossed(partition, partition.test, calibrated)
        truth = target[partition.test]
        shares = np.bincount(target[partition.fitted], minlength=self.classes) / len(partition.fitted)
        beside = {PRIOR: np.tile(np.clip(shares, 1e-9, 1), (len(truth), 1))}
        for name, found in held_out.baselines.items():
            beside[name] = softmax(found[partition.test])
        seed, groups = definition.recipe.seed, table.groups_of(partition.test)
        compared, differences = compare(
            judged(Measure(probabilities, truth), len(truth), seed, groups),
            {name: judged(Measure(found, truth), len(truth), seed, groups) for name, found in beside.items()},
            METRICS[Kind.MULTICLASS],
        )
        evaluation = Evaluation(compared, differences, calibration=calibration_bins(probabilities, truth))
        return Conclusion(calibration, evaluation, probabilities.max(axis=1), _by_row(probabilities, truth))


def _by_row(probabilities: Floats, target: NDArray[np.int64]) -> ByRow:
    """The errors are those of the likeliest class."""
    losses = -np.log(np.clip(probabilities[np.arange(len(target)), target], 1e-15, 1))
    said, confidence = probabilities.argmax(axis=1), probabilities.max(axis=1)
    return ByRow("log_loss", losses, confidence - (said == target), confidence * (1 - confidence))


def softmax(margins: Floats) -> Floats:
    return np.asarray(np.exp(margins - np.logaddexp.reduce(margins, axis=1)[:, np.newaxis]))


def calibrate(margins: Floats, target: NDArray[np.int64]) -> TemperatureCalibration:
    """The temperature and biases that minimise the log loss, biases held back by `BIAS_PENALTY` rows each."""
    classes = margins.shape[1]
    rows = np.arange(len(target))
    weight = BIAS_PENALTY / len(target)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        sharpness, biases = np.exp(parameters[0]), parameters[1:]
        z = margins * sharpness + biases
        log_sum = np.logaddexp.reduce(z, axis=1)
        surprise = np.exp(z - log_sum[:, np.newaxis])
        surprise[rows, target] -= 1.0
        gradient = np.empty(classes + 1)
        gradient[0] = sharpness * (surprise * margins).sum() / len(target)
        gradient[1:] = surprise.mean(axis=0) + weight * biases
        return float((log_sum - z[rows, target]).mean() + weight * (biases @ biases) / 2), gradient

    found = minimize(loss, np.zeros(classes + 1), jac=True, method="L-BFGS-B").x
    return TemperatureCalibration(temperature=float(np.exp(-found[0])), biases=tuple(found[1:].tolist()))


class Measure:
    """The metrics of probabilities (rows, classes) under weights of the rows."""

    def __init__(self, probabilities: Floats, target: NDArray[np.int64]) -> None:
        rows = np.arange(len(target))
        classes = probabilities.shape[1]
        self._classes = classes
        self._target = target
        self._said = probabilities.argmax(axis=1)
        self._losses = -np.log(np.clip(probabilities[rows, target], 1e-15, 1))
        indicator = np.zeros_like(probabilities)
        indicator[rows, target] = 1.0
        self._squares = ((probabilities - indicator) ** 2).sum(axis=1)
        self._confidence = probabilities[rows, self._said]
        self._bin = np.minimum((self._confidence * BINS).astype(np.intp), BINS - 1)
        self._groups = [np.unique(probabilities[:, k], return_inverse=True)[1] for k in range(classes)]

    def __call__(self, weights: Floats) -> dict[str, float]:
        total = weights.sum()
        right = weights * (self._said == self._target)
        promised = np.bincount(self._bin, weights * self._confidence, BINS)
        observed = np.bincount(self._bin, right, BINS)
        return {
            "log_loss": float(weights @ self._losses / total),
            "accuracy": float(right.sum() / total),
            "macro_roc_auc": self._macro_auc(weights),
            "macro_f1": self._macro_f1(weights, right),
            "brier": float(weights @ self._squares / total),
            "expected_calibration_error": float(np.abs(promised - observed).sum() / total),
        }

    def _macro_f1(self, weights: Floats, right: Floats) -> float:
        hits = np.bincount(self._target, right, self._classes)
        said = np.bincount(self._said, weights, self._classes)
        true = np.bincount(self._target, weights, self._classes)
        return float(np.mean(2 * hits / np.maximum(said + true, 1e-12)))

    def _macro_auc(self, weights: Floats) -> float:
        """The mean over classes of the ROC AUC of a class against all others; resamples without a class skip it."""
        areas = []
        for k, group in enumerate(self._groups):
            positive = np.bincount(group, weights * (self._target == k))
            negative = np.bincount(group, weights * (self._target != k))
            below = np.cumsum(negative) - negative / 2
            pairs = positive.sum() * negative.sum()
            if pairs > 0:
                areas.append(positive @ below / pairs)
        return float(np.mean(areas)) if areas else 0.5


def calibration_bins(probabilities: Floats, target: NDArray[np.int64]) -> tuple[CalibrationBin, ...]:
    """Of the likeliest class: how often it was promised and how often it came."""
    said = probabilities.argmax(axis=1)
    confidence = probabilities.max(axis=1)
    tenth = np.minimum((confidence * BINS).astype(np.intp), BINS - 1)
    return tuple(
        CalibrationBin(
            rows=int(here.sum()),
            mean_probability=float(confidence[here].mean()),
            observed_rate=float((said == target)[here].mean()),
        )
        for here in (tenth == number for number in range(BINS))
        if here.any()
    )
