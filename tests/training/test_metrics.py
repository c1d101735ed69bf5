"""The metrics are scikit-learn's, and the intervals are honest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as oracle

from training.metrics import HIGHER_IS_BETTER, Scored, bootstrap, calibration_bins, measure, scored
from training.table import Labels


def rows(count: int, seed: int, digits: int = 9) -> tuple[NDArray[np.float64], Labels]:
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(1, 3, count), digits)
    labels = (random.random(count) < scores).astype(np.int8)
    labels[:2] = (0, 1)
    return scores, labels


@settings(max_examples=40, deadline=None)
@given(count=st.integers(5, 400), seed=st.integers(0, 10_000), digits=st.sampled_from((1, 2, 9)))
def test_every_metric_equals_the_reference_implementation(count: int, seed: int, digits: int) -> None:
    scores, labels = rows(count, seed, digits)
    decided = scores >= 0.3
    expected = {
        "roc_auc": oracle.roc_auc_score(labels, scores),
        "average_precision": oracle.average_precision_score(labels, scores),
        "log_loss": oracle.log_loss(labels, np.clip(scores, 1e-15, 1 - 1e-15)),
        "brier": oracle.brier_score_loss(labels, scores),
        "f1": oracle.f1_score(labels, decided, zero_division=0),
        "precision": oracle.precision_score(labels, decided, zero_division=0),
        "recall": oracle.recall_score(labels, decided),
    }
    found = measure(scored(scores, labels), 0.3)
    assert set(found) == set(HIGHER_IS_BETTER)
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, abs=1e-12), name


def test_calibration_error_is_the_weighted_gap_of_the_bins() -> None:
    scores = np.array([0.05, 0.05, 0.05, 0.05, 0.95, 0.95, 1.0, 1.0])
    labels = np.array([0, 0, 0, 1, 1, 1, 1, 0], np.int8)
    found = scored(scores, labels)
    np.testing.assert_allclose(calibration_bins(found), [(4, 0.05, 0.25), (4, 0.975, 0.75)])
    error = measure(found, 0.5)["expected_calibration_error"]
    assert error == pytest.approx(0.5 * 0.2 + 0.5 * 0.225)


def test_a_threshold_equal_to_a_score_acts_on_it() -> None:
    found = scored(np.array([0.2, 0.4, 0.6]), np.array([0, 1, 1], np.int8))
    assert measure(found, 0.4)["recall"] == 1.0
    assert measure(found, np.nextafter(0.4, 1))["recall"] == 0.5
    assert measure(found, 1.0)["precision"] == 0.0


def test_the_same_labels_and_seed_resample_the_same_rows_whatever_the_scores() -> None:
    scores, labels = rows(500, 1)
    one = bootstrap(scored(scores, labels), 0.3, seed=5)
    shifted = bootstrap(scored(scores**3, labels), 0.027, seed=5)
    for name in ("roc_auc", "average_precision", "f1", "recall"):  # they depend on the order alone
        np.testing.assert_allclose(one[name], shifted[name])


def test_nine_of_ten_and_more_intervals_cover_the_truth() -> None:
    truth = measure(scored(*rows(200_000, 0)), 0.3)
    names = ("roc_auc", "average_precision", "log_loss", "brier", "precision", "recall")
    covered = dict.fromkeys(names, 0)
    for seed in range(1, 31):
        resampled = bootstrap(scored(*rows(300, seed)), 0.3, seed)
        for name in names:
            low, high = np.percentile(resampled[name], (2.5, 97.5))
            covered[name] += low <= truth[name] <= high
    assert all(count >= 26 for count in covered.values()), covered


def test_intervals_of_groups_are_those_of_their_number() -> None:
    """Sixty customers with ten equal rows each: as sixty rows, not as six hundred."""
    random = np.random.default_rng(0)
    labels = (random.random(60) < 0.4).astype(np.int8)
    scores = 1 / (1 + np.exp(-(2.0 * labels - 1 + random.normal(0, 1, 60))))
    groups = np.repeat(np.arange(60), 10)
    many, of = scored(np.repeat(scores, 10), np.repeat(labels, 10)), np.repeat(labels, 10)

    def spread(rows: Scored, units: tuple[NDArray[np.int64], NDArray[np.int64]] | None) -> float:
        return float(bootstrap(rows, 0.5, 1, units)["roc_auc"].std())

    single = spread(scored(scores, labels), None)
    assert spread(many, (groups[of == 1], groups[of == 0])) == pytest.approx(single, rel=0.15)
    assert spread(many, None) < single / 2
