"""Which kind of model a target asks for, and which value is the event."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from models.definition import Definition, Kind, Target
from tests.training.infer.frames import ROWS, frame, inferred
from training.errors import DataError


def target(values: Any, **wishes: Any) -> Target:
    found = inferred(frame(y=values), **wishes).definition.target
    assert found is not None
    return found


def kind(values: Any, **wishes: Any) -> Kind:
    definition: Definition = inferred(frame(y=values), **wishes).definition
    return definition.kind


def findings(values: Any, **wishes: Any) -> str:
    return "; ".join(inferred(frame(y=values), **wishes).findings)


def problem(values: Any, **wishes: Any) -> str:
    with pytest.raises(DataError) as caught:
        inferred(frame(y=values), **wishes)
    return str(caught.value)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["yes", "no"], Kind.BINARY),
        ([0, 1], Kind.BINARY),
        (["1.0", "0.0"], Kind.BINARY),
        ([0.5, 1.5], Kind.BINARY),
        (["a", "b", "c"], Kind.MULTICLASS),
        ([0, 1, 2, 3], Kind.MULTICLASS),
        (["0.0", "1.0", "2.0"], Kind.MULTICLASS),
        (range(21), Kind.REGRESSION),
        ([1, 2, 3.5], Kind.REGRESSION),
        ([*[0, 1, 2] * 100, 3], Kind.REGRESSION),
        (["$1,200", "$900.50", "$1,300"], Kind.REGRESSION),
        ([f"{number},5" for number in range(40)], Kind.REGRESSION),
    ],
)
def test_the_kind_follows_the_target(values: Any, expected: Kind) -> None:
    assert kind(list(values)) is expected


def test_the_kind_can_be_told_where_the_target_allows_it() -> None:
    assert kind([0, 1, 2, 3], kind=Kind.REGRESSION) is Kind.REGRESSION
    assert kind(list(range(21)), kind=Kind.MULTICLASS) is Kind.MULTICLASS
    assert "a binary model's target has two" in problem(["a", "b", "c"], kind=Kind.BINARY)
    assert "several classes are 3 to 50" in problem(["a", "b"], kind=Kind.MULTICLASS)
    assert "is not a number in 400 of 400 rows, such as 'yes', 'no'" in problem(["yes", "no"], kind=Kind.REGRESSION)
    assert "an optimiser cannot be inferred" in problem([1, 2.5, 3], kind=Kind.OPTIMISER)


def test_a_choice_that_could_be_another_is_said() -> None:
    assert "4 different whole numbers, taken as classes; for a quantity add --kind regression" in findings([0, 1, 2, 3])
    assert "some of them rare, taken as a quantity" in findings([*[0, 1, 2] * 100, 3])


@pytest.mark.parametrize(
    ("values", "positive"),
    [
        (["no", "no", "yes"], "yes"),
        (["Yes", "Yes", "No"], "Yes"),
        ([1, 1, 0], 1),
        (["1.0", "1.0", "0.0"], 1),
        (["TRUE", "TRUE", "FALSE"], "TRUE"),
        (["pos", "pos", "neg"], "pos"),
        ([-1, 1, 1], 1),
    ],
)
def test_the_event_is_what_says_yes(values: list[Any], positive: str | int) -> None:
    assert target(values).positive == positive
    assert "rarer" not in findings(values)


def test_the_event_is_else_the_rarer_class_and_that_is_said() -> None:
    assert target(["good", "good", "bad"]).positive == "bad"
    assert target([1, 2, 2]).positive == 1
    assert "the event is y = 'bad' (the rarer class); for the other add --positive" in findings(["good", "good", "bad"])


def test_the_event_can_be_told_in_any_case_and_other_values_are_refused() -> None:
    assert target(["good", "good", "bad"], positive="GOOD").positive == "good"
    assert target(["1.0", "0.0"], positive="0.0").positive == 0
    assert "--positive: 'y' holds no 'goood'; did you mean 'good'?" in problem(["good", "bad"], positive="goood")


def test_classes_of_numbers_are_in_their_order_and_others_by_size() -> None:
    assert target([10, 2, 1, 1]).classes == ("1", "2", "10")
    assert target(["b", "c", "c", "a"]).classes == ("c", "a", "b")


def test_spellings_that_differ_in_case_are_one_class_and_that_is_said() -> None:
    values = ["No", "No", "No", "Yes", "yes", "YES", "Yes", "no"]
    assert target(values).positive == "Yes"
    assert "150 rows spell a class otherwise ('yes', 'YES', 'no'); they count as 'No' and 'Yes'" in findings(values)


def test_rows_without_an_outcome_are_counted() -> None:
    assert "200 of 400 rows have no 'y'" in findings(["yes", "NA", "no", ""])
    assert kind([*[str(number) for number in range(98)], "n/a", "unknown"]) is Kind.REGRESSION


def test_a_boolean_column_has_a_boolean_event() -> None:
    rows = frame().assign(y=pd.Series([True, False] * (ROWS // 2)))
    found = inferred(rows).definition.target
    assert found is not None
    assert found.positive is True


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (["good"], "is 'good' in all rows: there is nothing to learn"),
        ([3], "is 3 in all rows: there is nothing to learn"),
        ([None], "is missing in all rows: there is nothing to learn"),
        ([f"C{number}" for number in range(ROWS)], "400 different texts in 400 rows: a model tells up to 50 classes"),
        ([*map(str, range(99)), "12O"], "is not a number in 4 of 400 rows, such as '12O': mend these cells"),
    ],
)
def test_a_target_that_teaches_nothing_is_refused(values: list[Any], words: str) -> None:
    assert words in problem(values)


def test_a_quantity_has_the_unit_of_its_cells_or_its_name() -> None:
    assert target([f"${number}.50" for number in range(30)]).unit == "$"
    rows = frame(price_eur=[number / 3 for number in range(ROWS)])
    found = inferred(rows, target="price_eur").definition.target
    assert found is not None
    assert found.unit == "EUR"


def test_nines_far_from_all_other_quantities_count_as_missing_and_that_is_said() -> None:
    values = [*(number + 0.5 for number in range(100)), 99999, -999]
    said = findings(values)
    assert "99999, -999 as 'y' lies far from all other values: it counts as missing" in said
    assert "rows have no 'y': training leaves them out" in said
    assert "counts as missing" not in findings([*(number + 0.5 for number in range(990)), 999])
    assert "counts as missing" not in findings([1, 2, 999])
