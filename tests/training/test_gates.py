"""What is not good enough is refused with the reason."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from models.definition import F1Threshold, Gate
from tests.training import small
from training.evaluate import Evaluation, Floats, evaluate
from training.gates import gate_results, misses
from training.table import Labels


@cache
def evaluation_of(candidate: str, regression: str) -> Evaluation:
    """A candidate and a logistic regression that each are 'good', 'fair', 'useless' or 'overconfident'."""
    validation, test = small.table(2000, 1), small.table(2000, 2)

    def scores(quality: str, labels: Labels, seed: int) -> Floats:
        random = np.random.default_rng(seed)
        signal = {"good": 2.0, "fair": 0.8, "useless": 0.0, "overconfident": 2.0}[quality]
        odds = signal * (2 * labels - 1) + random.normal(0, 1.5, len(labels))
        return np.asarray(1 / (1 + np.exp(-odds * (6 if quality == "overconfident" else 1))))

    def both(quality: str, seed: int) -> tuple[Floats, Floats]:
        return scores(quality, validation.labels, seed), scores(quality, test.labels, seed + 1)

    rate = validation.positive_rate
    prior = (np.full(2000, rate), np.full(2000, rate))
    baselines = {"prior": prior, "logistic_regression": both(regression, 5)}
    return evaluate(F1Threshold(), validation, test, both(candidate, 3), baselines, seed=1)


def test_a_good_candidate_passes() -> None:
    assert misses((Gate(metric="roc_auc", at_least=0.7),), evaluation_of("good", "fair")) == ()


def test_a_missed_gate_is_named_with_value_and_distance() -> None:
    evaluation = evaluation_of("good", "fair")
    value, error = evaluation.value("roc_auc"), evaluation.value("expected_calibration_error")
    gates = (Gate(metric="roc_auc", at_least=0.999), Gate(metric="expected_calibration_error", at_most=0.0001))
    assert misses(gates, evaluation) == (
        f"roc_auc is {value:.4f}, its gate asks for at least 0.999: {0.999 - value:.4f} off",
        f"expected_calibration_error is {error:.4f}, its gate asks for at most 0.0001: {error - 0.0001:.4f} off",
    )
    assert [result.passed for result in gate_results(gates, evaluation)] == [False, False]


def test_a_candidate_no_better_than_the_prior_is_refused() -> None:
    found = misses((), evaluation_of("useless", "useless"))
    assert any("log_loss" in miss and "must be clearly better than the prior" in miss for miss in found)


def test_a_candidate_clearly_worse_than_the_logistic_regression_is_refused_by_how_much() -> None:
    evaluation = evaluation_of("fair", "good")
    found = misses((), evaluation)
    distance = evaluation.metrics[0].value - evaluation.metrics[0].baselines["logistic_regression"]
    assert found[0].startswith("roc_auc")
    assert "must not be clearly worse than the logistic_regression baseline's" in found[0]
    assert f"the difference is {distance:+.4f}" in found[0]


def test_a_tie_with_the_logistic_regression_is_no_miss() -> None:
    assert misses((), evaluation_of("good", "good")) == ()


def test_an_overconfident_candidate_is_refused_for_its_log_loss_though_it_ranks_well() -> None:
    found = misses((), evaluation_of("overconfident", "good"))
    assert found
    assert all(miss.startswith("log_loss") for miss in found)


def test_a_gate_on_an_unknown_metric_is_a_mistake_in_the_definition() -> None:
    with pytest.raises(ValueError, match="gate on 'accuracy': there is no such metric"):
        misses((Gate(metric="accuracy", at_least=0.5),), evaluation_of("good", "fair"))
