"""What a column is kept as."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.definition import Category, Flag, Moment, Number
from tests.training.infer.frames import ROWS, column, feature, frame, inferred
from training.errors import DataError
from training.infer.ranges import widened

CALENDAR = ("days", "day_of_year", "weekday")


def test_a_number_has_a_widened_range_and_its_median_as_example() -> None:
    found = feature([18, 30, 44, 51, 67], "age")
    assert found == Number(
        name="age", description="Age", unit="years", minimum=0, maximum=120, example=44, whole=True, missing=False
    )


@pytest.mark.parametrize(
    ("values", "name", "bounds"),
    [
        ([1, 5], "rating", (0, 10)),
        ([0.2, 0.9], "share", (0, 1)),
        ([0, 0.5, 1], "p", (0, 1)),
        ([12, 88], "used_pct", (0, 100)),
        ([20, 180], "growth_percent", (0, 400)),
        ([-3.2, 4.1], "x", (-11, 12)),
        ([-50, -20], "x", (-80, 10)),
        ([-50, 0], "debt", (-100, 0)),
        ([44.9, 45.1], "lat", (44.7, 45.3)),
        ([1961, 2010], "year_built", (1910, 2060)),
        ([0, 0], "n", (0, 10)),
        ([0.0, 0.5], "n", (0, 1)),
        ([0, 0, 1], "yes", (0, 1)),
        ([0] * 99 + [1], "pixel", (0, 20)),
        ([-1.5, -0.1], "log_x", (-3, 2)),
        ([0.2, 2.5, 4.1], "ligand", (-4, 8)),
        ([0, 0.2, 2.5, 4.1], "ligand", (0, 9)),
        ([15.5, 27.1, 60.2], "bmi", (0, 110)),
        ([0.2, 2.5, 4.1], "price", (0, 8)),
        ([7, 7], "n", (0, 14)),
        ([0, 1, 2], "boats", (0, 10)),
        ([*range(101)] * 4 + [100_000], "amount", (0, 2_000_000)),
    ],
)
def test_ranges_are_round_and_leave_room_for_rows_to_come(
    values: list[float], name: str, bounds: tuple[float, float]
) -> None:
    assert widened(pd.Series(values, dtype="float64"), name) == bounds


def test_numbers_are_whole_only_where_the_file_writes_them_so() -> None:
    assert feature([1, 2, 3]).whole
    assert not feature(["1.0", "2.0", "3.0"]).whole
    assert not feature([1, 2.5, 3]).whole
    assert not feature([1, 30_000_000]).whole
    assert feature(["$1,200", "$3,400", "$900"]).whole


@pytest.mark.parametrize(
    ("name", "cells", "unit"),
    [
        ("tenure_days", [1, 2, 9], "days"),
        ("price_eur", [1.5, 2], "EUR"),
        ("Flipper Length (mm)", [181, 190, 200], "mm"),
        ("weightKg", [70, 80.5], "kg"),
        ("number_of_calls", [1, 2, 3], "count"),
        ("debt_to_income", [0.5, 1.5], "ratio"),
        ("v1", [1, 2.5], "units"),
        ("v1", ["12 %", "30 %"], "%"),
        ("v1", ["$12", "$30"], "$"),
    ],
)
def test_units_come_from_the_cells_else_from_the_name(name: str, cells: list[Any], unit: str) -> None:
    assert feature(cells, name).unit == unit


def test_words_for_nothing_make_a_number_that_may_be_missing() -> None:
    found = feature(["1.5", "n/a", "", "3"])
    assert isinstance(found, Number)
    assert found.missing


def test_true_and_false_and_plain_zeros_and_ones_are_flags() -> None:
    assert feature(["TRUE", "FALSE"]) == Flag(name="c", description="C", example=True)
    assert feature(["true", "false", "false", None]) == Flag(name="c", description="C", example=False, missing=True)
    assert isinstance(feature([0, 1, 1]), Flag)
    assert isinstance(feature(["0", "1", None]), Number), "tables write 0.0 and 1.0 where some are missing"
    assert isinstance(feature([0, 1], "num_children"), Number), "a count may be 2 tomorrow"


@pytest.mark.parametrize("levels", [("Yes", "No"), ("Y", "N"), ("rent", "owner")])
def test_other_pairs_of_words_stay_as_callers_write_them(levels: tuple[str, str]) -> None:
    found = feature([levels[0], levels[0], levels[1]])
    assert found == Category(name="c", description="C", levels=levels, example=levels[0], unseen="missing")


def test_levels_are_sorted_by_frequency_and_blanks_are_missing() -> None:
    found = feature(["b", "a", "c", "c", " ", "?", "NA"])
    assert found.levels == ("c", "b", "a")
    assert found.missing
    assert found.unseen == "missing"


def test_of_many_levels_those_with_enough_rows_are_kept() -> None:
    common = [f"L{number}" for number in range(10) for _ in range(30)]
    rare = [f"R{number}" for number in range(100)]
    found = feature(common + rare)
    assert found.levels == tuple(f"L{number}" for number in range(10))
    assert found.description == "C; others count as missing"


def test_codes_with_leading_zeros_are_levels() -> None:
    assert feature(["007", "010", "123"]).levels == ("007", "010", "123")


def test_numbers_with_few_values_stay_numbers_and_some_words_among_them_make_levels() -> None:
    assert isinstance(feature([1, 2, 3]), Number)
    assert feature(["0", "1", "2", "3+"]).levels == ("0", "1", "2", "3+")
    assert feature(["36 months", "60 months"]).levels == ("36 months", "60 months")


def test_a_few_odd_cells_in_a_column_of_numbers_are_to_be_mended() -> None:
    cells = [str(number) for number in range(300)] + ["12O"]
    with pytest.raises(DataError) as caught:
        inferred(frame(c=cells))
    assert caught.value.problems[0] == "column 'c': 1 of 400 cells are not a number: '12O'"
    assert "--exclude" in caught.value.problems[-1]


def test_infinite_numbers_are_to_be_mended() -> None:
    with pytest.raises(DataError, match="column 'c': 2 of 400 cells are infinite"):
        inferred(frame(c=[1.5] * 198 + ["inf", 2]))


def test_a_typed_frame_gives_what_its_text_gives() -> None:
    random = np.random.default_rng(1)
    typed = pd.DataFrame(
        {
            "n": random.integers(0, 9, ROWS),
            "x": random.normal(0, 1, ROWS).round(3),
            "f": random.random(ROWS) < 0.4,
            "c": random.choice(["u", "v", "w"], ROWS),
            "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 99, ROWS), unit="D"),
            "y": random.integers(0, 2, ROWS),
        }
    )
    text = typed.astype("str")
    assert inferred(typed).definition == inferred(text).definition


@pytest.mark.parametrize(
    ("cells", "name", "example", "parts"),
    [
        (["2026-03-01", "2024-05-02"], "opened", "2026-03-01", CALENDAR),
        (["31/12/2024", "01/02/2024"], "opened", "2024-12-31", CALENDAR),
        (["2026-03-01 10:00", "2026-03-02 12:00"], "o", "2026-03-02T12:00:00", (*CALENDAR, "hour")),
        (["2026-03-01 10:00", "2026-03-02 10:00"], "o", "2026-03-02T10:00:00", CALENDAR),
    ],
)  # fmt: skip
def test_dates_are_moments_and_have_hours_where_those_vary(
    cells: list[str], name: str, example: str, parts: tuple[str, ...]
) -> None:
    found = feature(cells, name)
    assert isinstance(found, Moment)
    assert (found.example, found.parts) == (example, parts)


def test_a_guess_about_the_month_is_said() -> None:
    found = inferred(frame(opened=["01/02/2024", "03/04/2024"]))
    assert any("'01/02/2024' is the month" in text for text in found.findings)


def test_dates_that_are_written_otherwise_than_requests_send_them_are_said() -> None:
    found = inferred(frame(opened=["31/12/2024", "01/02/2024"])).findings
    assert "column 'opened' writes '31/12/2024': requests send dates as 2024-12-31" in found
    assert not any("requests send" in text for text in inferred(frame(opened=["2024-12-31", "2024-02-01"])).findings)


def test_eight_digits_are_dates_only_when_all_are() -> None:
    days = [day.strftime("%Y%m%d") for day in pd.date_range("2024-01-01", periods=60)]
    assert isinstance(feature(days), Moment)
    assert isinstance(feature([*days, "20249999"]), Number)
    assert isinstance(feature(column(["20240101", "20240305"])), Number)
