"""Events: a calibrated probability, a threshold by the rule, and what stands beside them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from models.definition import METRICS, F1Threshold, FixedThreshold, Kind
from registry.calibration import SigmoidCalibration
from tests.training import kinds, small
from training.check import check
from training.partition import Partition
from training.practice import practice
from training.practice.base import Floats, HeldOut
from training.practice.binary import BinaryPractice
from training.table import Table


def sides(rows: int) -> Partition:
    side = np.arange(rows) % 3
    fitted, held, test = (np.flatnonzero(side == number) for number in range(3))
    return Partition(((fitted, held),), held, test, "", crossed=False)


def crossed(rows: int) -> Partition:
    every = np.arange(rows)
    folds = tuple((every[every % 5 != k], every[every % 5 == k]) for k in range(5))
    return Partition(folds, every, every, "", crossed=True)


def margins(table: Table, strength: float, seed: int = 0) -> Floats:
    """Twice as sure as they should be."""
    random = np.random.default_rng(seed)
    honest = strength * (2 * table.target - 1) + random.normal(0, np.sqrt(2 * strength), len(table))
    return np.asarray(2 * honest, np.float64)[:, np.newaxis]


@pytest.mark.parametrize("deal", [sides, crossed])
def test_the_conclusion_calibrates_decides_and_compares(deal: object) -> None:
    table = small.table(3000)
    assert callable(deal)
    partition = deal(len(table))
    held_out = HeldOut(partition, margins(table, 1.0), {"logistic_regression": margins(table, 0.3, 1) / 2})
    found = BinaryPractice().conclude(small.definition, table, held_out)
    assert isinstance(found.calibration, SigmoidCalibration)
    assert found.calibration.slope == pytest.approx(0.5, abs=0.1)
    metrics = {metric.name: metric for metric in found.evaluation.metrics}
    assert list(metrics) == list(METRICS[Kind.BINARY])
    assert metrics["roc_auc"].value == pytest.approx(0.841, abs=0.03)
    assert metrics["roc_auc"].baselines["prior"] == 0.5
    assert metrics["log_loss"].value < metrics["log_loss"].baselines["logistic_regression"]
    assert metrics["expected_calibration_error"].value < 0.06
    assert {(one.baseline, one.metric) for one in found.evaluation.differences} == {
        (baseline, metric) for baseline in ("prior", "logistic_regression") for metric in METRICS[Kind.BINARY]
    }
    assert len(found.scores) == len(partition.test) == sum(one.rows for one in found.evaluation.calibration)
    assert found.evaluation.threshold in [row.threshold for row in found.evaluation.thresholds]


def test_the_threshold_follows_the_rule_on_the_rows_that_calibrated() -> None:
    table = small.table(3000)
    held_out = HeldOut(sides(len(table)), margins(table, 1.0), {})
    rules = {"fixed": FixedThreshold(0.37), "f1": F1Threshold()}
    chosen = {
        name: BinaryPractice()
        .conclude(
            kinds.with_policy(small.definition, threshold=rule),
            table,
            held_out,
        )
        .evaluation.threshold
        for name, rule in rules.items()
    }
    assert chosen["fixed"] == 0.37
    assert chosen["f1"] is not None
    assert 0.2 < chosen["f1"] < 0.6
    moved = table.target.copy()
    moved[held_out.partition.test] = 1 - moved[held_out.partition.test]
    other = BinaryPractice().conclude(
        kinds.with_policy(small.definition, threshold=F1Threshold()),
        dataclasses.replace(table, target=moved),
        held_out,
    )
    assert other.evaluation.threshold == chosen["f1"], "the test rows have no say"


def test_losses_are_the_log_loss_of_every_row() -> None:
    target = np.array([1, 0, 1, 0], np.int8)
    found = BinaryPractice().losses(np.array([[0.0], [0.0], [3.0], [1e4]]), target)
    assert found == pytest.approx([np.log(2), np.log(2), np.log1p(np.exp(-3)), 1e4])


def amounts(table: Table, error: float) -> Floats:
    assert table.amounts is not None
    random = np.random.default_rng(2)
    return np.asarray(np.nan_to_num(table.amounts) + random.normal(0, error, len(table)))[:, np.newaxis]


@pytest.mark.parametrize("deal", [sides, crossed])
def test_amounts_are_judged_on_positive_test_rows_beside_their_mean(deal: object) -> None:
    assert callable(deal)
    table = check(kinds.additive_rows(3000), kinds.additive, "rows")
    held_out = HeldOut(deal(len(table)), margins(table, 1.0), {}, amount=amounts(table, 5.0))
    found = practice(kinds.additive).conclude(kinds.additive, table, held_out).evaluation
    metric = found.metrics[-1]
    assert (metric.name, metric.higher_is_better) == ("amount_mae", False)
    assert metric.value == pytest.approx(5 * np.sqrt(2 / np.pi), rel=0.1)
    assert metric.low < metric.value < metric.high
    assert metric.baselines["mean"] > 2 * metric.value
    without = dataclasses.replace(held_out, amount=None)
    names = [one.name for one in practice(kinds.additive).conclude(kinds.additive, table, without).evaluation.metrics]
    assert names == list(METRICS[Kind.BINARY])
