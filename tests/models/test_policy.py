"""From a score to a level and a confidence."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.definition import FixedThreshold, Gate, Level, Policy, confidence

POLICY = Policy(
    threshold=FixedThreshold(0.5), levels=(Level("LOW", 0.0), Level("MEDIUM", 0.15), Level("HIGH", 0.6))
)
RANK = {"low": 0, "medium": 1, "high": 2}
probabilities = st.floats(0, 1)
inner = st.floats(1e-6, 1 - 1e-6)


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (0.0, "LOW"),
        (0.1, "LOW"),
        (math.nextafter(0.15, 0), "LOW"),
        (0.15, "MEDIUM"),
        (math.nextafter(0.15, 1), "MEDIUM"),
        (math.nextafter(0.6, 0), "MEDIUM"),
        (0.6, "HIGH"),
        (1.0, "HIGH"),
    ],
)
def test_a_level_begins_at_its_border_and_ends_before_the_next(score: float, level: str) -> None:
    assert POLICY.level(score) == level


@pytest.mark.parametrize(
    "starts", [(), (0.1,), (0.1, 0.5), (0.0, 0.5, 0.5), (0.0, 0.6, 0.5), (-0.1, 0.0)], ids=str
)
def test_levels_that_leave_gaps_or_overlap_are_refused(starts: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="levels must ascend and the first must begin at 0"):
        Policy(threshold=FixedThreshold(0.5), levels=tuple(Level(str(start), start) for start in starts))


@given(score=probabilities, threshold=probabilities)
@settings(max_examples=200, deadline=None, derandomize=True)
def test_confidence_does_not_ask_which_of_the_two_is_the_score(score: float, threshold: float) -> None:
    assert confidence(score, threshold) == confidence(threshold, score)


@given(score=st.integers(1, 999), threshold=st.integers(1, 999))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_confidence_treats_rare_and_common_events_alike(score: int, threshold: int) -> None:
    odds = abs(math.log(score / (1000 - score)) - math.log(threshold / (1000 - threshold)))
    if min(abs(odds - 0.5), abs(odds - 1.5)) < 1e-9:
        return  # on a border rounding decides
    assert confidence(score / 1000, threshold / 1000) == confidence(1 - score / 1000, 1 - threshold / 1000)


@given(threshold=inner, scores=st.lists(inner, min_size=2, max_size=20))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_confidence_never_falls_as_the_score_leaves_the_threshold(threshold: float, scores: list[float]) -> None:
    for side in (sorted(s for s in scores if s >= threshold), sorted((s for s in scores if s <= threshold), reverse=True)):
        ranks = [RANK[confidence(score, threshold)] for score in side]
        assert all(near <= far for near, far in pairwise(ranks))


@pytest.mark.parametrize(
    ("log_odds", "expected"),
    [(0.0, "low"), (0.49, "low"), (0.51, "medium"), (1.49, "medium"), (1.51, "high"), (9.0, "high")],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_confidence_has_its_borders_at_half_and_one_and_a_half_in_log_odds(
    log_odds: float, expected: str, sign: int
) -> None:
    assert confidence(1 / (1 + math.exp(-sign * log_odds)), 0.5) == expected


@pytest.mark.parametrize("score", [0.0, 1.0])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_confidence_is_defined_at_the_ends(score: float, threshold: float) -> None:
    assert confidence(score, threshold) == ("low" if score == threshold else "high")


def test_a_gate_measures_by_how_much_it_is_missed() -> None:
    least, most = Gate(metric="roc_auc", at_least=0.8), Gate(metric="log_loss", at_most=0.3)
    assert [least.shortfall(value) for value in (0.9, 0.8)] == [0.0, 0.0]
    assert [most.shortfall(value) for value in (0.1, 0.3)] == [0.0, 0.0]
    assert least.shortfall(0.7) == pytest.approx(0.1)
    assert most.shortfall(0.5) == pytest.approx(0.2)
    assert least.shortfall(float("nan")) == most.shortfall(float("nan")) == math.inf


def test_a_gate_has_exactly_one_bound() -> None:
    for bounds in ({}, {"at_least": 0.1, "at_most": 0.2}):
        with pytest.raises(ValueError, match="gate on f1: set one of at_least and at_most"):
            Gate(metric="f1", **bounds)
    assert Gate(metric="f1", at_least=0.0).shortfall(0.0) == 0.0
