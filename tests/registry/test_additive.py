"""Models that are a sum of one term per column."""

from __future__ import annotations

import doctest
import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from registry import additive
from registry.additive import AdditiveModel, LinearTerm, SaturatingTerm, TableTerm, Term

NAN = float("nan")
MODEL = AdditiveModel(
    base=(1.0, -2.0),
    terms=(
        LinearTerm(slope=(2.0, 0.5), offset=(-1.0, 0.25), missing=(7.0, -7.0)),
        TableTerm(codes=(0.0, 1.0, 3.0), values=((0.1, 0.2), (0.3, 0.4), (0.5, 0.6)), missing=(-0.5, -0.25)),
        SaturatingTerm(height=(4.0, 0.0), rate=2.0, offset=(1.0, 0.0)),
    ),
)
finite = st.floats(-1e3, 1e3, width=32)
values = st.one_of(st.just(NAN), finite, st.sampled_from([0.0, 1.0, 2.0, 3.0, -0.0]))


def by_hand(model: AdditiveModel, row: list[float]) -> list[list[float]]:
    """The parts of one row, (columns, outputs), as the terms' docstrings say, one number at a time."""
    return [[_part(term, value, k) for k in range(model.outputs)] for term, value in zip(model.terms, row, strict=True)]


def _part(term: Term, value: float, k: int) -> float:
    match term:
        case LinearTerm():
            return term.missing[k] if math.isnan(value) else term.slope[k] * value + term.offset[k]
        case TableTerm():
            return term.values[term.codes.index(value)][k] if value in term.codes else term.missing[k]
        case SaturatingTerm():
            spent = 0.0 if math.isnan(value) else max(0.0, value)
            return term.height[k] * (1 - math.exp(-spent / term.rate)) - term.offset[k]


@given(rows=st.lists(st.tuples(values, values, values), max_size=8))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_margins_are_the_base_and_the_terms(rows: list[tuple[float, ...]]) -> None:
    matrix = np.array(rows, np.float64).reshape(len(rows), 3)
    parts = MODEL.contributions(matrix)
    assert parts.shape == (len(rows), 3, 2)
    for row, found, margins in zip(matrix.tolist(), parts.tolist(), MODEL.margins(matrix).tolist(), strict=True):
        expected = by_hand(MODEL, row)
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)
        assert margins == pytest.approx(np.array(expected).sum(axis=0) + MODEL.base, rel=1e-12, abs=1e-12)


def test_contributions_and_base_add_up_to_the_margin_exactly() -> None:
    rows = np.random.default_rng(0).normal(0, 5, (200, 3))
    assert (MODEL.contributions(rows).sum(axis=1) + MODEL.base == MODEL.margins(rows)).all()


def test_a_row_s_margin_does_not_depend_on_its_neighbours() -> None:
    rows = np.random.default_rng(0).normal(0, 5, (50, 3)).astype(np.float32)
    rows[::3] = np.nan
    alone = np.concatenate([MODEL.margins(rows[at : at + 1]) for at in range(50)])
    assert MODEL.margins(rows).tolist() == alone.tolist()


def test_everything_missing_has_a_margin() -> None:
    assert MODEL.margins(np.full((1, 3), np.nan)).tolist() == [[1 + 7 - 0.5 - 1, -2 - 7 - 0.25]]


def test_encoded_rows_of_float32_meet_the_codes_of_a_table() -> None:
    """Codes are what an encoding gives: whole numbers, and smoothed means that were rounded to float32."""
    codes = tuple(sorted(float(np.float32(mean)) for mean in (0.1, 0.2, 1 / 3, 0.7)))
    table = TableTerm(codes=codes, values=((1.0,), (2.0,), (3.0,), (4.0,)), missing=(-1.0,))
    model = AdditiveModel(base=(0.0,), terms=(table,))
    rows = np.array([[0.1], [0.2], [1 / 3], [0.7], [0.15], [np.nan], [9.0], [-9.0]], np.float32)
    assert model.margins(rows)[:, 0].tolist() == [1, 2, 3, 4, -1, -1, -1, -1]


def test_a_table_without_codes_gives_what_is_missing() -> None:
    model = AdditiveModel(base=(0.5,), terms=(TableTerm(codes=(), values=(), missing=(0.25,)),))
    assert model.margins(np.array([[0.0], [np.nan]], np.float32)).tolist() == [[0.75], [0.75]]


def test_a_saturating_term_rises_from_zero_and_levels_off() -> None:
    term = SaturatingTerm(height=(3.0,), rate=10.0, offset=(0.5,))
    model = AdditiveModel(base=(0.5,), terms=(term,))
    found = model.margins(np.array([[np.nan], [-5], [0], [10], [1e6], [np.inf]], np.float32))[:, 0]
    assert found == pytest.approx([0, 0, 0, 3 * (1 - 1 / math.e), 3, 3])
    curve = model.margins(np.linspace(0, 100, 50, dtype=np.float32)[:, np.newaxis])[:, 0]
    steps = np.diff(curve)
    assert (steps > 0).all()
    assert (np.diff(steps) < 0).all()


def test_extreme_values_of_a_line_stay_finite_in_float64() -> None:
    model = AdditiveModel(base=(0.0,), terms=(LinearTerm(slope=(1e6,), offset=(0.0,), missing=(0.0,)),))
    assert np.isfinite(model.margins(np.array([[3e38], [-3e38]], np.float32))).all()


def test_no_rows_have_no_margins() -> None:
    assert MODEL.margins(np.empty((0, 3), np.float32)).shape == (0, 2)
    assert MODEL.contributions(np.empty((0, 3), np.float32)).shape == (0, 3, 2)


def test_a_stored_model_reads_back_as_the_same() -> None:
    assert AdditiveModel.model_validate_json(MODEL.model_dump_json()) == MODEL


LINE: dict[str, Any] = {"term": "linear", "slope": [1.0], "offset": [0.0], "missing": [0.0]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({}, "base"),
        ({"base": [0.0]}, "terms"),
        ({"base": [0.0], "terms": [{}]}, "term"),
        ({"base": [0.0], "terms": [{**LINE, "term": "cubic"}]}, "cubic"),
        ({"base": [0.0], "terms": [{**LINE, "more": 1}]}, "Extra inputs"),
        ({"base": [0.0], "terms": [LINE], "more": 1}, "Extra inputs"),
        ({"base": [0.0, 1.0], "terms": [LINE]}, "every term needs 2 outputs"),
        ({"base": [0.0], "terms": [{**LINE, "missing": [0.0, 1.0]}]}, "every term needs 1 outputs"),
        ({"base": [0.0], "terms": [{**LINE, "slope": ["steep"]}]}, "valid number"),
        (
            {"base": [0.0], "terms": [{"term": "table", "codes": [0, 1], "values": [[1.0]], "missing": [0.0]}]},
            "as many values as codes",
        ),
        (
            {"base": [0.0], "terms": [{"term": "table", "codes": [1, 0], "values": [[1.0], [2.0]], "missing": [0.0]}]},
            "a table.s codes must ascend",
        ),
        (
            {"base": [0.0], "terms": [{"term": "saturating", "height": [1.0], "rate": 0, "offset": [0.0]}]},
            "greater than 0",
        ),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_a_document_that_is_no_such_model_is_refused(document: Any, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        AdditiveModel.model_validate_json(json.dumps(document))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("field", ["slope", "offset", "missing"])
def test_numbers_that_are_not_finite_are_refused(field: str, number: str) -> None:
    line = ",".join(f'"{name}":[{number if name == field else 0}]' for name in ("slope", "offset", "missing"))
    with pytest.raises(ValidationError):
        AdditiveModel.model_validate_json(f'{{"base":[0],"terms":[{{"term":"linear",{line}}}]}}')


def test_the_examples_of_the_docstrings_hold() -> None:
    assert doctest.testmod(additive).failed == 0
