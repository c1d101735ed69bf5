"""What is not good enough is refused with the reason."""

from __future__ import annotations

import dataclasses
from functools import cache

import numpy as np
import pytest

from models import catalogue
from models.definition import METRICS, Gate, Kind
from tests.training import kinds, small
from training import metrics
from training.evaluate import Difference, Evaluation, Judged, compare
from training.gates import gate_results
from training.gates import misses as misses_of
from training.metrics import Floats
from training.practice.binary import BinaryPractice
from training.table import Labels

PRACTICE = BinaryPractice()
ALL_KINDS = (small.definition, *kinds.DEFINITIONS.values(), *catalogue().values())


@cache
def evaluation_of(candidate: str, regression: str) -> Evaluation:
    """A candidate and a logistic regression that each are 'good', 'fair', 'useless' or 'overconfident'."""
    labels: Labels = small.table(2000, 2).target

    def scores(quality: str, seed: int) -> Floats:
        random = np.random.default_rng(seed)
        signal = {"good": 2.0, "fair": 0.8, "useless": 0.0, "overconfident": 2.0}[quality]
        odds = signal * (2 * labels - 1) + random.normal(0, 1.5, len(labels))
        return np.asarray(1 / (1 + np.exp(-odds * (6 if quality == "overconfident" else 1))))

    def judged(probabilities: Floats) -> Judged:
        rows = metrics.scored(probabilities, labels)
        return Judged(metrics.measure(rows, 0.5), metrics.bootstrap(rows, 0.5, seed=1))

    prior = np.full(2000, small.table(2000, 1).positive_rate)
    baselines = {"prior": judged(prior), "logistic_regression": judged(scores(regression, 6))}
    return Evaluation(*compare(judged(scores(candidate, 4)), baselines, METRICS[Kind.BINARY]), threshold=0.5)


def misses(gates: tuple[Gate, ...], evaluation: Evaluation) -> tuple[str, ...]:
    return misses_of(gates, evaluation, PRACTICE.must_beat, PRACTICE.must_not_lose_to)


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


@pytest.mark.parametrize(("value", "lost"), [(0.5925, False), (0.5933, True)])
def test_a_certain_loss_counts_from_a_hundredth_of_the_baseline_on(value: float, lost: bool) -> None:
    metric = next(metric for metric in evaluation_of("good", "good").metrics if metric.name == "log_loss")
    difference = Difference("log_loss", "logistic_regression", value, 0.5870, 0.0002, 0.0090)
    evaluation = Evaluation((metric,), (difference,), threshold=0.5)
    assert bool(misses_of((), evaluation, {}, {"logistic_regression": ("log_loss",)})) is lost
    assert misses_of((), evaluation, {"logistic_regression": ("log_loss",)}, {})


def test_an_overconfident_candidate_is_refused_for_its_log_loss_though_it_ranks_well() -> None:
    found = misses((), evaluation_of("overconfident", "good"))
    assert found
    assert all(miss.startswith("log_loss") for miss in found)


@pytest.mark.parametrize("kind", Kind)
def test_a_gate_on_an_unknown_metric_is_a_mistake_in_the_definition(kind: Kind) -> None:
    definition = next(one for one in ALL_KINDS if one.kind is kind)
    assert METRICS[kind]
    with pytest.raises(ValueError, match=f"model {definition.name}: there is no metric 'fame'; known are"):
        dataclasses.replace(definition, gates=(Gate(metric="fame", at_least=0.5),))


def test_a_gate_whose_metric_the_rows_do_not_give_is_missed() -> None:
    """An anomaly model without a truth has no ROC AUC."""
    given = evaluation_of("good", "fair")
    evaluation = dataclasses.replace(given, metrics=given.metrics[1:], differences=())
    gate = Gate(metric="roc_auc", at_least=0.5)
    assert misses((gate,), evaluation)[0] == "roc_auc has a gate, but these rows do not give it"
    (result,) = gate_results((gate,), evaluation)
    assert (result.value, result.passed) == (None, False)


def test_demands_name_the_baseline_and_the_metrics_that_count() -> None:
    evaluation = evaluation_of("fair", "good")
    named = {"logistic_regression": ("roc_auc",)}
    assert [miss.split()[0] for miss in misses_of((), evaluation, {}, named)] == ["roc_auc"]
    assert misses_of((), evaluation, {}, {"another": ("roc_auc",)}) == ()
    assert misses_of((), evaluation, {}, {}) == ()
    assert len(misses_of((), evaluation_of("good", "good"), {"logistic_regression": ("roc_auc", "brier")}, {})) == 2
