"""What each kind of model that looks at one row says about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import repeat

from inference.loaded import LoadedModel
from inference.outputs import AMOUNT, FIRST_PROBABILITY, HIGH, LOW, SCORE
from models.definition import (
    AnomalyPolicy,
    BinaryPolicy,
    Classified,
    Confidence,
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
from serving.answers.answerer import Answerer, Decide, Outputs, RowAnswerer, driver_list
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
            return RowAnswerer(loaded, role, lambda given: _Binary(loaded, policy, given), LOG_ODDS)
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


class _Alone:
    """Decides about one row after the other."""

    def __init__(self, one: Callable[[list[float], Values, Sequence[Driver]], Decision]) -> None:
        self.one = one

    def all(self, outputs: Outputs, rows: Sequence[Values], drivers: Iterable[Sequence[Driver]]) -> Iterable[Decision]:
        return map(self.one, outputs.tolist(), rows, drivers)


class _Binary:
    """Finds labels, levels and confidences of many rows at once: 1 microsecond less for each."""

    def __init__(self, loaded: LoadedModel, policy: BinaryPolicy, given: float | None) -> None:
        self._threshold = _threshold(loaded, given)
        self._confidence = ConfidenceScale(self._threshold)
        self._policy = policy
        self._particular = policy.answer
        self._schema = loaded.definition.schema
        self._has_amount = loaded.definition.amount is not None

    def one(self, outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        score = outputs[SCORE]
        level, confidence = self._policy.level(score), self._confidence(score)
        amount = outputs[AMOUNT] if self._has_amount else None
        return self._said(score, score >= self._threshold, level, confidence, values, drivers, amount)

    def all(self, outputs: Outputs, rows: Sequence[Values], drivers: Iterable[Sequence[Driver]]) -> Iterable[Decision]:
        scores = outputs[:, SCORE].tolist()
        amounts = outputs[:, AMOUNT].tolist() if self._has_amount else repeat(None)
        labels = [score >= self._threshold for score in scores]
        levels, confidences = self._policy.levels_of(scores), self._confidence.of_all(scores)
        return map(self._said, scores, labels, levels, confidences, rows, drivers, amounts)

    def _said(
        self,
        score: float,
        label: bool,
        level: str,
        confidence: Confidence,
        values: Values,
        drivers: Sequence[Driver],
        amount: float | None,
    ) -> Decision:
        threshold, record = self._threshold, Record(self._schema, values)
        answer = self._particular(Decided(score, threshold, label, level, confidence, record, drivers, amount))
        return Decision(score, label, level, threshold, confidence, answer)


def _multiclass(loaded: LoadedModel, policy: MulticlassPolicy) -> Decide:
    target, schema = loaded.definition.target, loaded.definition.schema
    assert target is not None

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        probabilities = dict(zip(target.classes, outputs[FIRST_PROBABILITY:], strict=True))
        (label, first), (_, second) = sorted(probabilities.items(), key=lambda item: -item[1])[:2]
        confidence = lead(first, second)
        said = Classified(label, first, probabilities, confidence, Record(schema, values), drivers)
        return Decision(first, label, None, None, confidence, policy.answer(said), probabilities)

    return _Alone(decide)


def _regression(loaded: LoadedModel, policy: RegressionPolicy) -> Decide:
    schema = loaded.definition.schema

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        estimate, low, high = outputs[SCORE], outputs[LOW], outputs[HIGH]
        said = Estimated(estimate, low, high, Record(schema, values), drivers)
        interval = {"low": low, "high": high, "coverage": policy.coverage}
        return Decision(estimate, None, None, None, None, {"interval": interval, **policy.answer(said)})

    return _Alone(decide)


def _anomaly(loaded: LoadedModel, policy: AnomalyPolicy, given: float | None) -> Decide:
    threshold, schema = _threshold(loaded, given), loaded.definition.schema

    def decide(outputs: list[float], values: Values, drivers: Sequence[Driver]) -> Decision:
        score = outputs[SCORE]
        is_anomaly = score >= threshold
        said = Detected(score, threshold, is_anomaly, Record(schema, values), drivers)
        behind = [driver for driver in drivers if driver.contribution > 0]
        answer = {"is_anomaly": is_anomaly, "features": driver_list(behind), **policy.answer(said)}
        return Decision(score, is_anomaly, ANOMALY_LEVELS[is_anomaly], threshold, None, answer)

    return _Alone(decide)


def _threshold(loaded: LoadedModel, given: float | None) -> float:
    own = loaded.details.threshold
    assert own is not None, "versions of kinds that decide have a threshold"
    return own if given is None else given
