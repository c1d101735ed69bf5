"""Several classes: probabilities that mean what they say."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn import metrics as oracle

from models.definition import METRICS, Kind
from registry.calibration import TemperatureCalibration
from tests.training import kinds
from training.check import check
from training.partition import Partition
from training.practice import practice
from training.practice.base import Floats, HeldOut
from training.practice.multiclass import Measure, MulticlassPractice, calibrate, calibration_bins, softmax

CLASSES = 4


def drawn(count: int, seed: int, spread: float = 1.5) -> tuple[Floats, NDArray[np.int64]]:
    """True margins, and classes that come with their softmax."""
    random = np.random.default_rng(seed)
    margins = random.normal(0, spread, (count, CLASSES)) + np.array([0.5, 0.0, -0.5, -1.5])
    return margins, np.asarray((margins + random.gumbel(size=margins.shape)).argmax(axis=1), np.int64)


def loss(probabilities: Floats, target: NDArray[np.int64]) -> float:
    return float(-np.log(probabilities[np.arange(len(target)), target]).mean())


@pytest.mark.parametrize("sharpness", [0.3, 1.0, 4.0])
@pytest.mark.parametrize("biases", [(0.0, 0.0, 0.0, 0.0), (1.0, -0.5, 0.0, 0.5)])
def test_a_known_distortion_is_undone(sharpness: float, biases: tuple[float, ...]) -> None:
    margins, target = drawn(40_000, 1)
    distorted = (margins + np.array(biases)) * sharpness
    found = calibrate(distorted, target)
    assert found.temperature == pytest.approx(sharpness, rel=0.05)
    undone = np.array(found.biases) - np.mean(found.biases)
    assert undone == pytest.approx(np.mean(biases) - np.array(biases), abs=0.06)
    fresh, truth = drawn(20_000, 2)
    probabilities = found.probabilities((fresh + np.array(biases)) * sharpness)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(probabilities, softmax(fresh), rtol=0, atol=0.03)
    assert loss(probabilities, truth) == pytest.approx(loss(softmax(fresh), truth), abs=0.002)


def test_margins_that_are_right_are_left_nearly_as_they_are() -> None:
    found = calibrate(*drawn(40_000, 3))
    assert found.temperature == pytest.approx(1, abs=0.03)
    assert np.abs(np.array(found.biases)).max() < 0.06


def test_few_rows_of_a_rare_class_do_not_move_its_probability_far() -> None:
    """With all 60 rows of other classes a class without a row would vanish, were its bias free."""
    margins, target = drawn(60, 4)
    found = calibrate(margins, np.minimum(target, 2))
    assert found.biases[3] > -2.5
    assert found.probabilities(margins)[:, 3].mean() > 0.001


def test_noise_for_margins_gives_the_shares_of_the_classes() -> None:
    random = np.random.default_rng(5)
    target = random.choice(4, 20_000, p=[0.6, 0.3, 0.08, 0.02])
    found = calibrate(random.normal(0, 3, (20_000, 4)), np.asarray(target, np.int64))
    probabilities = found.probabilities(random.normal(0, 3, (2_000, 4)))
    np.testing.assert_allclose(probabilities.mean(axis=0), [0.6, 0.3, 0.08, 0.02], atol=0.01)
    assert np.ptp(probabilities, axis=0).max() < 0.15


def test_the_probability_that_is_promised_comes() -> None:
    margins, target = drawn(40_000, 6)
    for bin_ in calibration_bins(softmax(margins), target):
        noise = 4 * np.sqrt(0.25 / bin_.rows)
        assert bin_.observed_rate == pytest.approx(bin_.mean_probability, abs=noise)
    assert sum(bin_.rows for bin_ in calibration_bins(softmax(margins), target)) == 40_000


def test_metrics_are_scikit_learn_s_also_under_weights() -> None:
    margins, target = drawn(500, 7)
    probabilities = np.round(softmax(margins), 3)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    said = probabilities.argmax(axis=1)
    for weights in (np.ones(500), np.random.default_rng(1).integers(0, 4, 500).astype(float)):
        found = Measure(probabilities, target)(weights)
        assert list(found) == list(METRICS[Kind.MULTICLASS])
        repeated = np.repeat(np.arange(500), weights.astype(int))
        areas = [
            oracle.roc_auc_score(target[repeated] == k, probabilities[repeated, k]) for k in range(CLASSES)
        ]  # fmt: skip
        assert found["macro_roc_auc"] == pytest.approx(np.mean(areas), abs=1e-12)
        expected = np.clip(probabilities, 1e-15, 1)
        assert found["log_loss"] == pytest.approx(loss(expected[repeated], target[repeated]))
        assert found["accuracy"] == pytest.approx(oracle.accuracy_score(target[repeated], said[repeated]))
        assert found["macro_f1"] == pytest.approx(oracle.f1_score(target[repeated], said[repeated], average="macro"))
        squares = ((probabilities - np.eye(CLASSES)[target]) ** 2).sum(axis=1)
        assert found["brier"] == pytest.approx(np.average(squares, weights=weights))


def test_a_resample_without_a_class_has_metrics_all_the_same() -> None:
    margins, target = drawn(60, 8)
    weights = (target != 3).astype(float)
    found = Measure(softmax(margins), target)(weights)
    assert all(np.isfinite(value) for value in found.values())


def test_losses_are_those_of_the_softmax() -> None:
    margins, target = drawn(100, 9)
    losses = MulticlassPractice(classes=4).losses(margins, target)
    np.testing.assert_allclose(losses, -np.log(softmax(margins)[np.arange(100), target]))
    assert np.isfinite(MulticlassPractice(classes=4).losses(margins * 1e4, target)).all()


@pytest.mark.parametrize("crossed", [True, False])
def test_the_conclusion_calibrates_and_stands_beside_its_baselines(crossed: bool) -> None:
    table = check(kinds.several_rows(2000), kinds.several, "rows")
    kind = practice(kinds.several)
    assert isinstance(kind, MulticlassPractice)
    random = np.random.default_rng(0)
    truth = 1.2 * np.eye(3)[table.target] + random.normal(0, 1, (2000, 3))
    rows = np.arange(2000)
    if crossed:
        folds = tuple((rows[rows % 5 != k], rows[rows % 5 == k]) for k in range(5))
        partition = Partition(folds, rows, rows, "", crossed=True)
    else:
        side = rows % 3
        partition = Partition(((rows[side == 0], rows[side == 1]),), rows[side == 1], rows[side == 2], "", False)
    found = kind.conclude(kinds.several, table, HeldOut(partition, truth * 5, {"logistic_regression": truth * 0}))
    assert isinstance(found.calibration, TemperatureCalibration)
    metrics = {metric.name: metric for metric in found.evaluation.metrics}
    assert list(metrics) == list(METRICS[Kind.MULTICLASS])
    overconfident = loss(softmax(truth[partition.test] * 5), table.target[partition.test])
    assert metrics["log_loss"].value < overconfident - 0.05
    assert metrics["log_loss"].baselines["logistic_regression"] == pytest.approx(np.log(3), abs=1e-6)
    assert metrics["log_loss"].value < metrics["log_loss"].baselines["prior"]
    assert metrics["macro_roc_auc"].baselines["prior"] == 0.5
    assert metrics["log_loss"].low < metrics["log_loss"].value < metrics["log_loss"].high
    assert found.evaluation.threshold is None
    assert sum(bin_.rows for bin_ in found.evaluation.calibration) == len(partition.test) == len(found.scores)
    assert found.scores.min() >= 1 / 3
