"""Records become rows of numbers, one by one or many at once, with the same result."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.definition import Category, Flag, Number, Schema, Value
from registry.encoding import Encoding

SCHEMA = Schema(
    (
        Number(name="x", description="", unit="", minimum=-10, maximum=10, example=0, missing=True),
        Category(name="c", description="", levels=("a", "b", "NA"), example="a", unseen="missing", missing=True),
        Flag(name="f", description="", example=True, missing=True),
        Category(name="d", description="", levels=("low", "high"), example="low"),
        Number(name="n", description="", unit="", minimum=0, maximum=10, example=0, whole=True),
    )
)
ENCODING = Encoding(SCHEMA, {"c": {"b": 0.0, "a": 1.0, "NA": 2.0}, "d": {"high": 0.0, "low": 1.0}, "gone": {}})
NAN = float("nan")


def same(found: Any, expected: Any) -> bool:
    return bool(np.array_equal(np.array(found, np.float64), np.array(expected, np.float64), equal_nan=True))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.5, "a", True, "low", 3], [1.5, 1, 1, 1, 3]),
        ([0, "b", False, "high", 0], [0, 0, 0, 0, 0]),
        ([-2, "NA", True, "low", 3], [-2, 2, 1, 1, 3]),
        ([None, None, None, "low", 3], [NAN, NAN, NAN, 1, 3]),
        ([1, "never seen", True, "low", 3], [1, NAN, 1, 1, 3]),
        ([1, "", True, "low", 3], [1, NAN, 1, 1, 3]),
        ([1, "A", True, "low", 3], [1, NAN, 1, 1, 3]),
    ],
    ids=["all there", "zeros", "a level called NA", "missing", "unseen", "empty text", "another case"],
)
def test_a_row_holds_the_numbers_flags_and_codes_in_schema_order(values: list[Value], expected: list[float]) -> None:
    row = ENCODING.row(values)
    assert None not in row
    assert same(row, expected)


def test_a_tuple_is_as_good_as_a_list_and_neither_is_changed() -> None:
    values: list[Value] = [None, "a", False, "high", 2]
    assert same(ENCODING.row(tuple(values)), ENCODING.row(values))
    assert values == [None, "a", False, "high", 2]


def test_the_matrix_takes_features_by_name_not_by_position() -> None:
    record: dict[str, Value] = {"x": 1.0, "c": "a", "f": True, "d": "low", "n": 3}
    turned = dict(reversed(record.items()))
    matrix = ENCODING.matrix([record, turned])
    assert matrix.dtype == np.float32
    assert matrix.tolist() == [[1, 1, 1, 1, 3]] * 2


def test_what_a_record_lacks_is_missing_and_what_is_no_feature_is_ignored() -> None:
    assert same(ENCODING.matrix([{"d": "low", "n": 3, "stranger": 7}])[0], [NAN, NAN, NAN, 1, 3])


def test_no_records_make_a_matrix_without_rows() -> None:
    assert ENCODING.matrix([]).shape == (0, 5)


def test_rows_of_values_become_a_matrix_with_and_without_categories() -> None:
    plain = Encoding(Schema((SCHEMA["x"], SCHEMA["f"], SCHEMA["n"])), {})
    rows: list[tuple[Value, ...]] = [(1.5, True, 3), (None, None, 0), (-2, False, 10)]
    assert plain.encode(rows).dtype == np.float32
    assert same(plain.encode(rows), [plain.row(row) for row in rows])
    assert same(plain.encode(rows)[1], [NAN, NAN, 0])
    assert plain.encode([]).shape == (0, 3)
    mixed: list[Value] = [None, "new", None, "low", 3]
    assert same(ENCODING.encode([mixed]), [ENCODING.row(mixed)])
    assert mixed == [None, "new", None, "low", 3]


values = st.tuples(
    st.one_of(st.none(), st.floats(-10, 10, width=32)),
    st.one_of(st.none(), st.sampled_from(["a", "b", "NA"]), st.text(max_size=3)),
    st.one_of(st.none(), st.booleans()),
    st.sampled_from(["low", "high"]),
    st.integers(0, 10),
)


@given(rows=st.lists(values, max_size=8))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_the_matrix_holds_the_rows_of_its_records(rows: list[tuple[Value, ...]]) -> None:
    matrix = ENCODING.matrix([dict(zip(SCHEMA.names, row, strict=True)) for row in rows])
    assert matrix.shape == (len(rows), len(SCHEMA))
    for encoded, row in zip(matrix, rows, strict=True):
        assert same(encoded, ENCODING.row(row))
        assert math.isnan(encoded[0]) == (row[0] is None)


def test_categories_that_admit_other_levels_are_listed_with_the_known_ones() -> None:
    assert ENCODING.open_levels == ((1, "c", frozenset({"a", "b", "NA"})),)


def test_a_category_without_codes_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no codes for d"):
        Encoding(SCHEMA, {"c": {"a": 0.0}})
