"""Anomalies: a threshold by the share, and a judgement where the truth is known."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, precision_score, recall_score, roc_auc_score

from registry.calibration import IsolationCalibration
from tests.training import kinds
from training.check import check
from training.practice import Conclusion, anomaly
from training.practice.base import Floats
from training.table import Table

SHARE = 0.05


def drawn(rows: int, seed: int) -> tuple[Table, Floats, Floats]:
    """Rows, margins that know a good deal of the truth, and a baseline that knows little."""
    table = check(kinds.odd_rows(rows, seed), kinds.odd, "rows")
    random = np.random.default_rng(seed)
    margins = np.clip(-1.0 + 0.35 * table.target + random.normal(0, 0.1, rows), -3, -0.05)
    return table, margins, np.abs(random.normal(0, 1, rows)) + 0.3 * table.target


def conclude(truth: Table, test: Floats, baseline: Floats, definition: object = kinds.odd) -> Conclusion:
    from models.definition import Definition

    assert isinstance(definition, Definition)
    _, validation, beside = drawn(2000, 1)
    return anomaly.conclude(definition, validation, test, truth, (beside, baseline))


def test_the_threshold_leaves_the_stated_share_of_validation_rows_above() -> None:
    truth, test, baseline = drawn(1500, 2)
    found = conclude(truth, test, baseline)
    assert found.calibration == IsolationCalibration()
    scores = IsolationCalibration().score(drawn(2000, 1)[1])
    assert found.evaluation.threshold is not None
    assert (scores >= found.evaluation.threshold).mean() == pytest.approx(SHARE, abs=1e-3)
    np.testing.assert_array_equal(found.scores, IsolationCalibration().score(test))


def test_metrics_against_a_truth_are_scikit_learn_s() -> None:
    truth, test, baseline = drawn(1500, 2)
    found = conclude(truth, test, baseline)
    assert found.evaluation.threshold is not None
    above = found.scores >= found.evaluation.threshold
    values = {metric.name: metric.value for metric in found.evaluation.metrics}
    expected = {
        "roc_auc": roc_auc_score(truth.target, found.scores),
        "average_precision": average_precision_score(truth.target, found.scores),
        "precision": precision_score(truth.target, above),
        "recall": recall_score(truth.target, above),
        "flagged": above.mean(),
    }
    assert values == pytest.approx(expected)
    beside = {metric.name: metric.baselines["largest_z_score"] for metric in found.evaluation.metrics}
    assert beside["roc_auc"] == pytest.approx(roc_auc_score(truth.target, baseline))
    assert beside["average_precision"] < values["average_precision"]
    assert {difference.baseline for difference in found.evaluation.differences} == {"largest_z_score"}
    for metric in found.evaluation.metrics:
        assert metric.low <= metric.value <= metric.high


@pytest.mark.parametrize("known", ["nothing", "no anomaly", "only anomalies"])
def test_without_a_truth_all_that_is_said_is_how_many_are_flagged(known: str) -> None:
    truth, test, baseline = drawn(1500, 2)
    definition = dataclasses.replace(kinds.odd, target=None) if known == "nothing" else kinds.odd
    target = np.full(1500, known == "only anomalies", np.int8)
    found = conclude(dataclasses.replace(truth, target=target), test, baseline, definition)
    (metric,) = found.evaluation.metrics
    assert metric.name == "flagged"
    assert found.evaluation.threshold is not None
    assert metric.value == pytest.approx((found.scores >= found.evaluation.threshold).mean())
    assert metric.baselines == {}
    assert found.evaluation.differences == ()


def test_the_baseline_is_the_largest_distance_in_standard_deviations() -> None:
    fitted = np.array([[0.0, 5], [2, 5], [4, np.nan]], np.float32)
    applied = np.array([[2, 5], [2, 7], [8, np.nan], [np.nan, np.nan]], np.float32)
    deviation = np.std([0, 2, 4])
    assert anomaly.largest_z(fitted, applied) == pytest.approx([0, 2, 6 / deviation, 0])


def test_the_baseline_takes_columns_without_a_single_value() -> None:
    fitted = np.array([[0.0, np.nan], [2, np.nan]], np.float32)
    assert anomaly.largest_z(fitted, fitted) == pytest.approx([1, 1])
