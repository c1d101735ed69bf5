"""Rows of observations: what is wrong with them is named with the way out, and what is not known is left out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from features.views import view
from models import catalogue
from training.errors import DataError
from training.observations import observations_of
from training.outcomes import checked

CHURN, DEMAND = catalogue()["churn"], catalogue()["demand"]
AT = datetime(2026, 3, 1, tzinfo=UTC)


def subscribers(count: int, outcome: Any = 0) -> list[tuple[Any, ...]]:
    return [(f"u{number}", AT, outcome) for number in range(count)]


def of_churn(rows: Sequence[tuple[Any, ...]]) -> tuple[list[Any], tuple[str, ...]]:
    return checked(rows, observations_of("churn"), view("user_engagement"), CHURN)


def of_demand(*outcomes: Any) -> tuple[list[Any], tuple[str, ...]]:
    rows = [("s", "k", AT + timedelta(days=number), later) for number, later in enumerate(outcomes)]
    return checked(rows, observations_of("demand"), view("sales_history"), DEMAND)


def test_rows_that_are_right_stay_as_they_are() -> None:
    rows = [*subscribers(200), ("u0", AT + timedelta(days=1), 1)]
    assert of_churn(rows) == (rows, ())
    assert of_churn([]) == ([], ())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((7, AT, 0), "column 'user_id': 1 of 2 are no text, such as 7; write user_id::text, not null"),
        ((None, AT, 0), "column 'user_id': 1 of 2 are no text, such as None"),
        (("", AT, 0), "column 'user_id': 1 of 2 are no text"),
        (
            ("u", AT.date(), 0),
            "column 'as_of': 1 of 2 are no timestamptz, such as 2026-03-01; write as_of::timestamptz",
        ),
        (("u", AT.replace(tzinfo=None), 0), "column 'as_of': 1 of 2 are no timestamptz"),
        (("u", None, 0), "column 'as_of': 1 of 2 are no timestamptz, such as None"),
    ],
)
def test_a_column_that_is_not_what_it_must_be_is_named(row: tuple[Any, ...], words: str) -> None:
    with pytest.raises(DataError, match=r"training/observations/churn\.sql") as caught:
        of_churn([*subscribers(1), row])
    assert words in str(caught.value)


def test_all_columns_are_named_at_once() -> None:
    with pytest.raises(DataError) as caught:
        of_churn([(None, None, 0)])
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("outcome", [None, float("nan"), "", "NaN"])
def test_outcomes_that_are_not_known_are_left_out_and_counted(outcome: Any) -> None:
    rows, findings = of_churn([*subscribers(3), ("later", AT, outcome)])
    assert rows == subscribers(3)
    assert findings == ("1 of 4 observations have no outcome and were left out",)


@pytest.mark.parametrize(
    "later", [[], [1.0, None], [1.0, float("nan")], [float("inf")], ["a"], 3.0, [[1.0]], [1.0] * 29]
)
def test_a_forecasts_outcome_is_an_array_of_numbers(later: Any) -> None:
    with pytest.raises(DataError, match=r"'outcome': 1 of 2 are no array of 1 to 28 finite numbers") as caught:
        of_demand([1.0] * 28, later)
    assert "coalesce() what has not happened to 0" in str(caught.value)


def test_a_forecasts_exact_decimals_become_floats() -> None:
    rows, findings = of_demand([Decimal("1.5"), 2], None)
    assert [row[-1] for row in rows] == [[1.5, 2.0]]
    assert all(type(value) is float for value in rows[0][-1])
    assert findings == ("1 of 2 observations have no outcome and were left out",)


def test_of_few_that_stand_twice_the_first_is_kept() -> None:
    rows, findings = of_churn([*subscribers(200), ("u3", AT, 1)])
    assert rows == subscribers(200)
    words = "1 of 201 observations stand more than once for the same user_id as_of; the first of each was kept"
    assert findings == (words,)


def test_many_that_stand_twice_are_refused_with_an_example() -> None:
    with pytest.raises(DataError) as caught:
        of_churn([*subscribers(90), *subscribers(10), *subscribers(1)])
    text = str(caught.value)
    assert "11 of 101 observations stand more than once for the same user_id as_of, such as u0 at 2026-03-01" in text
    assert "3 times; its grain is one row per user_id and as_of: add the condition that a join lacks" in text
