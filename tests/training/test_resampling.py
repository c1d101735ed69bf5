"""Weights of rows are bootstrap resamples, and the intervals made of them are honest."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluate import Judged, compare
from training.practice.estimate import Measure as OfEstimates
from training.practice.multiclass import Measure as OfClasses
from training.practice.multiclass import softmax
from training.resampling import RESAMPLES, Measure, judged, resamples


def test_a_resample_holds_as_many_rows_as_there_are() -> None:
    drawn = list(resamples(50, 1))
    assert len(drawn) == RESAMPLES[1]
    assert {float(weights.sum()) for weights in drawn} == {50.0}
    assert np.mean(drawn, axis=0) == pytest.approx(np.ones(50), abs=0.2)
    assert np.var(drawn, axis=0).mean() == pytest.approx(1 - 1 / 50, abs=0.05)


def test_many_rows_are_resampled_less_often_but_often_enough() -> None:
    assert sum(1 for _ in resamples(200_000, 1)) == RESAMPLES[0]


def test_whole_groups_are_drawn_so_that_rows_which_err_alike_count_once() -> None:
    groups = np.repeat(np.arange(40), 25) * 3
    values = np.repeat(np.random.default_rng(0).normal(0, 1, 40), 25)
    for weights in resamples(1000, 1, groups):
        assert (weights.reshape(40, 25) == weights[::25, np.newaxis]).all()

    def spread(of: NDArray[np.int64] | None) -> float:
        found = judged(lambda weights: {"m": float(weights @ values / weights.sum())}, 1000, 3, of)
        return float(found.resampled["m"].std())

    assert spread(groups) == pytest.approx(5 * spread(None), rel=0.15)


def test_the_same_seed_draws_the_same_rows_whatever_is_measured() -> None:
    """So that differences of two candidates are those of a paired bootstrap."""
    values = np.random.default_rng(0).normal(0, 1, 80)

    def mean(shift: float) -> Judged:
        return judged(lambda weights: {"mean": float(weights @ (values + shift) / weights.sum())}, 80, seed=3)

    one, other = mean(0.0), mean(5.0)
    np.testing.assert_allclose(other.resampled["mean"] - one.resampled["mean"], 5.0)
    assert one.values["mean"] == pytest.approx(values.mean())


def test_differences_pair_the_resamples_and_a_metric_that_is_lacking_is_left_out() -> None:
    random = np.random.default_rng(0)
    shared = random.normal(0, 1, 1000)
    own = Judged({"rmse": 1.0, "coverage": 0.9}, {"rmse": 1 + shared, "coverage": np.full(1000, 0.9)})
    other = Judged({"rmse": 1.5}, {"rmse": 1.5 + shared + random.normal(0, 1e-3, 1000)})
    metrics, (difference,) = compare(own, {"mean": other}, {"rmse": False, "mase": False, "coverage": True})
    assert [metric.name for metric in metrics] == ["rmse", "coverage"]
    assert metrics[0].baselines == {"mean": 1.5}
    assert metrics[1].baselines == {}
    assert metrics[0].high - metrics[0].low > 3
    assert (difference.metric, difference.baseline) == ("rmse", "mean")
    assert difference.high - difference.low < 0.01
    assert difference.low <= -0.5 <= difference.high


def covered(measured: Callable[[int, int], Measure], metrics: Sequence[str]) -> dict[str, int]:
    """How many of 30 intervals, each from 300 rows, hold what 200 000 rows say."""
    truth = measured(200_000, 0)(np.ones(200_000))
    found = dict.fromkeys(metrics, 0)
    for seed in range(1, 31):
        one = judged(measured(300, seed), 300, seed)
        for metric in metrics:
            low, high = np.percentile(one.resampled[metric], (2.5, 97.5))
            found[metric] += low <= truth[metric] <= high
    return found


def test_nine_of_ten_and_more_intervals_of_estimates_cover_the_truth() -> None:
    def measured(count: int, seed: int) -> Measure:
        random = np.random.default_rng(seed)
        x = random.normal(0, 2, count)
        width = 1 + 0.5 * np.abs(x)
        return OfEstimates(x, x + random.standard_t(6, count), np.column_stack([x - width, x + width]))

    found = covered(measured, ("rmse", "mae", "r2", "coverage", "interval_width"))
    assert all(count >= 26 for count in found.values()), found


def test_nine_of_ten_and_more_intervals_of_classes_cover_the_truth() -> None:
    def measured(count: int, seed: int) -> Measure:
        random = np.random.default_rng(seed)
        margins = random.normal(0, 1, (count, 3))
        return OfClasses(softmax(margins), (1.5 * margins + random.gumbel(size=(count, 3))).argmax(axis=1))

    found = covered(measured, ("log_loss", "accuracy", "macro_roc_auc", "macro_f1", "brier"))
    assert all(count >= 26 for count in found.values()), found
