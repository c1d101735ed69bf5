"""What is left out, what the rows are split by, and what a maker's wishes change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import pytest

from models.definition import AnomalyPolicy, BinaryPolicy, Forecast, Kind, RegressionPolicy
from tests.training.infer.frames import ROWS, column, feature, frame, inferred, left_out
from training.errors import DataError
from training.infer.model_file import model_file

TEXTS = ("sold at a discount", "asked for the manager", "came back twice and was friendly", "never called again")
DAYS = [day.isoformat() for day in pd.date_range("2024-01-01", periods=ROWS, freq="2D").date]


def problem(rows: pd.DataFrame, **wishes: Any) -> str:
    with pytest.raises(DataError) as caught:
        inferred(rows, **wishes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "name", "words"),
    [
        (range(1, ROWS + 1), "row", "it numbers the rows: whole numbers from 1 to 400, no two alike"),
        ([7 * ((number * 37) % ROWS) for number in range(ROWS)], "customer_no", "an id: 400 different numbers"),
        ([(number * 37) % ROWS for number in range(ROWS)], "column_1", "it numbers the rows"),
        ([1000 + number // 3 for number in range(ROWS)], "user_id", "an id: 134 different numbers in 400 rows"),
        ([f"C{number:05}" for number in range(ROWS)], "who", "an id: 400 different texts in 400 rows"),
        ([f"{number * 7919:024x}" for number in range(ROWS)], "hash", "an id: 400 different texts"),
        ([f"C{number // 3:05}" for number in range(ROWS)], "customer_id", "an id: 134 different texts"),
        ([f"Mr {chr(65 + n % 26)}{'ab' * (n // 26)}" for n in range(ROWS)], "passenger", "names: 400 different texts"),
        (
            [f"{TEXTS[n % 4]}, {TEXTS[n // 4 % 4]}, {n}" for n in range(ROWS)],
            "remark",
            "free text: 400 different texts",
        ),
        ([f"Z{number % 150}" for number in range(ROWS)], "code", "100% of them in fewer than 10 rows each"),
        (["ES"], "country", "it is 'ES' in all rows"),
        ([7], "batch", "it is 7 in all rows"),
        ([None, "", " "], "blank", "it is empty"),
        (["x"] * 3 + [None] * 97, "note", "388 of 400 values are missing"),
    ],
)
def test_what_cannot_help_is_left_out_with_the_evidence(values: Any, name: str, words: str) -> None:
    assert words in left_out(list(values), name)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ([(number * 37) % ROWS for number in range(ROWS)], "mileage"),  # different in all rows, but a quantity
        ([number % 7 for number in range(ROWS)], "store_id"),  # few shops
        (["x", None], "either"),  # that it is missing may say something
        ([f"town {number % 20}" for number in range(ROWS)], "town"),
        ([number + 0.5 for number in range(ROWS)], "clock"),
    ],
)
def test_what_may_help_is_kept(values: list[Any], name: str) -> None:
    assert left_out(values, name) == ""


def test_a_column_that_repeats_another_in_any_spelling_is_left_out_and_the_first_is_kept() -> None:
    random = [str(number * 37 % 101) for number in range(ROWS)]
    days = [DAYS[(number * 37) % ROWS] for number in range(ROWS)]
    german = [pd.Timestamp(day).strftime("%d.%m.%Y") for day in days]
    found = inferred(
        frame(n=random, m=[f"{text}.0" for text in random], o=[*random[:-1], None], opened=days, started=german)
    )
    assert [(left.name, left.reason) for left in found.left_out] == [
        ("m", "it says the same as 'n' in all rows"),
        ("started", "it says the same as 'opened' in all rows"),
    ]
    timed = inferred(frame(started=german, opened=days), time="opened")
    assert [left.name for left in timed.left_out] == ["started"]


def test_rows_and_classes_that_are_too_few_to_train_on_are_named_at_once() -> None:
    assert any("99 rows are too few to train on" in text for text in inferred(frame().head(99)).findings)
    assert any("150 rows are few" in text for text in inferred(frame().head(150)).findings)
    rare = inferred(frame(y=["a", "b", "c", "a"] * 90 + ["lone"] + ["a"] * 39)).findings
    assert any("rows of 'lone' (1) are too few to train on, at least 10 are needed" in text for text in rare)


def test_an_id_with_several_rows_is_said_to_be_a_group() -> None:
    ids = [f"C{number // 4:05}" for number in range(ROWS)]
    assert any("add --group 'customer_id'" in text for text in inferred(frame(customer_id=ids)).findings)
    grouped = inferred(frame(customer_id=ids), group="customer_id")
    assert grouped.definition.recipe.group_column == "customer_id"
    assert "customer_id" not in grouped.definition.schema.names
    assert not any("--group" in text for text in grouped.findings)


def test_an_id_whose_rows_can_be_recognised_keeps_them_together_and_that_is_said() -> None:
    member = [f"C{number * 7919 % 100:06}" for number in range(ROWS)]
    income = [20_000 + 37 * (number % 100) for number in range(ROWS)]
    found = inferred(frame(member=member, income=income))
    assert found.definition.recipe.group_column == "member"
    assert "member" not in found.definition.schema.names
    said = "column 'member' names something that has 4.0 rows on average, all with the same 'income'"
    assert any(said in text for text in found.findings)
    assert inferred(frame(member=member)).definition.recipe.group_column is None
    assert inferred(frame(member=member, rare=[1, *[0] * 99])).definition.recipe.group_column is None
    timed = inferred(frame(member=member, income=income, opened=DAYS))
    assert (timed.definition.recipe.time_column, timed.definition.recipe.group_column) == ("opened", None)
    assert any("add --group 'member'" in text for text in timed.findings)


def test_a_file_sorted_by_a_date_is_split_by_it_and_the_model_does_not_see_the_day() -> None:
    found = inferred(frame(opened=DAYS))
    assert found.definition.recipe.time_column == "opened"
    assert found.definition.schema["opened"].parts == ("day_of_year", "weekday")  # type: ignore[union-attr]
    assert any("the file is sorted by 'opened', 2024-01-01 to 2026-03-09" in text for text in found.findings)
    newest_first = inferred(frame(opened=DAYS[::-1]))
    assert newest_first.definition.recipe.time_column == "opened"


def test_the_day_of_the_year_needs_more_than_one_year() -> None:
    short = [day.isoformat() for day in pd.date_range("2024-01-01", periods=ROWS, freq="12h")]
    found = inferred(frame(opened=short))
    assert found.definition.schema["opened"].parts == ("weekday", "hour")  # type: ignore[union-attr]


def test_shuffled_dates_split_the_rows_only_under_a_name_that_says_when_they_came_to_be() -> None:
    shuffled = [DAYS[(number * 37) % ROWS] for number in range(ROWS)]
    for name in ("order_date", "created_at", "when", "timestamp"):
        assert inferred(frame(**{name: shuffled})).definition.recipe.time_column == name
    for name in ("birth_date", "opened", "Date Egg", "collection_date"):
        assert inferred(frame(**{name: shuffled})).definition.recipe.time_column is None
    assert inferred(frame(birth_date=DAYS)).definition.recipe.time_column is None


def test_a_column_to_split_by_can_be_named_and_a_number_is_then_no_feature() -> None:
    found = inferred(frame(week=[number // 10 for number in range(ROWS)]), time="week")
    assert found.definition.recipe.time_column == "week"
    assert "week" not in found.definition.schema.names
    assert "neither dates nor numbers" in problem(frame(week=["a", "b"]), time="week")
    assert "every row needs a time" in problem(frame(week=[1, 2, None]), time="week")


def test_a_quantity_at_irregular_times_is_a_regression_tested_on_the_latest_rows() -> None:
    rows = frame(when=DAYS, y=[number * 1.5 for number in range(ROWS)])
    found = inferred(rows, time="when")
    assert found.definition.kind is Kind.REGRESSION
    assert found.definition.recipe.time_column == "when"
    assert any("no regular series" in finding for finding in found.findings)
    assert inferred(rows).definition.kind is Kind.REGRESSION
    assert "one value each hour, day, week or month" in problem(rows, time="when", kind=Kind.FORECAST)


@pytest.mark.parametrize(
    ("frequency", "period", "longest"), [("h", "hour", 48), ("D", "day", 28), ("W", "week", 26), ("MS", "month", 12)]
)
def test_a_quantity_in_regular_series_is_a_forecast(frequency: str, period: str, longest: int) -> None:
    several = 1 if period == "hour" else 2  # 200 hours are too few
    moments = [moment.isoformat() for moment in pd.date_range("2000-01-01", periods=ROWS // several, freq=frequency)]
    shops = [shop for shop in ("north", "south")[:several] for _ in moments]
    columns: dict[str, Sequence[Any]] = {
        "when": moments * several,
        "shop": shops,
        "price": [2.5, 3.1],
        "footfall": [17, 4, 9],
    }
    found = inferred(frame(**columns, y=[number * 1.5 for number in range(ROWS)]), time="when", group="shop")
    policy = found.definition.policy
    assert isinstance(policy, Forecast)
    assert (policy.window.period, policy.window.longest, policy.window.series) == (period, longest, ("shop",))
    assert [feature.name for feature in policy.window.covariates] == ["price"], "what else comes is not known ahead"
    assert {left.name for left in found.left_out} == {"shop", "footfall", "x"}
    made: dict[str, Any] = {}
    exec(model_file(found), made)
    assert made["definition"] == found.definition


def sales(days: pd.DatetimeIndex, shops: int = 1) -> pd.DataFrame:
    """A row per shop and day, the quantities with a weekly pattern."""
    rows = [
        (day, f"shop {shop}", 10 + shop + day.day_of_week + n / 4)
        for shop in range(shops)
        for n, day in enumerate(days)
    ]
    when, shop, sold = zip(*rows, strict=True)
    return pd.DataFrame({"day": [day.date().isoformat() for day in when], "shop": shop, "y": list(map(str, sold))})


def test_a_shop_that_is_closed_on_sundays_is_a_forecast_with_0_on_sundays() -> None:
    days = pd.date_range("2024-01-01", periods=210, freq="D")
    found = inferred(sales(days[days.day_of_week < 6], 2), time="day")
    policy = found.definition.policy
    assert isinstance(policy, Forecast)
    assert (policy.window.minimum, policy.window.example.count(0)) == (0, 4)
    said = "58 of 418 days are regularly missing, all on Sundays: they count as 0, and must be sent as 0 in a history"
    assert said in found.findings


def test_days_that_are_missing_now_and_then_are_filled_in_and_too_many_are_refused() -> None:
    days = pd.date_range("2024-01-01", periods=210, freq="D")
    found = inferred(sales(days[[n % 9 != 4 for n in range(210)]]), time="day")
    assert found.definition.kind is Kind.FORECAST
    assert any(
        text.startswith("23 of 210 days are missing now and then: they were filled in") for text in found.findings
    )
    torn = sales(days[[n % 20 < 13 for n in range(210)]])
    gaps = "too many days are missing in 1 series: add a row for each of them, with 0 where there was nothing"
    assert gaps in problem(torn, time="day", kind=Kind.FORECAST)
    assert any(gaps in text for text in inferred(torn, time="day").findings)


def test_series_that_are_too_short_say_how_many_periods_are_needed() -> None:
    short = sales(pd.date_range("2024-01-01", periods=40, freq="D"))
    words = "no series is long enough: at least 56 days are needed, the longest has 40"
    assert words in problem(short, time="day", kind=Kind.FORECAST)
    found = inferred(short, time="day")
    assert found.definition.kind is Kind.REGRESSION
    assert any(text.startswith(f"no forecast: {words}, so this is a regression") for text in found.findings)


def test_a_regression_on_rows_that_are_series_names_the_option_that_makes_a_forecast() -> None:
    found = inferred(sales(pd.date_range("2024-01-01", periods=100, freq="D"), 3))
    assert found.definition.kind is Kind.REGRESSION
    hint = "the rows are regular series, one value each day of 'day': add --time 'day' for a forecast"
    assert any(text.startswith(hint) for text in found.findings)
    assert not any("--time" in text for text in inferred(frame(opened=DAYS, y=list(range(ROWS)))).findings)


def test_columns_that_tell_series_apart_are_found() -> None:
    moments = [day.isoformat() for day in pd.date_range("2024-01-01", periods=ROWS // 4, freq="D")]
    shops = [shop for shop in ("north", "south") for _ in range(ROWS // 2)]
    items = [item for _ in range(2) for item in ("tea", "milk") for _ in range(ROWS // 4)]
    found = inferred(frame(when=moments * 4, shop=shops, item=items, y=list(range(ROWS))), time="when")
    policy = found.definition.policy
    assert isinstance(policy, Forecast)
    assert set(policy.window.series) == {"shop", "item"}


def test_wishes_about_columns_that_are_not_there_name_the_nearest() -> None:
    found = problem(frame(tenure=[1, 2, 3]), target="Y", exclude=("tenur",), group="z")
    assert "--target: there is no column 'Y'; did you mean 'y'?" in found
    assert "--exclude: there is no column 'tenur'; did you mean 'tenure'?" in found
    assert "--group: there is no column 'z'; known are 'tenure', 'x', 'y'" in found
    assert "cannot be two of --target, --group and --time" in problem(frame(), group="y")
    assert "--exclude: column 'y' is needed" in problem(frame(), exclude=("y",))


def test_excluded_columns_are_not_even_looked_at() -> None:
    odd = [str(number) for number in range(300)] + ["12O"]
    found = inferred(frame(c=odd), exclude=("c",))
    assert found.definition.schema.names == ("x",)
    assert [(left.name, left.reason) for left in found.left_out] == [("c", "as asked for")]


def test_without_any_column_to_learn_from_nothing_is_made() -> None:
    assert "no column is left to learn from; column 'x': it is 1 in all rows" in problem(frame(x=[1]))


def test_without_a_target_it_is_an_anomaly_model() -> None:
    found = inferred(frame().drop(columns="y"), target=None)
    assert found.definition.kind is Kind.ANOMALY
    assert found.definition.target is None
    assert found.definition.policy == AnomalyPolicy()
    assert "needs --target" in problem(frame(), target=None, kind=Kind.BINARY)


def test_levels_lie_around_the_rate_of_the_event() -> None:
    policy = inferred(frame(y=["no"] * 9 + ["yes"])).definition.policy
    assert isinstance(policy, BinaryPolicy)
    assert [(level.name, level.from_score) for level in policy.levels] == [("LOW", 0), ("MEDIUM", 0.1), ("HIGH", 0.25)]
    common = inferred(frame(y=["yes"] * 399 + ["no"])).definition.policy
    assert isinstance(common, BinaryPolicy)
    assert common.levels[1].from_score < common.levels[2].from_score < 1
    assert isinstance(inferred(frame(y=[n / 7 for n in range(ROWS)])).definition.policy, RegressionPolicy)


def test_the_recipe_names_the_rows_and_leaves_traps_out() -> None:
    recipe = inferred(frame(), data="data/rows.csv").definition.recipe
    assert (recipe.data, recipe.query, recipe.form, recipe.traps) == ("data/rows.csv", None, "auto", "leave_out")
    assert inferred(frame(), query="select 1").definition.recipe.query == "select 1"


def test_few_rows_are_pointed_out() -> None:
    assert any("120 rows are few" in text for text in inferred(frame().head(120)).findings)


def test_each_column_is_told_as_it_is_looked_at() -> None:
    from training.infer import Wishes, infer

    seen: list[str] = []
    infer(frame(c=column(["a", "b"])), Wishes(name="lapse", target="y"), seen.append)
    assert seen == ["c", "x"]


def test_a_level_that_readers_take_for_nothing_may_be_sent_as_null() -> None:
    assert feature(["None", "brick", "stone"]).missing
