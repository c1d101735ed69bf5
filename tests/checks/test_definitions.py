"""What every model's definition must fulfil. A new model gets these checks by being in `models/`."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator

import pytest

from models import catalogue
from models.definition import (
    Category,
    CostThreshold,
    Decided,
    Definition,
    Driver,
    Feature,
    FixedThreshold,
    Number,
    Schema,
    confidence,
)
from registry.encoding import Encoding
from serving.decoding import Decoder
from serving.problems import InvalidFeatures

FLOAT32_EXACT = 2**24

pytestmark = pytest.mark.parametrize("definition", catalogue().values(), ids=catalogue())


def scores(definition: Definition) -> Iterator[float]:
    """Scores at, just below and just above every border, and some between."""
    for border in (0.0, 1.0, 0.5, *(level.from_score for level in definition.policy.levels)):
        yield from (max(math.nextafter(border, 0), 0.0), border, min(math.nextafter(border, 1), 1.0))
    yield from (n / 97 for n in range(98))


def decided(definition: Definition, score: float, threshold: float) -> Decided:
    record = definition.schema.example
    drivers = [Driver(name, value, 0.5) for name, value in record.items()][: definition.policy.drivers]
    level = definition.policy.level(score)
    return Decided(score, threshold, score >= threshold, level, confidence(score, threshold), record, drivers)


def test_the_example_is_a_valid_request_whatever_the_order_of_its_fields(definition: Definition) -> None:
    decoder = Decoder(definition, max_records=10, max_nesting=8)
    example = definition.schema.example
    for record in (example, dict(reversed(example.items()))):
        values, _ = decoder.predict(json.dumps({"record": record}).encode())
        assert list(values) == list(example.values())


def test_the_example_shows_a_value_for_every_feature(definition: Definition) -> None:
    assert None not in definition.schema.example.values()


def test_a_request_without_a_feature_is_taken_only_where_it_may_be_missing(definition: Definition) -> None:
    decoder = Decoder(definition, max_records=10, max_nesting=8)
    for feature in definition.schema.features:
        record = {name: value for name, value in definition.schema.example.items() if name != feature.name}
        body = json.dumps({"record": record}).encode()
        if feature.missing:
            values, _ = decoder.predict(body)
            assert values[definition.schema.names.index(feature.name)] is None
        else:
            with pytest.raises(InvalidFeatures) as caught:
                decoder.predict(body)
            assert [error.field for error in caught.value.errors] == [f"record.{feature.name}"]


def test_every_feature_says_what_it_is(definition: Definition) -> None:
    for feature in definition.schema.features:
        assert feature.name == feature.name.strip()
        assert feature.description.strip(), feature.name
        if isinstance(feature, Number):
            assert feature.unit.strip(), feature.name
            assert math.isfinite(feature.minimum), feature.name
            assert math.isfinite(feature.maximum), feature.name
            assert feature.minimum < feature.maximum, feature.name
        if isinstance(feature, Category):
            assert all(level == level.strip() and level for level in feature.levels), feature.name


def test_every_number_of_a_row_fits_a_float32(definition: Definition) -> None:
    """A booster sees float32: beyond 2^24 two whole numbers may be the same to it."""
    for feature in definition.schema.features:
        if isinstance(feature, Number) and feature.whole:
            assert max(abs(feature.minimum), abs(feature.maximum)) <= FLOAT32_EXACT, feature.name
        elif isinstance(feature, Number):
            assert max(abs(feature.minimum), abs(feature.maximum)) < 3e38, feature.name


def test_the_schema_is_plain_json_and_reads_back(definition: Definition) -> None:
    described = definition.schema.describe()
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert [row["name"] for row in described] == list(definition.schema.names)
    assert {row["type"] for row in described} <= {"number", "category", "flag"}


def test_the_example_encodes_without_missing_values(definition: Definition) -> None:
    codes = {
        feature.name: {level: float(rank) for rank, level in enumerate(feature.levels)}
        for feature in definition.schema.features
        if isinstance(feature, Category)
    }
    row = Encoding(definition.schema, codes).matrix([definition.schema.example])[0]
    assert all(math.isfinite(value) for value in row)


def test_words_and_purpose_are_there(definition: Definition) -> None:
    assert definition.title.strip()
    assert definition.purpose.strip()
    assert definition.target.description.strip()
    assert definition.limits, "a model card says what the model must not be used for"
    assert definition.gates, "without gates any version would be stored"


def test_every_gate_names_a_metric_that_training_measures(definition: Definition) -> None:
    from training.metrics import HIGHER_IS_BETTER

    for gate in definition.gates:
        assert gate.metric in HIGHER_IS_BETTER
        assert (gate.at_least is not None) == HIGHER_IS_BETTER[gate.metric], f"{gate.metric} is bounded the wrong way"


def test_columns_of_the_recipe_are_not_learned_from_by_accident(definition: Definition) -> None:
    recipe = definition.recipe
    assert definition.target.column not in (recipe.time_column, recipe.group_column)
    assert recipe.group_column not in definition.schema.names, "a model must not learn who somebody is"
    assert recipe.validation_fraction > 0
    assert recipe.test_fraction > 0
    assert recipe.validation_fraction + recipe.test_fraction < 1


def test_the_threshold_s_rule_fits_the_schema(definition: Definition) -> None:
    match definition.policy.threshold:
        case FixedThreshold(at):
            assert 0 <= at <= 1
        case CostThreshold(miss, alarm):
            assert alarm > 0
            if isinstance(miss, str):
                assert isinstance(definition.schema[miss], Number)
            else:
                assert miss > 0


def test_levels_have_names_of_their_own_and_lie_between_0_and_1(definition: Definition) -> None:
    levels = definition.policy.levels
    assert len({level.name for level in levels}) == len(levels)
    assert all(0 <= level.from_score < 1 for level in levels)


def test_every_score_has_the_level_of_the_last_border_it_reached(definition: Definition) -> None:
    policy = definition.policy
    for score in scores(definition):
        reached = [level.name for level in policy.levels if level.from_score <= score]
        assert policy.level(score) == reached[-1]
    for before, level in zip(policy.levels, policy.levels[1:], strict=False):
        assert policy.level(level.from_score) == level.name
        assert policy.level(math.nextafter(level.from_score, 0)) == before.name


def test_every_score_has_an_answer_that_is_plain_json_and_always_has_the_same_fields(definition: Definition) -> None:
    policy = definition.policy
    fields = set()
    for score in scores(definition):
        for threshold in (0.0, 0.01, 0.5, 0.99, 1.0):
            given = decided(definition, score, threshold)
            answer = policy.answer(given)
            assert json.loads(json.dumps(answer, allow_nan=False)) == answer
            assert policy.answer(given) == answer, "the answer depends on nothing but the decision"
            assert given == decided(definition, score, threshold), "the decision is not changed"
            fields.add(tuple(answer))
    assert len(fields) == 1


def test_the_fingerprint_follows_the_schema_and_the_target_but_not_the_words(definition: Definition) -> None:
    prints = {definition.fingerprint}
    for position, feature in enumerate(definition.schema.features):
        for changed in (dataclasses.replace(feature, name=feature.name + "_"), *more_levels(feature)):
            prints.add(with_feature(definition, position, changed).fingerprint)
        reworded = dataclasses.replace(feature, description="other words")
        assert with_feature(definition, position, reworded).fingerprint == definition.fingerprint
    categories = sum(isinstance(feature, Category) for feature in definition.schema.features)
    assert len(prints) == 1 + len(definition.schema) + categories, "every change has a fingerprint of its own"
    other = dataclasses.replace(definition, target=dataclasses.replace(definition.target, column="another_target"))
    assert other.fingerprint not in prints
    reworded_ = dataclasses.replace(definition, title="Other", purpose="Other.", limits=("Other.",))
    assert reworded_.fingerprint == definition.fingerprint


def more_levels(feature: Feature) -> list[Feature]:
    if isinstance(feature, Category):
        return [dataclasses.replace(feature, levels=(*feature.levels, "another level"))]
    return []


def with_feature(definition: Definition, position: int, feature: Feature) -> Definition:
    features = list(definition.schema.features)
    features[position] = feature
    return dataclasses.replace(definition, schema=Schema(tuple(features)))
