"""Quantities: an estimate and the interval around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.definition import METRICS, Definition, Expansion, RegressionPolicy
from registry.calibration import IntervalCalibration
from training.evaluate import Evaluation, compare
from training.learners import Linear
from training.practice.base import ByRow, Conclusion, Floats, HeldOut, crossed
from training.resampling import judged
from training.table import Table, Target

MEAN = "mean"
LINEAR_REGRESSION = "linear_regression"


@dataclass(frozen=True, slots=True)
class EstimatePractice:
    """Squared error; the interval is conformal, around learned quantiles where there are such."""

    classes: int = 1
    linear_baseline: str = LINEAR_REGRESSION

    @property
    def objective(self) -> dict[str, Any]:
        return {"objective": "reg:squarederror", "eval_metric": "rmse"}

    @property
    def must_beat(self) -> Mapping[str, tuple[str, ...]]:
        return {MEAN: ("rmse",)}

    @property
    def must_not_lose_to(self) -> Mapping[str, tuple[str, ...]]:
        return {LINEAR_REGRESSION: ("rmse",)}

    def linear(self, penalty: float, tables: frozenset[int], saturating: frozenset[int]) -> Linear:
        return Linear("squares", penalty, tables, saturating)

    def losses(self, margins: Floats, target: Target) -> Floats:
        return np.asarray((margins[:, 0] - target) ** 2)

    def conclude(self, definition: Definition, table: Table, held_out: HeldOut) -> Conclusion:
        partition, target = held_out.partition, table.target
        coverage = coverage_of(definition)
        estimates = held_out.model[:, 0]

        def interval(fitted: NDArray[np.intp], applied: NDArray[np.intp]) -> Floats:
            bounds = None if held_out.quantiles is None else held_out.quantiles
            found = calibrate(estimates[fitted], at(bounds, fitted), target[fitted], coverage)
            return np.column_stack(found.interval(estimates[applied], at(bounds, applied)))

        rows = partition.calibration
        calibration = calibrate(estimates[rows], at(held_out.quantiles, rows), target[rows], coverage)
        truth = target[partition.test]
        own = Measure(estimates[partition.test], truth, crossed(partition, partition.test, interval))
        beside = {MEAN: np.full(len(truth), float(target[partition.fitted].mean()))}
        beside |= {name: found[partition.test, 0] for name, found in held_out.baselines.items()}
        seed, groups = definition.recipe.seed, table.groups_of(partition.test)
        compared, differences = compare(
            judged(own, len(truth), seed, groups),
            {name: judged(Measure(found, truth), len(truth), seed, groups) for name, found in beside.items()},
            METRICS[definition.kind],
        )
        tests = estimates[partition.test]
        return Conclusion(calibration, Evaluation(compared, differences), tests, by_row(tests, truth))


def by_row(estimates: Floats, truth: Floats) -> ByRow:
    return ByRow("mae", np.abs(estimates - truth), estimates - truth)


def coverage_of(definition: Definition) -> float:
    policy = definition.policy
    assert isinstance(policy, RegressionPolicy | Expansion)
    return policy.coverage


def calibrate(
    estimates: Floats, bounds: Floats | None, target: Floats, coverage: float, independent: int | None = None
) -> IntervalCalibration:
    """The margin that makes intervals hold `coverage` of these rows.

    It has the finite-sample correction, for `independent` rows where not all of them are.
    """
    lower, upper = (estimates, estimates) if bounds is None else (bounds.min(axis=1), bounds.max(axis=1))
    outside = np.maximum(lower - target, target - upper)
    share = min(1.0, coverage * (1 + 1 / (independent or len(outside))))
    return IntervalCalibration(coverage=coverage, margin=float(np.quantile(outside, share, method="higher")))


class Measure:
    """The metrics of estimates (rows,) and their intervals (rows, 2) under weights of the rows."""

    def __init__(self, estimates: Floats, target: Floats, interval: Floats | None = None) -> None:
        self._errors = target - estimates
        self._target = target
        self._held = self._width = None
        if interval is not None:
            self._held = ((interval[:, 0] <= target) & (target <= interval[:, 1])).astype(np.float64)
            self._width = interval[:, 1] - interval[:, 0]

    def __call__(self, weights: Floats) -> dict[str, float]:
        total = weights.sum()
        mean = weights @ self._target / total
        squares = float(weights @ self._errors**2)
        spread = float(weights @ (self._target - mean) ** 2)
        found = {
            "rmse": float(np.sqrt(squares / total)),
            "mae": float(weights @ np.abs(self._errors) / total),
            "r2": 1 - squares / spread if spread > 0 else 0.0,
        }
        if self._held is not None and self._width is not None:
            found["coverage"] = float(weights @ self._held / total)
            found["interval_width"] = float(weights @ self._width / total)
        return found


def at(values: Floats | None, rows: NDArray[np.intp]) -> Floats | None:
    """The rows of `values`, where there are such."""
    return None if values is None else values[rows]
