"""From a score to a level and a confidence."""

from __future__ import annotations

import json
import math
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.definition import BinaryPolicy, FixedThreshold, Gate, Level, Record, confidence
from tests.training import small

POLICY = BinaryPolicy(
    threshold=FixedThreshold(0.5), levels=(Level("LOW", 0.0), Level("MEDIUM", 0.15), Level("HIGH", 0.6))
)
RANK = {"low": 0, "medium": 1, "high": 2}
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


@pytest.mark.parametrize("starts", [(), (0.1,), (0.1, 0.5), (0.0, 0.5, 0.5), (0.0, 0.6, 0.5), (-0.1, 0.0)], ids=str)
def test_levels_that_leave_gaps_or_overlap_are_refused(starts: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="levels must ascend and the first must begin at 0"):
        BinaryPolicy(threshold=FixedThreshold(0.5), levels=tuple(Level(str(start), start) for start in starts))


@given(score=st.integers(0, 1000), threshold=st.integers(0, 1000))
@settings(max_examples=300, deadline=None, derandomize=True)
def test_confidence_is_symmetric(score: int, threshold: int) -> None:
    """It asks neither which of the two is the score, nor whether the event or its absence is the rare one."""
    distance = abs(log_odds(score / 1000) - log_odds(threshold / 1000))
    if min(abs(distance - 0.5), abs(distance - 1.5)) < 1e-6:
        return  # on a border rounding decides
    found = confidence(score / 1000, threshold / 1000)
    assert found == ("low" if distance < 0.5 else "medium" if distance < 1.5 else "high")
    assert found == confidence(threshold / 1000, score / 1000)
    assert found == confidence(1 - score / 1000, 1 - threshold / 1000)


def log_odds(probability: float) -> float:
    inside = min(max(probability, 1e-9), 1 - 1e-9)
    return math.log(inside) - math.log1p(-inside)


@given(threshold=inner, scores=st.lists(inner, min_size=2, max_size=20))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_confidence_never_falls_as_the_score_leaves_the_threshold(threshold: float, scores: list[float]) -> None:
    for side in (
        sorted(s for s in scores if s >= threshold),
        sorted((s for s in scores if s <= threshold), reverse=True),
    ):
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


@pytest.mark.parametrize("score", [0.0, 1e-12, 0.5, 1 - 1e-12, 1.0])
@pytest.mark.parametrize("threshold", [0.0, 1e-12, 0.5, 1 - 1e-12, 1.0])
def test_confidence_is_defined_at_the_ends(score: float, threshold: float) -> None:
    assert confidence(score, threshold) == ("low" if round(score, 9) == round(threshold, 9) else "high")


def test_a_record_is_a_view_of_the_values_in_schema_order() -> None:
    schema = small.definition.schema
    values = [None, 3, True, "a", "mid", 20]
    record = Record(schema, values)
    assert dict(record) == dict(zip(schema.names, values, strict=True))
    assert (len(record), record["d"], "d" in record, "z" in record, record.get("z")) == (6, "mid", True, False, None)
    with pytest.raises(KeyError):
        record["z"]
    assert json.loads(json.dumps(dict(record))) == record


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
