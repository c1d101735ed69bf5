"""Definitions, their fingerprints, and the catalogue that finds them."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import pytest

import models
from models import catalogue
from models.definition import (
    AnomalyPolicy,
    BinaryPolicy,
    Booster,
    Category,
    CostThreshold,
    Definition,
    F1Threshold,
    FixedThreshold,
    Flag,
    Gate,
    Kind,
    Level,
    Moment,
    MulticlassPolicy,
    Number,
    Recipe,
    RegressionPolicy,
    Schema,
    Target,
    lead,
)
from tests.training import kinds, small

SMALL = small.definition
POLICY = SMALL.policy
assert isinstance(POLICY, BinaryPolicy)
FEATURES = SMALL.schema.features


def with_feature(position: int, **changes: Any) -> Definition:
    features = list(FEATURES)
    features[position] = dataclasses.replace(features[position], **changes)
    return dataclasses.replace(SMALL, schema=Schema(tuple(features)))


@pytest.mark.parametrize("name", ["", "Fraud", "1st", "a-b", "a b", "a.b", "é", "a" * 64, "fraud\n", "../x"])
def test_names_that_do_not_suit_a_url_and_a_tag_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="use lowercase letters, digits and underscores"):
        dataclasses.replace(SMALL, name=name)


def test_the_longest_name_still_makes_a_tag() -> None:
    import bentoml

    assert str(bentoml.Tag.from_str(dataclasses.replace(SMALL, name="a" + "_9" * 31).name)) == "a" + "_9" * 31


def test_the_target_must_not_be_a_feature() -> None:
    with pytest.raises(ValueError, match="small: the target 'x' is also a feature"):
        dataclasses.replace(SMALL, target=Target(column="x", description=""))


@pytest.mark.parametrize(
    "changed",
    [
        with_feature(0, name="renamed"),
        with_feature(3, levels=("a", "b", "NA", "new")),
        with_feature(3, levels=("b", "a", "NA")),
        dataclasses.replace(SMALL, schema=Schema(FEATURES[1:])),
        dataclasses.replace(SMALL, schema=Schema((FEATURES[1], FEATURES[0], *FEATURES[2:]))),
        dataclasses.replace(SMALL, schema=Schema((*FEATURES, Flag(name="z", description="", example=True)))),
        dataclasses.replace(
            SMALL,
            schema=Schema(
                (*FEATURES[:2], Category(name="f", description="", levels=("t",), example="t"), *FEATURES[3:])
            ),
        ),
        dataclasses.replace(SMALL, target=Target(column="other", description="")),
    ],
    ids=["name", "level", "order of levels", "fewer", "order", "more", "type", "target"],
)
def test_the_fingerprint_changes_with_what_an_encoded_row_depends_on(changed: Definition) -> None:
    assert changed.fingerprint != SMALL.fingerprint


@pytest.mark.parametrize(
    "changed",
    [
        with_feature(0, description="other words", unit="km"),
        with_feature(0, minimum=-200, maximum=300, example=1.5),
        with_feature(1, missing=True),
        dataclasses.replace(SMALL, name="other", title="Other", purpose="Other.", limits=(), gates=()),
        dataclasses.replace(SMALL, target=Target(column="y", description="other words")),
    ],
    ids=["words", "range", "missing", "model", "target's words"],
)
def test_the_fingerprint_does_not_change_with_words_ranges_and_rules(changed: Definition) -> None:
    assert changed.fingerprint == SMALL.fingerprint


def test_the_fingerprint_is_the_same_in_every_process() -> None:
    one = Number(name="a", description="", unit="", minimum=0, maximum=1, example=0)
    plain = BinaryPolicy(threshold=F1Threshold(), levels=(Level("ALL", 0.0),))
    fixed = dataclasses.replace(SMALL, schema=Schema((one,)), policy=plain)
    assert fixed.fingerprint == "ebec4524ef69cc05"


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (kinds.several, {"target": Target(column="grade", description="", classes=("gold", "silver", "bronze"))}),
        (kinds.additive, {"amount": Target(column="other", description="")}),
        (kinds.additive, {"amount": None}),
        (kinds.odd, {"target": None}),
        (kinds.optimiser, {"target": Target(column="other", description="")}),
    ],
    ids=["order of classes", "amount", "no amount", "no target", "target of an expansion"],
)  # fmt: skip
def test_the_fingerprint_changes_with_what_is_predicted(given: Definition, changed: dict[str, Any]) -> None:
    assert dataclasses.replace(given, **changed).fingerprint != given.fingerprint


def test_the_fingerprint_changes_with_a_moment_s_parts_and_follows_an_expansion_s_inputs() -> None:
    features = kinds.quantity.schema.features
    (place,) = (place for place, feature in enumerate(features) if isinstance(feature, Moment))
    changed = [*features]
    changed[place] = Moment(name="at", description="When", example="2026-03-01", parts=("days",), missing=True)
    other = dataclasses.replace(kinds.quantity, schema=Schema(tuple(changed)))
    assert other.fingerprint != kinds.quantity.fingerprint
    optimiser = kinds.optimiser
    sent = Schema((*optimiser.schema.features, Flag(name="z", description="", example=True)))
    assert dataclasses.replace(optimiser, schema=sent).fingerprint == optimiser.fingerprint, (
        "the rows stay what they are"
    )
    policy: Any = optimiser.policy
    fewer = dataclasses.replace(policy, inputs=Schema(policy.inputs.features[:1]))
    assert dataclasses.replace(optimiser, policy=fewer).fingerprint != optimiser.fingerprint


@pytest.mark.parametrize("given", kinds.DEFINITIONS.values(), ids=kinds.DEFINITIONS)
def test_a_definition_says_what_it_learns_from_and_whether_it_decides(given: Definition) -> None:
    assert given.decides == (given.kind in (Kind.BINARY, Kind.ANOMALY))
    expands = given.kind in (Kind.FORECAST, Kind.OPTIMISER)
    assert (given.inputs is given.schema) is not expands
    assert given.drivers == (0 if expands or given is kinds.additive else 2)


@pytest.mark.parametrize(
    ("given", "changes", "words"),
    [
        (SMALL, {"kind": Kind.REGRESSION}, "a model of kind regression has a policy of type RegressionPolicy"),
        (kinds.quantity, {"kind": Kind.ANOMALY}, "a model of kind anomaly has a policy of type AnomalyPolicy"),
        (SMALL, {"policy": MulticlassPolicy()}, "a model of kind binary has a policy of type BinaryPolicy"),
        (SMALL, {"target": None}, "a model of kind binary needs a target"),
        (kinds.optimiser, {"target": None}, "a model of kind optimiser needs a target"),
        (kinds.several, {"target": Target(column="k", description="", classes=("a", "b"))}, "three or more classes"),
        (kinds.several, {"target": Target(column="k", description="", classes=("a", "b", "a"))}, "each once"),
        (kinds.quantity, {"amount": Target(column="a", description="")}, "only a binary model has an amount"),
        (kinds.additive, {"amount": Target(column="x", description="")}, "the target 'x' is also a feature"),
        (kinds.optimiser, {"target": Target(column="price", description="")}, "the target 'price' is also a feature"),
        (kinds.quantity, {"schema": Schema(())}, "it has no features"),
        (kinds.quantity, {"schema": Schema((kinds.HISTORY,))}, "no estimator learns from the series 'history'"),
        (SMALL, {"policy": dataclasses.replace(POLICY, threshold=CostThreshold(miss="amont", alarm=1))},
         "the threshold's cost 'amont' is not one of its numbers; did you mean 'amount'?"),
        (SMALL, {"policy": dataclasses.replace(POLICY, threshold=CostThreshold(miss="f", alarm=1))},
         "the threshold's cost 'f' is not one of its numbers"),
        (SMALL, {"gates": (Gate(metric="accuracy", at_least=0.5),)}, "there is no metric 'accuracy'; known"),
        (kinds.several, {"gates": (Gate(metric="roc_auc", at_least=0.5),)}, "there is no metric 'roc_auc'"),
        (kinds.quantity, {"recipe": Recipe(booster=Booster(monotone=(("X", 1),)))}, "a feature 'X' that it does not"),
        (kinds.quantity, {"recipe": Recipe(saturating=("at_", ))}, "'at_' that it does not have; did you mean 'at'?"),
    ],
)  # fmt: skip
def test_parts_that_do_not_go_together_are_refused_by_name(
    given: Definition, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=f"model {given.name}: .*{re.escape(words)}"):
        dataclasses.replace(given, **changes)


@pytest.mark.parametrize("share", [0.0, -0.1, 0.5, 1.0, float("nan")])
def test_a_share_of_anomalies_must_leave_ordinary_rows(share: float) -> None:
    with pytest.raises(ValueError, match=r"a share of .* anomalies: choose one between 0 and 0.5"):
        AnomalyPolicy(share=share)


@pytest.mark.parametrize("coverage", [0.0, 0.49, 0.995, 1.0, float("nan")])
def test_a_coverage_must_be_reachable(coverage: float) -> None:
    with pytest.raises(ValueError, match=r"a coverage of .*: choose one from 0.5 to 0.99"):
        RegressionPolicy(coverage=coverage)


@pytest.mark.parametrize("at", [-0.1, 1.1, float("nan")])
def test_a_fixed_threshold_is_a_score(at: float) -> None:
    with pytest.raises(ValueError, match=r"a threshold of .*: choose one from 0 to 1"):
        FixedThreshold(at)


@pytest.mark.parametrize(("miss", "alarm"), [(0.0, 1.0), (-1.0, 1.0), (1.0, 0.0), ("amount", -1.0)])
def test_costs_are_above_zero(miss: float | str, alarm: float) -> None:
    with pytest.raises(ValueError, match="the costs of a threshold must be above 0"):
        CostThreshold(miss=miss, alarm=alarm)


@pytest.mark.parametrize(("validation", "test"), [(0.0, 0.2), (0.2, 0.0), (0.5, 0.5), (0.7, 0.4), (-0.1, 0.2)])
def test_every_side_of_a_split_has_rows(validation: float, test: float) -> None:
    with pytest.raises(ValueError, match="both must be above 0 and leave rows to train on"):
        Recipe(validation_fraction=validation, test_fraction=test)


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (0.5, 0.5, "low"),
        (0.4, 0.4 / math.exp(0.49), "low"),
        (0.4, 0.4 / math.exp(0.51), "medium"),
        (0.4, 0.4 / math.exp(1.49), "medium"),
        (0.4, 0.4 / math.exp(1.51), "high"),
        (1.0, 0.0, "high"),
    ],
)
def test_the_confidence_of_several_classes_is_the_lead_of_the_likeliest(
    first: float, second: float, expected: str
) -> None:
    assert lead(first, second) == expected


def test_the_catalogue_holds_every_model_file_in_alphabetical_order() -> None:
    files = sorted(path.stem for path in Path(models.__path__[0]).glob("*.py") if path.stem != "__init__")
    assert list(catalogue()) == files
    assert all(definition.name == name for name, definition in catalogue().items())
    with pytest.raises(TypeError):
        catalogue()["new"] = SMALL  # type: ignore[index]
