"""What each kind of model that looks at one row says about it."""

from __future__ import annotations

from collections.abc import Sequence

from inference.loaded import LoadedModel
from inference.outputs import AMOUNT, FIRST_PROBABILITY, HIGH, LOW, SCORE
from models.definition import (
    AnomalyPolicy,
    BinaryPolicy,
    Classified,
    ConfidenceScale,
    Decided,
    Definition,
    Detected,
    Driver,
    Estimated,
    Expansion,
    MulticlassPolicy,
    Record,
    RegressionPolicy,
    lead,
)
from serving.answers.answerer import Answerer, Decide, RowAnswerer, driver_list
from serving.answers.decision import Decision
from serving.answers.expanded import ExpandedAnswerer
from serving.answers.words import LOG_ODDS, Scale
from serving.decoding import Values

ANOMALY_LEVELS = ("NORMAL", "ANOMALY")


def levels_of(definition: Definition) -> tuple[str, ...]:
    """The levels that the model's predictions may have, lowest first."""
    match definition.policy:
        case BinaryPolicy(levels=levels):
            return tuple(level.name for level in levels)
        case AnomalyPolicy():
            return ANOMALY_LEVELS
        case _:
            return ()


def answerer(loaded: LoadedModel, role: str) -> Answerer:
    """The answerer of a version by its kind."""
    policy = loaded.definition.policy
    match policy:
        case BinaryPolicy():
            return RowAnswerer(loaded, role, lambda given: _binary(loaded, policy, given), LOG_ODDS)
        case MulticlassPolicy():
            return RowAnswerer(loaded, role, lambda _: _multiclass(loaded, policy), Scale("logit", "class's logit"))
        case RegressionPolicy():
            unit = loaded.definition.target.unit if loaded.definition.target else ""
            return RowAnswerer(loaded, role, lambda _: _regression(loaded, policy), Scale(unit, "estimate", unit))
        case AnomalyPolicy():
            scale = Scale("log2 of the score", "log2 of the anomaly score")
            return RowAnswerer(loaded, role, lambda given: _anomaly(loaded, policy, given), scale)
        case Expansion():
            return ExpandedAnswerer(loaded, role, policy)


def _binary(loaded: LoadedModel, policy: BinaryPolicy, given: float | None) -> Decide:
    threshold = _threshold(loaded, given)
    scale, schema, level_of, particular = (
        ConfidenceScale(threshold),
        loaded.definition.schema,
        policy.level,
        policy.answer,
    )
    has_amount = loaded.definition.amount is not None

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        score = outputs[SCORE]
        label, level, confidence = score >= threshold, level_of(score), scale(score)
        amount = outputs[AMOUNT] if has_amount else None
        record = Record(schema, values)
        answer = particular(Decided(score, threshold, label, level, confidence, record, drivers, amount))
        probabilities = {"false": 1.0 - score, "true": score}
        return Decision(score, label, level, threshold, confidence, answer, probabilities)

    return decide


def _multiclass(loaded: LoadedModel, policy: MulticlassPolicy) -> Decide:
    target, schema = loaded.definition.target, loaded.definition.schema
    assert target is not None

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        probabilities = dict(zip(target.classes, outputs[FIRST_PROBABILITY:], strict=True))
        (label, first), (_, second) = sorted(probabilities.items(), key=lambda item: -item[1])[:2]
        confidence = lead(first, second)
        said = Classified(label, first, probabilities, confidence, Record(schema, values), drivers)
        return Decision(first, label, None, None, confidence, policy.answer(said), probabilities)

    return decide


def _regression(loaded: LoadedModel, policy: RegressionPolicy) -> Decide:
    schema = loaded.definition.schema

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        estimate, low, high = outputs[SCORE], outputs[LOW], outputs[HIGH]
        said = Estimated(estimate, low, high, Record(schema, values), drivers)
        interval = {"low": low, "high": high, "coverage": policy.coverage}
        return Decision(estimate, None, None, None, None, {"interval": interval, **policy.answer(said)})

    return decide


def _anomaly(loaded: LoadedModel, policy: AnomalyPolicy, given: float | None) -> Decide:
    threshold, schema = _threshold(loaded, given), loaded.definition.schema

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        score = outputs[SCORE]
        is_anomaly = score >= threshold
        said = Detected(score, threshold, is_anomaly, Record(schema, values), drivers)
        behind = [driver for driver in drivers if driver.contribution > 0]
        answer = {"is_anomaly": is_anomaly, "features": driver_list(behind), **policy.answer(said)}
        return Decision(score, is_anomaly, ANOMALY_LEVELS[is_anomaly], threshold, None, answer)

    return decide


def _threshold(loaded: LoadedModel, given: float | None) -> float:
    own = loaded.details.threshold
    assert own is not None, "versions of kinds that decide have a threshold"
    return own if given is None else given
