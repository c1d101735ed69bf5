"""Numbers that training never saw the like of are answered, and told to be guesses."""

from __future__ import annotations

from collections.abc import Mapping
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from inference.loaded import LoadedModel, load
from models.definition import Expansion, Flag, Moment, Number, Schema, Value
from registry.details import FeatureReference, Reference
from serving.answers import answerer
from serving.answers.outside import Outside
from serving.records import records
from serving.validation import Options
from tests.training import kinds


def number(name: str) -> Number:
    return Number(name=name, description="A number", unit="m", minimum=-1e9, maximum=1e9, example=1, missing=True)


def seen(name: str, low: float | None, high: float | None) -> FeatureReference:
    return FeatureReference(name=name, counts=(9,), missing=0, minimum=low, maximum=high)


INPUTS = Schema(
    (
        number("views"),
        number("ratio"),
        number("constant"),
        number("never"),
        Flag(name="flag", description="A flag", example=True),
        Moment(name="at", description="When", example="2026-03-01"),
    )
)
REFERENCE = Reference(
    features=(
        seen("views", 200, 3000),
        seen("ratio", 0.65, 1.4),
        seen("constant", 7, 7),
        seen("never", None, None),
        seen("flag", None, None),
        seen("at", 20_000, 20_500),
    ),
    score=seen("score", 0, 1),
)
USUAL: dict[str, Value] = {
    "views": 800,
    "ratio": 1.0,
    "constant": 7.0,
    "never": 1e9,
    "flag": True,
    "at": "1999-01-01",
}


def told(**changes: Value) -> list[str]:
    values = {**USUAL, **changes}
    return Outside(REFERENCE, INPUTS, tuple(values))(tuple(values.values()))


@pytest.mark.parametrize("changes", [{}, {"views": None}, {"views": 200}, {"views": 3280}, {"views": -80.0}])
def test_nothing_is_said_of_what_training_saw_or_nearly_saw(changes: dict[str, Value]) -> None:
    assert told(**changes) == []


def test_what_lies_a_tenth_of_the_range_beyond_is_told_with_the_range() -> None:
    assert told(views=1_000_000) == [
        "views of 1000000 lies outside the training rows' 200 to 3000: the answer is a guess"
    ]
    assert told(views=3281, ratio=0.5, constant=7.5) == [
        "views of 3281 lies outside the training rows' 200 to 3000: the answer is a guess",
        "ratio of 0.5 lies outside the training rows' 0.65 to 1.4: the answer is a guess",
        "constant of 7.5 lies outside the training rows' 7 to 7: the answer is a guess",
    ]


def test_names_that_are_no_inputs_are_not_looked_at() -> None:
    assert Outside(REFERENCE, INPUTS, ("unit_cost", "views"))((1e9, 800)) == []


def warnings_of(loaded: LoadedModel, record: Mapping[str, Value]) -> list[str]:
    """The warnings of a prediction, alone and in a batch."""
    definition = loaded.definition
    values = [record[name] for name in definition.schema.names]
    outputs: Any = loaded.explain(np.array(records(definition).one(loaded, values), np.float32))
    own = outputs if isinstance(definition.policy, Expansion) else outputs[0]
    answering, now = answerer(loaded, "champion"), perf_counter()
    warnings: list[str] = answering.prediction(own, values, Options(), now)["warnings"]
    (several,) = answering.predictions(np.array([own]), [values], Options(), now)
    assert several["warnings"] == warnings
    return warnings


@pytest.mark.parametrize("name", kinds.ROWS)
def test_versions_of_every_kind_tell_of_numbers_outside(name: str) -> None:
    definition = kinds.ROWS[name][0]
    loaded = load(definition, kinds.version(name))
    example = definition.schema.example
    usual = warnings_of(loaded, example)
    assert not any("is a guess" in warning and "training rows" in warning for warning in usual)
    ranges = {one.name: one for one in loaded.reference.features}
    for feature in definition.schema.features:
        if not isinstance(feature, Number) or feature.name not in ranges:
            continue
        highest = ranges[feature.name].maximum
        assert highest is not None
        told = warnings_of(loaded, {**example, feature.name: 10 * abs(highest) + 1e6})
        assert any(warning.startswith(f"{feature.name} of ") for warning in told)
