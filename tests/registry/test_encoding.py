"""Records become rows of numbers, one by one or many at once, with the same result."""

from __future__ import annotations

import math
from datetime import timedelta, timezone
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.definition import Category, Flag, Moment, Number, Part, Schema, Value, read_moment
from registry.encoding import Encoding, moment_parts

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


def tz(minutes: int) -> timezone:
    return timezone(timedelta(minutes=minutes))


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


# --- moments: several columns for one feature ------------------------------------------------------------------------

ALL: tuple[Part, ...] = ("days", "day_of_year", "weekday", "hour")
MOMENTS = Encoding(
    Schema(
        (
            Moment(name="first", description="", example="2026-03-01", parts=ALL, missing=True),
            Category(name="c", description="", levels=("a", "b"), example="a", missing=True),
            Moment(name="second", description="", example="2026-03-01", parts=("hour",)),
            Number(name="x", description="", unit="", minimum=0, maximum=1, example=0),
            Moment(name="third", description="", example="2026-03-01", parts=("weekday", "days"), missing=True),
        )
    ),
    {"c": {"b": 0.0, "a": 1.0}},
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1970-01-01", [0, 1, 3, 0]),
        ("2026-03-01", [20513, 60, 6, 0]),
        ("2026-03-01T18:00", [20513.75, 60, 6, 18]),
        ("2026-03-01T18:30:36Z", [20513 + (18.5 + 0.01) / 24, 60, 6, 18.51]),
        ("2026-03-01T00:30:00+02:00", [20512 + 22.5 / 24, 59, 5, 22.5]),
        ("2026-12-31T23:00:00-02:00", [20819 + 1 / 24, 1, 4, 1]),
        ("2024-12-31T12:00:00Z", [20088.5, 366, 1, 12]),
        ("1969-12-31T12:00:00", [-0.5, 365, 2, 12]),
        ("0001-01-01", [-719162, 1, 0, 0]),
        ("9999-12-31T23:59:59", [2932896 + 86_399 / 86_400, 365, 4, 23 + 3599 / 3600]),
    ],
)
def test_the_parts_of_a_moment_are_those_of_utc(text: str, expected: list[float]) -> None:
    assert moment_parts(text, ALL) == pytest.approx(expected, rel=1e-12)
    assert moment_parts(text, ALL[::-1]) == moment_parts(text, ALL)[::-1]


def test_the_parts_of_a_moment_do_not_know_fractions_of_a_second() -> None:
    assert moment_parts("2026-03-01T12:00:00.999999", ALL) == moment_parts("2026-03-01T12:00:00", ALL)


def test_a_missing_moment_is_missing_in_all_its_columns() -> None:
    assert same(moment_parts(None, ALL), [NAN] * 4)


def test_every_feature_has_its_columns_in_schema_order() -> None:
    assert (MOMENTS.width, MOMENTS.starts) == (9, (0, 4, 5, 6, 7))
    assert (ENCODING.width, ENCODING.starts) == (5, (0, 1, 2, 3, 4))
    row = MOMENTS.row(["2026-03-01T18:00:00Z", "a", "2026-03-01T06:30:00Z", 0.5, "1970-01-02"])
    assert same(row, [20513.75, 60, 6, 18, 1, 6.5, 0.5, 4, 1])
    assert same(MOMENTS.row([None, None, "1970-01-01", 0.5, None]), [NAN] * 5 + [0, 0.5, NAN, NAN])
    assert MOMENTS.encode([]).shape == (0, 9)
    assert MOMENTS.matrix([{"x": 1.0}]).shape == (1, 9)


def test_a_moment_given_in_any_offset_is_the_same_moment() -> None:
    same_moment = ("2026-03-01T12:00:00Z", "2026-03-01T14:00:00+02:00", "2026-03-01 12:00", "20260301T120000")
    rows = MOMENTS.matrix([{"first": text, "second": text} for text in same_moment])
    assert all(same(row, rows[0]) for row in rows)
    assert len({read_moment(text) for text in same_moment}) == 1


def test_contributions_of_columns_add_up_to_those_of_their_feature() -> None:
    columns = np.array([[1.0, 2, 3, 4, 5, 6, 7, 8, 9], [-1, 1, -1, 1, 0.5, 0, 0, 1, -1]])
    assert MOMENTS.by_feature(columns).tolist() == [[10, 5, 6, 7, 17], [0, 0.5, 0, 0, 0]]
    assert ENCODING.by_feature(columns[:, :5]).tolist() == columns[:, :5].tolist()
    assert MOMENTS.by_feature(np.empty((0, 9))).shape == (0, 5)


@given(columns=st.lists(st.lists(st.floats(-1e6, 1e6), min_size=9, max_size=9), min_size=1, max_size=5))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_contribution_is_lost_or_counted_twice(columns: list[list[float]]) -> None:
    whole = np.array(columns)
    np.testing.assert_allclose(MOMENTS.by_feature(whole).sum(axis=1), whole.sum(axis=1), rtol=1e-12, atol=1e-8)


moments = st.datetimes(timezones=st.sampled_from([None, *map(tz, (0, 120, -330))])).map(lambda at: at.isoformat())


@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), moments),
            st.sampled_from(["a", "b", None]),
            moments,
            st.floats(0, 1, width=32),
            st.one_of(st.none(), moments),
        ),
        max_size=5,
    )
)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_matrix_with_moments_holds_the_rows_of_its_records(rows: list[tuple[Value, ...]]) -> None:
    rows = [row for row in rows if all(_readable(row[at]) for at in (0, 2, 4))]
    matrix = MOMENTS.matrix([dict(zip(MOMENTS.schema.names, row, strict=True)) for row in rows])
    assert matrix.shape == (len(rows), 9)
    for encoded, row in zip(matrix, rows, strict=True):
        assert same(encoded, np.array(MOMENTS.row(row), np.float32))
        assert np.isnan(encoded[:4]).all() == (row[0] is None)


def _readable(text: Value) -> bool:
    """Not so near the first or the last year that UTC lies beyond it."""
    try:
        return text is None or read_moment(str(text)) is not None
    except OverflowError:
        return False


def test_a_category_without_codes_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no codes for d"):
        Encoding(SCHEMA, {"c": {"a": 0.0}})
