"""What every model's definition must fulfil. A new model gets these checks by being in `models/`."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from models import catalogue
from models.definition import (
    METRICS,
    AnomalyPolicy,
    BinaryPolicy,
    Category,
    Classified,
    CostThreshold,
    Decided,
    Definition,
    Detected,
    Driver,
    Estimated,
    Estimates,
    Expansion,
    Feature,
    FixedThreshold,
    Forecast,
    InvalidRecordError,
    Kind,
    Moment,
    MulticlassPolicy,
    Number,
    RegressionPolicy,
    Schema,
    Series,
    Value,
    confidence,
    lead,
)
from registry.encoding import Encoding
from serving.decoding import Decoder
from serving.problems import InvalidFeatures
from tests.serving import decoded
from tests.training import kinds, small

FLOAT32_EXACT = 2**24
ALL = {small.definition.name: small.definition, **kinds.DEFINITIONS, **catalogue()}
"""What ships, and small models of every kind: what holds for these would hold for a model that is added."""

every = pytest.mark.parametrize("definition", ALL.values(), ids=ALL)
shipped = pytest.mark.parametrize("definition", catalogue().values(), ids=catalogue())


def of_kind(policy: type) -> pytest.MarkDecorator:
    """The definitions with such a policy."""
    found = {name: one for name, one in ALL.items() if isinstance(one.policy, policy)}
    assert found
    return pytest.mark.parametrize("definition", found.values(), ids=found)


def binary_policy(definition: Definition) -> BinaryPolicy:
    assert isinstance(definition.policy, BinaryPolicy)
    return definition.policy


def expansion(definition: Definition) -> Expansion:
    assert isinstance(definition.policy, Expansion)
    return definition.policy


def scores(definition: Definition) -> Iterator[float]:
    """Scores at, just below and just above every border, and some between."""
    for border in (0.0, 1.0, 0.5, *(level.from_score for level in binary_policy(definition).levels)):
        yield from (max(math.nextafter(border, 0), 0.0), border, min(math.nextafter(border, 1), 1.0))
    yield from (n / 97 for n in range(98))


def drivers_of(definition: Definition) -> list[Driver]:
    return [Driver(name, value, 0.5) for name, value in definition.schema.example.items()][: definition.drivers]


def decided(definition: Definition, score: float, threshold: float) -> Decided:
    record, drivers = definition.schema.example, drivers_of(definition)
    level = binary_policy(definition).level(score)
    amount = None if definition.amount is None else 123.4
    how_sure = confidence(score, threshold)
    return Decided(score, threshold, score >= threshold, level, how_sure, record, drivers, amount)


def check_answer(policy: Any, given: Any) -> tuple[str, ...]:
    """The fields of the answer: plain JSON, made of nothing but what was given, which stays as it was."""
    before = copy.deepcopy(given)
    answer = policy.answer(given)
    assert json.loads(json.dumps(answer, allow_nan=False)) == answer
    assert policy.answer(given) == answer, "the answer depends on nothing but what it is given"
    assert given == before, "what is given is not changed"
    return tuple(answer)


@every
def test_the_example_is_a_valid_request_whatever_the_order_of_its_fields(definition: Definition) -> None:
    decoder = Decoder(definition, max_records=10, max_nesting=8)
    example = definition.schema.example
    for record in (example, dict(reversed(example.items()))):
        values = decoded.record(decoder, json.dumps({"record": record}).encode())
        assert list(values) == list(example.values())


@every
def test_the_example_shows_a_value_for_every_feature(definition: Definition) -> None:
    assert None not in definition.schema.example.values()


@every
def test_a_request_without_a_feature_is_taken_only_where_it_may_be_missing(definition: Definition) -> None:
    decoder = Decoder(definition, max_records=10, max_nesting=8)
    for feature in definition.schema.features:
        record = {name: value for name, value in definition.schema.example.items() if name != feature.name}
        body = json.dumps({"record": record}).encode()
        if feature.missing:
            values = decoded.record(decoder, body)
            assert values[definition.schema.names.index(feature.name)] is None
        else:
            with pytest.raises(InvalidFeatures) as caught:
                decoder.predict(body)
            assert [error.field for error in caught.value.errors] == [f"record.{feature.name}"]


@shipped
def test_every_feature_says_what_it_is(definition: Definition) -> None:
    for feature in (*definition.schema.features, *definition.inputs.features):
        assert feature.name == feature.name.strip()
        assert feature.description.strip(), feature.name
        if isinstance(feature, Number | Series):
            assert feature.unit.strip(), feature.name
            assert math.isfinite(feature.minimum), feature.name
            assert math.isfinite(feature.maximum), feature.name
            assert feature.minimum < feature.maximum, feature.name
        if isinstance(feature, Category):
            assert all(level == level.strip() and level for level in feature.levels), feature.name


@every
def test_every_number_of_a_row_fits_a_float32(definition: Definition) -> None:
    """A booster sees float32: beyond 2^24 two whole numbers may be the same to it."""
    for feature in definition.inputs.features:
        if isinstance(feature, Number) and feature.whole:
            assert max(abs(feature.minimum), abs(feature.maximum)) <= FLOAT32_EXACT, feature.name
        elif isinstance(feature, Number):
            assert max(abs(feature.minimum), abs(feature.maximum)) < 3e38, feature.name


@every
def test_the_schema_is_plain_json_and_reads_back(definition: Definition) -> None:
    described = definition.schema.describe()
    assert json.loads(json.dumps(described, allow_nan=False)) == described
    assert [row["name"] for row in described] == list(definition.schema.names)
    assert {row["type"] for row in described} <= {"number", "category", "flag", "moment", "series"}
    assert {row["type"] for row in definition.inputs.describe()} <= {"number", "category", "flag", "moment"}


@every
def test_the_example_encodes_without_missing_values(definition: Definition) -> None:
    codes = {
        feature.name: {level: float(rank) for rank, level in enumerate(feature.levels)}
        for feature in definition.inputs.features
        if isinstance(feature, Category)
    }
    encoding = Encoding(definition.inputs, codes)
    rows = encoding.matrix([definition.inputs.example])
    assert np.isfinite(rows).all()
    if isinstance(definition.policy, Expansion):
        expanded = encoding.encode(definition.policy.rows(definition.schema.example))
        assert np.isfinite(expanded).any(axis=0).sum() >= encoding.width - _may_be_missing(definition.inputs)


@shipped
def test_words_and_purpose_are_there(definition: Definition) -> None:
    assert definition.title.strip()
    assert definition.purpose.strip()
    assert definition.target is None or definition.target.description.strip()
    assert definition.limits, "a model card says what the model must not be used for"
    assert definition.gates, "without gates any version would be stored"


@every
def test_every_gate_names_a_metric_that_training_measures(definition: Definition) -> None:
    known = METRICS[definition.kind]
    for gate in definition.gates:
        assert gate.metric in known
        if gate.metric != "coverage":  # intervals may be too narrow and too wide
            assert (gate.at_least is not None) == known[gate.metric], f"{gate.metric} is bounded the wrong way"


@every
def test_columns_of_the_recipe_are_not_learned_from_by_accident(definition: Definition) -> None:
    recipe = definition.recipe
    if definition.target is not None:
        assert definition.target.column not in (recipe.time_column, recipe.group_column)
    assert recipe.group_column not in definition.inputs.names, "a model must not learn who somebody is"
    assert recipe.validation_fraction > 0
    assert recipe.test_fraction > 0
    assert recipe.validation_fraction + recipe.test_fraction < 1


@of_kind(BinaryPolicy)
def test_the_threshold_s_rule_fits_the_schema(definition: Definition) -> None:
    match binary_policy(definition).threshold:
        case FixedThreshold(at):
            assert 0 <= at <= 1
        case CostThreshold(miss, alarm):
            assert alarm > 0
            if isinstance(miss, str):
                assert isinstance(definition.inputs[miss], Number)
            else:
                assert miss > 0


@of_kind(BinaryPolicy)
def test_levels_have_names_of_their_own_and_lie_between_0_and_1(definition: Definition) -> None:
    levels = binary_policy(definition).levels
    assert len({level.name for level in levels}) == len(levels)
    assert all(0 <= level.from_score < 1 for level in levels)


@of_kind(BinaryPolicy)
def test_every_score_has_the_level_of_the_last_border_it_reached(definition: Definition) -> None:
    policy = binary_policy(definition)
    for score in scores(definition):
        reached = [level.name for level in policy.levels if level.from_score <= score]
        assert policy.level(score) == reached[-1]
    for before, level in zip(policy.levels, policy.levels[1:], strict=False):
        assert policy.level(level.from_score) == level.name
        assert policy.level(math.nextafter(level.from_score, 0)) == before.name


@of_kind(BinaryPolicy)
def test_every_score_has_an_answer_that_is_plain_json_and_always_has_the_same_fields(definition: Definition) -> None:
    fields = {
        check_answer(definition.policy, decided(definition, score, threshold))
        for score in scores(definition)
        for threshold in (0.0, 0.01, 0.5, 0.99, 1.0)
    }
    assert len(fields) == 1
    rank_by = binary_policy(definition).rank_by
    assert not rank_by or rank_by in fields.pop()


@of_kind(MulticlassPolicy)
def test_every_class_has_an_answer_that_is_plain_json_and_always_has_the_same_fields(definition: Definition) -> None:
    target = definition.target
    assert target is not None
    fields = set()
    for label in target.classes:
        for first in (1 / len(target.classes), 0.5, 0.9, 1.0):
            rest = (1 - first) / (len(target.classes) - 1)
            probabilities = {name: first if name == label else rest for name in target.classes}
            how_sure = lead(first, rest)
            given = Classified(label, first, probabilities, how_sure, definition.schema.example, drivers_of(definition))
            fields.add(check_answer(definition.policy, given))
    assert len(fields) == 1


@of_kind(RegressionPolicy)
def test_every_estimate_has_an_answer_that_is_plain_json_and_always_has_the_same_fields(
    definition: Definition,
) -> None:
    fields = set()
    for estimate in (-1e9, -1.0, 0.0, 1e-9, 1.0, 1234.5, 1e9):
        for width in (0.0, 1.0, 1e9):
            given = Estimated(
                estimate, estimate - width, estimate + width, definition.schema.example, drivers_of(definition)
            )
            fields.add(check_answer(definition.policy, given))
    assert len(fields) == 1
    assert "interval" not in fields.pop(), "the interval stands in every answer in any case"


@of_kind(AnomalyPolicy)
def test_every_anomaly_score_has_an_answer_that_is_plain_json_and_always_has_the_same_fields(
    definition: Definition,
) -> None:
    fields = set()
    for score in (0.0, 0.3, 0.5, 0.5000001, 0.9, 1.0):
        for threshold in (0.0, 0.5, 1.0):
            drivers = drivers_of(definition)
            given = Detected(score, threshold, score >= threshold, definition.schema.example, drivers)
            fields.add(check_answer(definition.policy, given))
            policy: Any = definition.policy
            assert policy.answer(given).get("is_anomaly", given.is_anomaly) == given.is_anomaly
    assert len(fields) == 1


# --- expansions: from a record to rows, from their estimates to one answer -------------------------------------------


def records_of(definition: Definition) -> list[dict[str, Value]]:
    """The example, the example with everything missing that may be, and other values, each on its own.

    Values of several features need not go together: InvalidRecordError says so.
    """
    example = definition.schema.example
    sparse = {f.name: None if f.missing else example[f.name] for f in definition.schema.features}
    varied = [
        {**base, feature.name: value}
        for base in (example, sparse)
        for feature in definition.schema.features
        for value in _values(feature)
    ]
    return [example, sparse, *varied]


def _values(feature: Feature) -> Sequence[Value]:
    match feature:
        case Number():
            return (feature.minimum, feature.maximum, feature.example)
        case Category():
            return feature.levels[:3]
        case Moment():
            return ("2024-02-29", "2026-12-31", "2026-01-01")
        case Series():
            low, high = feature.minimum, min(feature.maximum, feature.minimum + 1e6)
            return ([low] * feature.min_length, [high] * feature.max_length, [low, high] * (feature.max_length // 2))
        case _:
            return (True, False)


def estimates_of(count: int, level: float) -> Estimates:
    middle = [level + 0.1 * place for place in range(count)]
    return Estimates(middle, [value - 1 for value in middle], [value + 2 for value in middle])


@of_kind(Expansion)
def test_a_record_becomes_rows_of_the_inputs_or_is_refused_by_name(definition: Definition) -> None:
    policy, valid = expansion(definition), 0
    for record in records_of(definition):
        before = copy.deepcopy(record)
        try:
            rows = policy.rows(record)
        except InvalidRecordError as error:
            assert error.field in definition.schema.names
            assert error.message.strip()
            continue
        assert record == before, "the record is not changed"
        assert [tuple(row) for row in policy.rows(record)] == [tuple(row) for row in rows]
        assert 1 <= len(rows) <= 10_000
        for row in rows:
            assert len(row) == len(policy.inputs)
            for feature, value in zip(policy.inputs.features, row, strict=True):
                assert value is not None or feature.missing, feature.name
                if isinstance(feature, Category) and value is not None:
                    assert value in feature.levels or feature.unseen == "missing", feature.name
                if isinstance(feature, Number) and value is not None:
                    assert isinstance(value, int | float), feature.name
                    assert math.isfinite(value), feature.name
        valid += 1
    assert valid > 1
    assert policy.rows(definition.schema.example), "the example is not refused"


@of_kind(Expansion)
def test_estimates_become_one_answer_whose_score_is_their_weighted_sum(definition: Definition) -> None:
    """What the explanation of the score rests on, whatever the estimates are."""
    policy, fields = expansion(definition), set()
    for record in records_of(definition):
        try:
            count = len(policy.rows(record))
        except InvalidRecordError:
            continue
        for level in (-5.0, 0.0, 0.4, 30.0, 1e6):
            estimates = estimates_of(count, level)
            before = copy.deepcopy((record, estimates))
            combined = policy.combine(record, estimates)
            assert (record, estimates) == before, "what is given is not changed"
            assert policy.combine(record, estimates) == combined
            assert len(combined.weights) == count
            expected = combined.constant + sum(
                weight * estimate for weight, estimate in zip(combined.weights, estimates.estimate, strict=True)
            )
            assert combined.score == pytest.approx(expected, rel=1e-9, abs=1e-9)
            assert json.loads(json.dumps(combined.answer, allow_nan=False)) == combined.answer
            assert set(combined.inputs) <= {*definition.inputs.names, *definition.schema.names}
            assert all(isinstance(words, str) and words for words in combined.warnings)
            fields.add(tuple(combined.answer))
    assert len(fields) == 1


# --- what a stored version fits --------------------------------------------------------------------------------------


@every
def test_the_fingerprint_follows_the_inputs_and_the_target_but_not_the_words(definition: Definition) -> None:
    prints = {definition.fingerprint}
    for position, feature in enumerate(definition.inputs.features):
        for changed in (dataclasses.replace(feature, name=feature.name + "_"), *more_levels(feature)):
            prints.add(with_input(definition, position, changed).fingerprint)
        reworded = dataclasses.replace(feature, description="other words")
        assert with_input(definition, position, reworded).fingerprint == definition.fingerprint
    changes = sum(len(more_levels(feature)) for feature in definition.inputs.features)
    assert len(prints) == 1 + len(definition.inputs) + changes, "every change has a fingerprint of its own"
    if definition.target is not None:
        target = dataclasses.replace(definition.target, column="another_target")
        assert dataclasses.replace(definition, target=target).fingerprint not in prints
    else:
        assert definition.kind is Kind.ANOMALY
    reworded_ = dataclasses.replace(definition, title="Other", purpose="Other.", limits=("Other.",))
    assert reworded_.fingerprint == definition.fingerprint


def more_levels(feature: Feature) -> list[Feature]:
    match feature:
        case Category():
            return [dataclasses.replace(feature, levels=(*feature.levels, "another level"))]
        case Moment():
            return [dataclasses.replace(feature, parts=(*feature.parts, *feature.parts))]
        case _:
            return []


def with_input(definition: Definition, position: int, feature: Feature) -> Definition:
    """The definition with another feature there. What its recipe and its threshold say by name follows."""
    old = definition.inputs.features[position].name
    features = list(definition.inputs.features)
    features[position] = feature
    schema = Schema(tuple(features))
    recipe, policy = definition.recipe, definition.policy
    monotone = tuple((feature.name if name == old else name, way) for name, way in recipe.booster.monotone)
    saturating = tuple(feature.name if name == old else name for name in recipe.saturating)
    booster = dataclasses.replace(recipe.booster, monotone=monotone)
    recipe = dataclasses.replace(recipe, booster=booster, saturating=saturating)
    if isinstance(policy, Expansion):
        return dataclasses.replace(definition, recipe=recipe, policy=dataclasses.replace(policy, inputs=schema))
    if (
        isinstance(policy, BinaryPolicy)
        and isinstance(policy.threshold, CostThreshold)
        and policy.threshold.miss == old
    ):
        threshold = dataclasses.replace(policy.threshold, miss=feature.name)
        return dataclasses.replace(
            definition, recipe=recipe, schema=schema, policy=dataclasses.replace(policy, threshold=threshold)
        )
    return dataclasses.replace(definition, recipe=recipe, schema=schema)


def _may_be_missing(schema: Schema) -> int:
    return sum(len(f.parts) if isinstance(f, Moment) else 1 for f in schema.features if f.missing)


@of_kind(Forecast)
def test_a_forecast_covers_every_period_of_its_horizon(definition: Definition) -> None:
    policy = definition.policy
    assert isinstance(policy, Forecast)
    for horizon in (1, 2, policy.window.longest):
        record = {**definition.schema.example, "horizon": horizon}
        rows = policy.rows(record)
        assert len(rows) == horizon
        answer: Any = policy.combine(record, estimates_of(horizon, 1.0)).answer
        moments = [period["at"] for period in answer["forecast"]]
        assert moments == sorted(set(moments))
        for period in answer["forecast"]:
            assert period["low"] <= period["estimate"] <= period["high"]
