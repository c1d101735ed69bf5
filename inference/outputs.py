"""What a model call gives for every row, kind by kind.

All kinds begin with the columns MARGIN and SCORE; further columns are the kind's own, and explanations follow them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from inference.estimator import Estimator, Rows
from models.definition import Definition, Kind
from registry.calibration import (
    BinaryCalibration,
    Calibration,
    IntervalCalibration,
    IsolationCalibration,
    IsotonicCalibration,
    SigmoidCalibration,
    TemperatureCalibration,
)

MARGIN, SCORE, OWN = 0, 1, 2
"""Columns of a model call's output; a kind's own columns begin at OWN."""
AMOUNT = OWN
"""Of a binary model with an amount."""
LOW, HIGH = OWN, OWN + 1
"""Of an estimate: its interval."""
FIRST_PROBABILITY = OWN
"""Of several classes: the first one's probability."""
Outputs = NDArray[np.float64]


class Scoring(Protocol):
    """From encoded rows to outputs. `width` is the number of columns before the contributions."""

    width: int

    def __call__(self, rows: Rows) -> Outputs:
        """Rows (n, columns) -> (n, width)."""

    def explained(self, outputs: Outputs) -> NDArray[np.intp] | int:
        """Which output of the estimator explains each row's margin: one for all, or (n,)."""


class BinaryScoring:
    """Margin and probability, and the amount where the model has one."""

    def __init__(self, estimator: Estimator, calibration: BinaryCalibration, amount: Estimator | None) -> None:
        self._estimator = estimator
        self._calibration = calibration
        self._amount = amount
        self.width = OWN if amount is None else OWN + 1

    def __call__(self, rows: Rows) -> Outputs:
        margins = self._estimator.margins(rows)[:, 0]
        outputs = np.empty((len(rows), self.width))
        outputs[:, MARGIN] = margins
        outputs[:, SCORE] = self._calibration.probability(margins)
        if self._amount is not None:
            outputs[:, AMOUNT] = np.maximum(self._amount.margins(rows)[:, 0], 0.0)
        return outputs

    def explained(self, outputs: Outputs) -> int:
        return 0


class MulticlassScoring:
    """The likeliest class's margin and probability, then the probability of every class."""

    def __init__(self, estimator: Estimator, calibration: TemperatureCalibration) -> None:
        self._estimator = estimator
        self._calibration = calibration
        self.width = OWN + estimator.outputs

    def __call__(self, rows: Rows) -> Outputs:
        margins = self._estimator.margins(rows)
        probabilities = self._calibration.probabilities(margins)
        likeliest = probabilities.argmax(axis=1)[:, np.newaxis]
        outputs = np.empty((len(rows), self.width))
        outputs[:, MARGIN] = np.take_along_axis(margins, likeliest, axis=1)[:, 0]
        outputs[:, SCORE] = np.take_along_axis(probabilities, likeliest, axis=1)[:, 0]
        outputs[:, FIRST_PROBABILITY:] = probabilities
        return outputs

    def explained(self, outputs: Outputs) -> NDArray[np.intp]:
        return np.asarray(outputs[:, FIRST_PROBABILITY : self.width].argmax(axis=1), np.intp)


class EstimateScoring:
    """The estimate, twice, and the ends of its interval."""

    width = HIGH + 1

    def __init__(self, estimator: Estimator, calibration: IntervalCalibration, quantiles: Estimator | None) -> None:
        self._estimator = estimator
        self._calibration = calibration
        self._quantiles = quantiles

    def __call__(self, rows: Rows) -> Outputs:
        estimates = self._estimator.margins(rows)[:, 0]
        bounds = None if self._quantiles is None else self._quantiles.margins(rows)
        outputs = np.empty((len(rows), self.width))
        outputs[:, MARGIN] = outputs[:, SCORE] = estimates
        outputs[:, LOW], outputs[:, HIGH] = self._calibration.interval(estimates, bounds)
        return outputs

    def explained(self, outputs: Outputs) -> int:
        return 0


class IsolationScoring:
    """Minus the mean path length over its expectation, and the anomaly score."""

    width = OWN

    def __init__(self, estimator: Estimator, calibration: IsolationCalibration) -> None:
        self._estimator = estimator
        self._calibration = calibration

    def __call__(self, rows: Rows) -> Outputs:
        margins = self._estimator.margins(rows)
        return np.hstack([margins.astype(np.float64), self._calibration.score(margins)])

    def explained(self, outputs: Outputs) -> int:
        return 0


def scoring(definition: Definition, calibration: Calibration, estimators: dict[str, Estimator]) -> Scoring:
    """How a version scores. Raises ValueError when its parts are not those of the model's kind."""
    estimator = estimators["model"]
    match definition.kind, calibration:
        case Kind.MULTICLASS, TemperatureCalibration(biases=biases) if estimator.outputs == len(biases):
            return MulticlassScoring(estimator, calibration)
        case ((Kind.REGRESSION | Kind.FORECAST | Kind.OPTIMISER), IntervalCalibration()) if estimator.outputs == 1:
            return EstimateScoring(estimator, calibration, estimators.get("interval"))
        case Kind.ANOMALY, IsolationCalibration() if estimator.outputs == 1:
            return IsolationScoring(estimator, calibration)
        case Kind.BINARY, (SigmoidCalibration() | IsotonicCalibration()) if estimator.outputs == 1:
            return BinaryScoring(estimator, calibration, estimators.get("amount"))
    raise ValueError(
        f"a {definition.kind} model cannot have {estimator.outputs} outputs with {calibration.method} calibration"
    )
