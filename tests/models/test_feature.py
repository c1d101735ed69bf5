"""Features and schemas refuse what could not be served."""

from __future__ import annotations

import json
from typing import Any

import pytest

from models.definition import Category, Flag, Number, Schema
from models.definition.feature import MAX_WHOLE, describe


def number(**changes: Any) -> Number:
    return Number(
        **{"name": "n", "description": "d", "unit": "u", "minimum": 0, "maximum": 10, "example": 5, **changes}
    )


def category(**changes: Any) -> Category:
    return Category(**{"name": "c", "description": "d", "levels": ("a", "b"), "example": "a", **changes})


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
    described = [describe(feature) for feature in (number(), category(unseen="missing"), FLAG)]
    assert [next(iter(row.items())) for row in described] == [
        ("type", "number"),
        ("type", "category"),
        ("type", "flag"),
    ]
    assert described[1]["levels"] == ["a", "b"]
    assert json.loads(json.dumps(described)) == described
