"""Rows that do not fit are refused with the column and the count."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.definition import Category, Definition, Kind, Schema, Target
from tests.training import kinds, small
from training.check import check
from training.errors import DataError
from training.unnamed import unnamed_levels


def problem(frame: pd.DataFrame) -> str:
    with pytest.raises(DataError) as caught:
        check(frame, small.definition, "rows.csv")
    assert str(caught.value).startswith("rows.csv: ")
    return str(caught.value)


def with_values(column: str, values: dict[int, Any]) -> pd.DataFrame:
    frame = small.frame(400).astype({column: object})
    for row, value in values.items():
        frame.at[row, column] = value
    return frame


def test_fitting_rows_become_numbers_and_categories() -> None:
    table = small.table(400)
    assert list(table.features.columns) == list(small.definition.schema.names)
    assert table.features["f"].dtype == np.float64
    assert list(table.features["d"].cat.categories) == ["low", "mid", "high"]
    assert set(table.target) == {0, 1}


def test_a_missing_column_is_named_with_those_that_are_there() -> None:
    message = problem(small.frame(400).drop(columns=["n", "y"]))
    assert "there are no columns 'n' and 'y'; its columns are x, f" in message
    assert "; bring 'n', or delete it from models/small.py" in message
    without = problem(small.frame(400).drop(columns="y"))
    assert "there is no column 'y'" in without
    assert "delete" not in without, "a target cannot be done without"
    assert "bring them, or delete the features among them from models/small.py" in problem(
        small.frame(400).drop(columns=["n", "x"])
    )


@pytest.mark.parametrize(
    ("column", "values", "words"),
    [
        ("x", {0: "many", 5: "few"}, "column 'x': 2 values are not a number, such as 'many'"),
        (
            "x",
            {3: 101.0},
            "column 'x': 1 value is outside -100 to 100, such as 101; mend them, or raise its maximum in",
        ),
        ("x", {3: -101.0}, "such as -101; mend them, or lower its minimum in models/small.py"),
        ("x", {3: 101.0, 5: -101.0}, "lower its minimum and raise its maximum in models/small.py"),
        ("x", {3: float("inf")}, "column 'x': 1 value is outside -100 to 100, such as inf"),
        ("n", {1: 2.5}, "column 'n': 1 value is not whole, such as 2.5"),
        ("n", {1: None, 2: " "}, "column 'n': 2 values are missing, which the schema does not allow"),
        ("f", {4: "perhaps"}, "column 'f': 1 value is not true or false, such as 'perhaps'"),
        (
            "d",
            {0: "top", 1: "top", 2: "deep"},
            "column 'd': 3 values are of no known level: 'top' (2), 'deep' (1); add",
        ),
        ("d", {0: "top"}, "'top' (1); add them to its levels in models/small.py"),
        ("d", {0: None}, "column 'd': 1 value is missing, which the schema does not allow"),
        ("y", {0: 2}, "target 'y' is not binary with positive '1': it holds '0', '1', '2'"),
    ],
)
def test_a_wrong_value_is_counted_in_its_column(column: str, values: dict[int, Any], words: str) -> None:
    assert words in problem(with_values(column, values))


@pytest.mark.parametrize("unknown", [None, np.nan, "", "  ", "n/a"])
def test_rows_without_a_target_are_left_out_and_counted(unknown: Any) -> None:
    frame = with_values("y", {0: unknown, 7: unknown})
    table = check(frame, small.definition, "rows")
    expected = small.frame(400).drop(index=[0, 7])
    assert table.target.tolist() == expected["y"].tolist()
    assert table.features["amount"].tolist() == expected["amount"].tolist()
    assert table.findings == ("2 of 400 rows have no 'y' and were left out",)
    assert small.table(400).findings == ()


def test_everything_wrong_is_said_at_once() -> None:
    frame = with_values("x", {0: 500.0})
    frame["n"] = frame["n"] + 0.5
    message = problem(frame)
    assert "column 'x'" in message
    assert "column 'n': 400 values are not whole" in message


def test_blank_text_in_a_number_is_missing() -> None:
    table = check(with_values("x", {0: " ", 1: "", 2: " 2.5 "}), small.definition, "rows")
    assert np.isnan(table.features["x"].iloc[:2]).all()
    assert table.features["x"].iloc[2] == 2.5


@pytest.mark.parametrize("words", [("Yes", "No"), ("true", "FALSE"), (1, 0), (1.0, 0.0), (True, False)])
def test_flags_are_read_in_any_usual_spelling(words: tuple[Any, Any]) -> None:
    frame = small.frame(400)
    truth = frame["f"].to_numpy()
    frame["f"] = np.where(truth, *[np.array(word, object) for word in words])
    assert (check(frame, small.definition, "rows").features["f"].to_numpy() == truth).all()


@pytest.mark.parametrize(("yes", "no"), [("Yes", "No"), (True, False), ("1", "0"), (1.0, 0.0)])
def test_a_target_in_any_usual_spelling_gives_the_same_labels(yes: Any, no: Any) -> None:
    frame = small.frame(400)
    expected = frame["y"].to_numpy()
    frame["y"] = [yes if label else no for label in expected]
    assert (check(frame, small.definition, "rows").target == expected).all()


def test_the_named_value_of_the_target_is_the_positive_one() -> None:
    frame = small.frame(400)
    expected = frame["y"].to_numpy()
    frame["y"] = np.where(expected == 1, "left", "stayed")
    definition = dataclasses.replace(small.definition, target=Target(column="y", description="", positive="left"))
    assert (check(frame, definition, "rows").target == expected).all()
    assert "it holds 'left', 'stayed'" in problem(frame)


def test_unknown_levels_count_as_missing_where_the_schema_says_so() -> None:
    table = check(with_values("c", {0: "zebra"}), small.definition, "rows")
    assert table.features["c"].isna().sum() == 1
    assert table.findings == (), "a level in 1 of 400 rows is nothing new"


def test_new_levels_in_many_rows_are_named_with_their_share_and_the_remedy() -> None:
    new = dict.fromkeys(range(0, 400, 4), "zebra") | dict.fromkeys(range(1, 21), "yak") | {30: None, 31: " ", 33: "n/a"}
    table = check(with_values("c", new), small.definition, "rows")
    (finding,) = table.findings
    share = f"column 'c': {115 / 400:.1%} of the rows hold levels that the definition does not name"
    remedy = "they count as missing: add them to its levels in models/small.py"
    assert finding == f"{share}: 'zebra' (95), 'yak' (20); {remedy}"


def test_rare_levels_of_a_wide_category_are_left_out_on_purpose() -> None:
    wide = Category(name="w", description="", levels=tuple(f"town {n}" for n in range(51)), example="town 0")
    schema = Schema((dataclasses.replace(wide, unseen="missing", missing=True),))
    rare = pd.DataFrame({"w": [f"hamlet {n // 5}" for n in range(400)]})
    assert unnamed_levels(rare, schema, "models/small.py") == ()
    (finding,) = unnamed_levels(rare.replace("hamlet 0", "hamlet 1"), schema, "models/small.py")
    assert "2.5% of the rows" in finding
    assert "'hamlet 1' (10);" in finding


def test_too_few_rows_or_positives_are_refused() -> None:
    assert "99 rows are too few: at least 100" in problem(small.frame(99))
    frame = small.frame(400)
    frame["y"] = [1] * 3 + [0] * 397
    assert "3 positives are too few" in problem(frame)


# --- the target of every kind ----------------------------------------------------------------------------------------


def problem_of(frame: pd.DataFrame, definition: Definition) -> str:
    with pytest.raises(DataError) as caught:
        check(frame, definition, "rows")
    return str(caught.value)


@pytest.mark.parametrize("name", kinds.DEFINITIONS)
def test_rows_of_every_kind_become_a_table_of_its_inputs(name: str) -> None:
    definition, rows = kinds.ROWS[name]
    table = check(rows(), definition, "rows")
    assert list(table.features.columns) == list(definition.inputs.names)
    assert len(table.target) == len(table)
    expected = {Kind.BINARY: np.int8, Kind.ANOMALY: np.int8, Kind.MULTICLASS: np.int64}
    assert table.target.dtype == expected.get(definition.kind, np.float64)
    assert (table.amounts is None) == (definition.amount is None)


def test_classes_are_numbered_in_the_order_of_the_definition() -> None:
    frame = kinds.several_rows(400)
    table = check(frame, kinds.several, "rows")
    assert kinds.several.target is not None
    assert [kinds.several.target.classes[number] for number in table.target] == frame["k"].tolist()


def test_classes_that_are_numbers_are_read_in_any_spelling() -> None:
    target = Target(column="k", description="", classes=("1", "2", "3"))
    definition = dataclasses.replace(kinds.several, target=target)
    frame = kinds.several_rows(400)
    number = frame["k"].map({"bronze": 1, "silver": 2, "gold": 3})
    for column in (number, number.astype(float), number.astype(str), number.astype(float).astype(str) + " "):
        assert (check(frame.assign(k=column), definition, "rows").target == number - 1).all()


def test_a_class_that_is_not_known_or_too_rare_is_named() -> None:
    frame = kinds.several_rows(400)
    frame.loc[:4, "k"] = "platinum"
    assert "target 'k': 5 values are of no known class, such as 'platinum'" in problem_of(frame, kinds.several)
    frame = kinds.several_rows(400)
    gold = frame.index[frame["k"] == "gold"]
    frame.loc[gold[9:], "k"] = "silver"
    assert "9 rows of class 'gold' are too few: at least 10 are needed" in problem_of(frame, kinds.several)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({0: "much", 1: "little"}, "2 values are not a number, such as 'much'"),
        ({3: float("inf")}, "target 'q': 1 value is infinite"),
    ],
)
def test_a_quantity_is_a_finite_number(values: dict[int, Any], words: str) -> None:
    frame = kinds.quantity_rows(400).astype({"q": object})
    for row, value in values.items():
        frame.at[row, "q"] = value
    assert words in problem_of(frame, kinds.quantity)


def test_a_quantity_that_is_always_the_same_teaches_nothing() -> None:
    assert "target 'q' is 3 in all rows" in problem_of(kinds.quantity_rows(400).assign(q=3), kinds.quantity)


def test_an_anomaly_model_needs_no_target_and_takes_one_without_a_single_anomaly() -> None:
    frame = kinds.odd_rows(400)
    without = dataclasses.replace(kinds.odd, target=None)
    assert not check(frame.drop(columns="odd"), without, "rows").target.any()
    assert not check(frame.assign(odd=0), kinds.odd, "rows").target.any()
    assert (check(frame, kinds.odd, "rows").target == frame["odd"]).all()


def test_amounts_are_numbers_and_may_be_missing() -> None:
    frame = kinds.additive_rows(400)
    table = check(frame, kinds.additive, "rows")
    assert table.amounts is not None
    np.testing.assert_array_equal(table.amounts, frame["paid"])
    assert "column 'paid': 400 values are not a number" in problem_of(frame.assign(paid="some"), kinds.additive)


def test_a_column_that_is_named_twice_or_stands_twice() -> None:
    """A group may be a feature too, but a file must not hold a column twice."""
    frame = kinds.quantity_rows(400)
    doubled = pd.concat([frame, frame[["x", "d"]]], axis=1)
    assert "columns 'x' and 'd' stand twice" in problem_of(doubled, kinds.quantity)


def test_dates_and_numbers_order_rows_and_other_times_are_refused() -> None:
    recipe = dataclasses.replace(small.definition.recipe, time_column="when")
    definition = dataclasses.replace(small.definition, recipe=recipe)
    frame = small.frame(400)
    dates = check(frame, definition, "rows").times
    texts = check(frame.assign(when=frame["when"].astype(str)), definition, "rows").times
    assert dates is not None and texts is not None
    assert (dates == texts).all()
    with pytest.raises(DataError, match="time column 'when': 400 values are missing or no dates"):
        check(frame.assign(when="soon"), definition, "rows")


def test_the_fingerprint_changes_with_any_value_and_with_the_order() -> None:
    table = small.table(400)
    assert table.fingerprint() == small.table(400).fingerprint()
    assert table.fingerprint() != check(with_values("x", {7: 1.25}), small.definition, "rows").fingerprint()
    assert table.fingerprint() != table.take(np.arange(400)[::-1]).fingerprint()
