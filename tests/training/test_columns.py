"""Cells as people write them, read as the column's own evidence says."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.definition import Category, Feature, Flag, Kind, Moment, Number, Schema, Series, Target
from tests.training import small
from training.columns import features, groups, outcome_missing, spelled, times, words
from training.dates import read_moments
from training.numerals import read_numbers
from training.placeholders import placeholders


def number(**changes: Any) -> Number:
    parts: dict[str, Any] = {"description": "", "unit": "", "minimum": -1e9, "maximum": 1e9, "example": 0}
    return Number(name="x", **(parts | {"missing": True} | changes))


def parsed(feature: Feature, cells: list[Any]) -> tuple[pd.Series[Any], list[str]]:
    problems: list[str] = []
    frame = features(pd.DataFrame({"x": cells}), Schema((feature,)), problems)
    return frame["x"], problems


@pytest.mark.parametrize(
    ("cells", "values"),
    [
        (["1", " 2.5 ", "-3", "+4", ".5", "6."], [1, 2.5, -3, 4, 0.5, 6]),
        (["5e+05", "1E-3"], [500000, 0.001]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1.234,5", "7"], [1234.5, 7]),
        (["0,125", "1,5"], [0.125, 1.5]),
        (["250,00", "1.234,00", "1.234"], [250, 1234, 1234]),
        (["1,234", "56"], [1234, 56]),
        (["1 234,5", "2"], [1234.5, 2]),
        (["1'234.50", "2"], [1234.5, 2]),
        (["$1,200", "-$910", "($5)"], [1200, -910, -5]),
        (["12 EUR", "1.5 EUR"], [12, 1.5]),
        (["12 %", "3%"], [12, 3]),
        (["(5)", "7", "−8"], [-5, 7, -8]),
        ([f"{n} yrs" for n in range(20)] + ["1 yr"], [*range(20), 1]),
    ],
)  # fmt: skip
def test_numbers_are_read_in_any_usual_spelling(cells: list[str], values: list[float]) -> None:
    found = read_numbers(pd.Series(cells))
    assert found.values.tolist() == values
    assert not found.wrong.any()


def test_two_units_in_one_column_are_no_quantity() -> None:
    assert read_numbers(pd.Series(["12 EUR", "13 USD", "14 EUR"])).wrong.tolist() == [False, True, False]


@pytest.mark.parametrize(
    "cell", ["abc", "1-2", "3+", "12:30", "1_000", "0x10", "1,2,3", "12,34", "1.2.3", "A12", "12 kg 3", "(5", "1/2"]
)
def test_what_is_no_number_is_not_taken_for_one(cell: str) -> None:
    problems = parsed(number(), [cell, "7", "8.25"])[1]
    assert problems == [f"column 'x': 1 value is not a number, such as {cell!r}"]


@pytest.mark.parametrize(
    "cell", ["", "  ", "NA", "N/A", "n/a", "null", "NULL", "None", "nan", "NaN", "?", "-", "#N/A", "missing", None]
)
def test_words_for_nothing_are_missing_in_a_column_of_numbers(cell: str | None) -> None:
    values, problems = parsed(number(), ["1", cell, "3"])
    assert problems == []
    assert np.isnan(values.iloc[1])
    assert parsed(number(missing=False), ["1", cell, "3"])[1] == [
        "column 'x': 1 value is missing, which the schema does not allow"
    ]


def test_every_number_that_fits_no_schema_is_counted() -> None:
    assert parsed(number(maximum=10), ["1", "11", "12"])[1] == [
        "column 'x': 2 values are outside -1e+09 to 10, such as 11"
    ]
    assert parsed(number(whole=True), ["1", "1.5"])[1] == ["column 'x': 1 value is not whole, such as 1.5"]
    assert parsed(number(), ["1", "inf"])[1] == ["column 'x': 1 value is outside -1e+09 to 1e+09, such as inf"]


@pytest.mark.parametrize(
    "cells",
    [
        ["TRUE", "false", ""],
        ["Yes", "NO", None],
        ["y", "n", "?"],
        ["1", "0", "NA"],
        [True, False, None],
        [1.0, 0.0, None],
    ],
)
def test_flags_are_read_in_any_case_and_spelling(cells: list[Any]) -> None:
    values, problems = parsed(Flag(name="x", description="", example=True, missing=True), cells)
    assert problems == []
    assert values.tolist()[:2] == [1.0, 0.0]
    assert np.isnan(values.iloc[2])


def test_words_for_nothing_are_levels_where_the_definition_names_them() -> None:
    levels = ("a", "NA", "None")
    feature = Category(name="x", description="", levels=levels, example="a", unseen="missing", missing=True)
    values = parsed(feature, ["a", "NA", "None", "", "?", "n/a"])[0]
    assert values.tolist()[:3] == ["a", "NA", "None"]
    assert values.isna().tolist()[3:] == [True, True, True]
    strict = Category(name="x", description="", levels=("a",), example="a")
    assert parsed(strict, ["a", "b", "?"])[1] == [
        "column 'x': 1 value is of no known level: 'b' (1)",
        "column 'x': 1 value is missing, which the schema does not allow",
    ]


@pytest.mark.parametrize(
    ("cells", "moments"),
    [
        (["2020-01-02", "2020-12-31"], ["2020-01-02", "2020-12-31"]),
        (["2020-01-02T10:00:00+02:00", "2020-01-02 10:00"], ["2020-01-02 08:00:00", "2020-01-02 10:00:00"]),
        (["31/12/2020", "01/02/2020"], ["2020-12-31", "2020-02-01"]),
        (["12/31/2020", "01/02/2020"], ["2020-12-31", "2020-01-02"]),
        (["01.02.2020", "02.02.2020"], ["2020-02-01", "2020-02-02"]),
        (["12/31/20 11:05 PM", "1/2/99 12:00 am"], ["2020-12-31 23:05:00", "1999-01-02 00:00:00"]),
        (["Jan 5, 2020", "5 January 2020"], ["2020-01-05", "2020-01-05"]),
        (["05-Jan-2020", "Sun, 5 Jan 2020 3:04 am"], ["2020-01-05 00:00:00", "2020-01-05 03:04:00"]),
        (["Feb-2018", "Mar 2018"], ["2018-02-01", "2018-03-01"]),
        (["20201231", "20200102"], ["2020-12-31", "2020-01-02"]),
        (["2019/3/4", "2019-03"], ["2019-03-04", "2019-03-01"]),
    ],
)
def test_moments_are_read_in_any_usual_spelling(cells: list[str], moments: list[str]) -> None:
    values, problems = parsed(Moment(name="x", description="", example="2020-01-01", missing=True), [*cells, "NA", ""])
    assert problems == []
    assert values.dtype == "datetime64[us]"
    assert values[:2].tolist() == pd.to_datetime(moments).tolist()
    assert values[2:].isna().all()


def test_which_number_is_the_month_is_said_to_be_a_guess_where_nothing_tells() -> None:
    assert read_moments(pd.Series(["01/02/2020", "03/04/2020"])).ambiguous
    assert not read_moments(pd.Series(["01/02/2020", "13/04/2020"])).ambiguous


def test_what_is_no_date_is_counted() -> None:
    feature = Moment(name="x", description="", example="2020-01-01")
    assert parsed(feature, ["2020-01-01", "soon", "2020-13-01"])[1] == [
        "column 'x': 2 values are not a date, such as 'soon'"
    ]
    assert "1 value is missing" in parsed(feature, ["2020-01-01", None])[1][0]


def test_dates_of_a_parquet_file_come_in_utc() -> None:
    column = pd.Series(pd.to_datetime(["2020-01-01T12:00+02:00"]))
    assert read_moments(column).values.tolist() == [pd.Timestamp("2020-01-01 10:00")]


def test_a_series_cannot_be_read_from_a_file() -> None:
    series = Series(name="x", description="", unit="", minimum=0, maximum=1, min_length=1, max_length=2, example=(0.5,))
    with pytest.raises(ValueError, match="x: a file of single values holds no series"):
        parsed(series, ["1"])


def test_whole_numbers_read_alike_from_text_and_from_floats() -> None:
    expected = ["3", "20", None]
    for column in (pd.Series(["3.0", "20.0", None]), pd.Series([3.0, 20.0, None]), pd.Series(["3", "20", ""])):
        assert words(column).astype(object).where(words(column).notna(), None).tolist() == expected
    assert words(pd.Series(["3.0", "2.5"])).tolist() == ["3.0", "2.5"]
    assert words(pd.Series(["007", "010"])).tolist() == ["007", "010"]


def test_spellings_that_differ_in_case_are_one_and_the_definitions_own_wins() -> None:
    texts = pd.Series(["Yes", "Yes", "yes", "no", None])
    assert spelled(texts).tolist()[:4] == ["Yes", "Yes", "Yes", "no"]
    assert spelled(texts, ["yes"]).tolist()[:3] == ["yes", "yes", "yes"]
    assert spelled(texts).isna().tolist()[4]


def test_an_outcome_is_missing_unless_the_definition_names_the_word() -> None:
    def missing(kind: Kind, positive: str) -> list[bool]:
        target = Target(column="y", description="", positive=positive)
        definition = dataclasses.replace(small.definition, target=target)
        object.__setattr__(definition, "kind", kind)
        return outcome_missing(pd.Series(["NA", "", "-", "good"]), definition).tolist()

    assert missing(Kind.BINARY, "good") == [True, True, False, False]
    assert missing(Kind.BINARY, "NA") == [False, True, False, False]
    assert missing(Kind.REGRESSION, "good") == [True, True, True, False]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.5, 4.0, 999.0, 2.5], [False, False, True, False]),
        ([1.5, 4.0, -9999.0, 999.0], [False, False, True, True]),
        ([500.0, 700.0, 999.0], [False, False, False]),
        ([1.5, 4.0, 99.0], [False, False, False]),
        ([1.5, 4.0, 1e9], [False, False, False]),
        ([np.nan, 4.0, 5.0, 99999.0], [False, False, False, True]),
        ([999.0, 999.0], [False, False]),
    ],
)
def test_nothing_but_nines_far_from_all_others_stands_for_what_is_missing(
    values: list[float], expected: list[bool]
) -> None:
    assert placeholders(pd.Series(values)).tolist() == expected


def test_times_are_numbers_or_dates_and_groups_are_codes() -> None:
    frame = pd.DataFrame(
        {"n": ["3", "1"], "d": ["31/12/2020", "01/01/2021"], "g": ["b", " b "], "s": ["soon", "later"]}
    )
    problems: list[str] = []
    assert times(frame, "n", problems).tolist() == [3.0, 1.0]  # type: ignore[union-attr]
    assert times(frame, "d", problems).astype(str).tolist()[0].startswith("2020-12-31")  # type: ignore[union-attr]
    assert groups(frame, "g", problems).tolist() == [0, 0]  # type: ignore[union-attr]
    assert problems == []
    times(frame, "s", problems)
    assert "time column 's': 2 values are missing" in problems[0]
