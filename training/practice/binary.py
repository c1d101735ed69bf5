"""Binary models: the probability of an event."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.definition import METRICS, BinaryPolicy, Definition, Kind
from registry.details import CalibrationBin, Metric
from training import metrics, thresholds
from training.calibrate import calibrate
from training.evaluate import Evaluation, Judged, compare
from training.learners import Linear
from training.practice.base import ByRow, Conclusion, Floats, HeldOut, crossed
from training.resampling import Groups
from training.table import Labels, Table, Target

PRIOR = "prior"
LOGISTIC_REGRESSION = "logistic_regression"


@dataclass(frozen=True, slots=True)
class BinaryPractice:
    """Log loss, a sigmoid or isotonic calibration, a threshold by the policy's rule."""

    classes: int = 2
    linear_baseline: str = LOGISTIC_REGRESSION

    @property
    def objective(self) -> dict[str, Any]:
        return {"objective": "binary:logistic", "eval_metric": "logloss"}

    @property
    def must_beat(self) -> Mapping[str, tuple[str, ...]]:
        return {PRIOR: ("log_loss",)}

    @property
    def must_not_lose_to(self) -> Mapping[str, tuple[str, ...]]:
        """A tie is allowed: where the truth is linear nothing can beat the logistic regression."""
        return {LOGISTIC_REGRESSION: ("roc_auc", "log_loss")}

    def linear(self, penalty: float, tables: frozenset[int], saturating: frozenset[int]) -> Linear:
        return Linear("logistic", penalty, tables)

    def losses(self, margins: Floats, target: Target) -> Floats:
        return np.asarray(np.logaddexp(0.0, np.where(target == 1, -margins[:, 0], margins[:, 0])))

    def conclude(self, definition: Definition, table: Table, held_out: HeldOut) -> Conclusion:
        policy, seed = definition.policy, definition.recipe.seed
        assert isinstance(policy, BinaryPolicy)
        partition, margins = held_out.partition, held_out.model[:, 0].astype(np.float32)

        def calibrated(fitted: np.ndarray, applied: np.ndarray) -> Floats:
            return calibrate(margins[fitted], table.target[fitted], seed).probability(margins[applied])

        calibration = calibrate(margins[partition.calibration], table.target[partition.calibration], seed)
        choosing = table.take(partition.calibration)
        testing = table.take(partition.test)
        costs = thresholds.miss_costs(policy.threshold, choosing.features)

        def decided(scores: Floats, tests: Floats) -> tuple[float, Judged, metrics.Scored]:
            threshold = thresholds.choose(policy.threshold, scores, choosing.target, costs)
            rows = metrics.scored(tests, testing.target)
            resampled = metrics.bootstrap(rows, threshold, seed, _by_label(testing))
            return threshold, Judged(metrics.measure(rows, threshold), resampled), rows

        scores = calibration.probability(margins[partition.calibration])
        tests = crossed(partition, partition.test, calibrated)
        threshold, own, rows = decided(scores if not partition.crossed else tests, tests)
        beside = {PRIOR: decided(*self._prior(table.target, held_out))[1]}
        for name, found in held_out.baselines.items():
            probabilities = 1 / (1 + np.exp(-found[:, 0]))
            beside[name] = decided(probabilities[partition.calibration], probabilities[partition.test])[1]
        compared, differences = compare(own, beside, METRICS[Kind.BINARY])
        evaluation = Evaluation(
            metrics=(*compared, *_amount_metrics(table, held_out, seed)),
            differences=differences,
            threshold=threshold,
            calibration=tuple(
                CalibrationBin(rows=count, mean_probability=promised, observed_rate=observed)
                for count, promised, observed in metrics.calibration_bins(rows)
            ),
            thresholds=thresholds.table(
                policy.threshold,
                threshold,
                tests,
                testing.target,
                thresholds.miss_costs(policy.threshold, testing.features),
            ),
        )
        return Conclusion(calibration, evaluation, tests, _by_row(tests, testing.target))

    def _prior(self, target: Labels, held_out: HeldOut) -> tuple[Floats, Floats]:
        rate = float(target[held_out.partition.fitted].mean())
        return np.full(len(held_out.partition.calibration), rate), np.full(len(held_out.partition.test), rate)


def _by_label(table: Table) -> tuple[Groups, Groups] | None:
    """The groups of the positives and of the negatives."""
    if table.groups is None:
        return None
    return table.groups[table.target == 1], table.groups[table.target == 0]


def _by_row(probabilities: Floats, labels: Labels) -> ByRow:
    positive = labels == 1
    losses = -np.log(np.clip(np.where(positive, probabilities, 1 - probabilities), 1e-15, 1))
    return ByRow("log_loss", losses, probabilities - positive, probabilities * (1 - probabilities), positive)


def _amount_metrics(table: Table, held_out: HeldOut, seed: int) -> list[Metric]:
    """The mean absolute error of the amounts of positive test rows, beside that of their mean."""
    if held_out.amount is None or table.amounts is None:
        return []
    test = held_out.partition.test
    rows = test[(table.target[test] == 1) & ~np.isnan(table.amounts[test]) & ~np.isnan(held_out.amount[test, 0])]
    fitted = held_out.partition.fitted
    mean = float(np.nanmean(table.amounts[fitted][table.target[fitted] == 1]))
    errors = np.abs(table.amounts[rows] - held_out.amount[rows, 0])
    random = np.random.default_rng(seed)
    drawn = [errors[random.integers(0, len(errors), len(errors))].mean() for _ in range(500)]
    low, high = np.percentile(drawn, (2.5, 97.5))
    beside = float(np.abs(table.amounts[rows] - mean).mean())
    return [
        Metric(
            name="amount_mae",
            value=float(errors.mean()),
            low=float(low),
            high=float(high),
            higher_is_better=False,
            baselines={"mean": beside},
        )
    ]
