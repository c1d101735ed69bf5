"""Features and schemas refuse what could not be served."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.definition import Category, Flag, Moment, Number, Schema, Series, read_moment
from models.definition.feature import MAX_WHOLE, describe


def number(**changes: Any) -> Number:
    return Number(
        **{"name": "n", "description": "d", "unit": "u", "minimum": 0, "maximum": 10, "example": 5, **changes}
    )


def category(**changes: Any) -> Category:
    return Category(**{"name": "c", "description": "d", "levels": ("a", "b"), "example": "a", **changes})


def at(**changes: Any) -> Moment:
    return Moment(**{"name": "m", "description": "d", "example": "2026-03-01", **changes})


def series(**changes: Any) -> Series:
    numbers = {"unit": "u", "minimum": 0, "maximum": 10, "min_length": 1, "max_length": 3, "example": (1.0, 2.0)}
    return Series(**{"name": "s", "description": "d", **numbers, **changes})


FLAG = Flag(name="f", description="d", example=False)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        (number(example=11), "n: the example 11 lies outside its range"),
        (number(example=-0.1), "n: the example -0.1 lies outside its range"),
        (number(example=float("nan")), "n: the example nan lies outside its range"),
        (number(minimum=6, maximum=4), "lies outside its range"),
        (number(example=2.5, whole=True), "n: the example 2.5 is not a whole number"),
        (number(maximum=MAX_WHOLE + 2, whole=True), "n: whole numbers beyond 2"),
        (number(minimum=-MAX_WHOLE - 2, whole=True), "n: whole numbers beyond 2"),
        (category(example="z"), "c: the example 'z' is not one of its levels"),
        (category(levels=()), "c: the example 'a' is not one of its levels"),
        (category(levels=("a", "b", "a")), "c: a level stands twice"),
        (at(example="soon"), "m: the example 'soon' is not ISO 8601"),
        (at(example="2026-02-30"), "m: the example '2026-02-30' is not ISO 8601"),
        (series(example=()), "s: the example's length 0 lies outside its range"),
        (series(example=(1.0,) * 4), "s: the example's length 4 lies outside its range"),
        (series(example=(1.0, 11.0)), "s: the example holds values outside its range"),
        (series(example=(1.0, float("nan"))), "s: the example holds values outside its range"),
    ],
)
def test_a_feature_that_contradicts_itself_is_refused_by_name(feature: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Schema((FLAG, feature))


@pytest.mark.parametrize(
    "feature",
    [number(example=0), number(example=10), number(maximum=MAX_WHOLE, whole=True), number(example=5.0, whole=True)],
)
def test_the_ends_of_a_range_belong_to_it(feature: Number) -> None:
    assert Schema((feature,)).example == {"n": feature.example}


def test_a_moment_without_an_offset_counts_as_utc() -> None:
    assert read_moment("2026-03-01") == read_moment("2026-03-01T00:00:00Z") == read_moment("2026-03-01T02:00:00+02:00")


def test_an_example_is_as_json_carries_it() -> None:
    assert json.loads(json.dumps(Schema((at(), series())).example)) == {"m": "2026-03-01", "s": [1.0, 2.0]}


def test_two_features_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match=r"feature names stand twice: c, n$"):
        Schema((number(), category(), FLAG, category(), number()))


def test_a_schema_knows_its_features_by_name_and_in_order() -> None:
    schema = Schema((number(), category(), FLAG))
    assert schema.names == ("n", "c", "f")
    assert schema.example == {"n": 5, "c": "a", "f": False}
    assert (len(schema), schema["c"]) == (3, category())
    with pytest.raises(KeyError):
        schema["x"]


def test_a_described_feature_is_plain_json_with_its_type_first() -> None:
    described = [describe(feature) for feature in (number(), category(unseen="missing"), FLAG, at(), series())]
    assert [next(iter(row.items())) for row in described] == [
        ("type", "number"),
        ("type", "category"),
        ("type", "flag"),
        ("type", "moment"),
        ("type", "series"),
    ]
    assert described[1]["levels"] == ["a", "b"]
    assert described[3]["parts"] == ["days", "day_of_year", "weekday"]
    assert described[4]["example"] == [1.0, 2.0]
    assert json.loads(json.dumps(described)) == described
