"""From a model's outputs to the answers of the HTTP interface."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import repeat
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.loaded import FIRST_CONTRIBUTION, MARGIN, SCORE, LoadedModel
from inference.runner import Work
from models.definition import Category, ConfidenceScale, Decided, Driver, Feature, Number, Record, Value
from serving.decoding import Values
from serving.identifiers import new_id, new_ids, timestamp
from serving.problems import FieldError, Problem, problem_for
from serving.validation import SHOWN_BATCH_ERRORS, SHOWN_ERRORS, Options, invalid

Answer = dict[str, Any]


class Answerer:
    """Builds the answers of one loaded version in one role; what never changes between answers is found once."""

    def __init__(self, loaded: LoadedModel, role: str) -> None:
        definition = loaded.definition
        self.loaded = loaded
        self._model = definition.name
        self._role = role
        self._schema = definition.schema
        self._policy = definition.policy
        self._threshold = loaded.details.threshold
        self._scale = ConfidenceScale(self._threshold)

    def prediction(self, outputs: NDArray[np.float64], values: Values, options: Options, started: float) -> Answer:
        """One prediction. `outputs` is the model call's row for `values`; `started` is perf_counter() at arrival."""
        drivers = self.loaded.drivers(outputs, values, self._policy.drivers) if self._policy.drivers else ()
        decide = self._decider(options, timestamp(), milliseconds_since(started))
        return decide(new_id(), float(outputs[SCORE]), values, drivers)

    def predictions(
        self, outputs: NDArray[np.float64], rows: Sequence[Values], options: Options, started: float
    ) -> list[Answer]:
        """One prediction for each of `rows`; `outputs` has as many."""
        decide = self._decider(options, timestamp(), milliseconds_since(started))
        top = self._policy.drivers
        drivers = self.loaded.drivers_of_all(outputs, rows, top) if top else repeat((), len(rows))
        return list(map(decide, new_ids(len(rows)), outputs[:, SCORE].tolist(), rows, drivers))

    def _decider(
        self, options: Options, created_at: str, latency_ms: float
    ) -> Callable[[str, float, Values, Sequence[Driver]], Answer]:
        """A function from an id and a score to the answer, with everything that a batch's rows share already in it."""
        model, version, role, schema, policy = self._model, self.loaded.tag, self._role, self._schema, self._policy
        particular = policy.answer
        threshold, scale = self._threshold, self._scale
        if options.threshold is not None:
            threshold, scale = options.threshold, ConfidenceScale(options.threshold)
        has_open_levels = bool(self.loaded.encoding.open_levels)

        def decide(identity: str, score: float, values: Values, drivers: Sequence[Driver]) -> Answer:
            label = score >= threshold
            level = policy.level(score)
            certainty = scale(score)
            record = Record(schema, values)
            answer: Answer = {
                "prediction_id": identity,
                "model": model,
                "version": version,
                "role": role,
                "score": score,
                "label": label,
                "level": level,
                "threshold": threshold,
                "confidence": certainty,
                "answer": particular(Decided(score, threshold, label, level, certainty, record, drivers)),
                "cached": False,
                "stale": False,
                "warnings": self._warnings(values) if has_open_levels else [],
                "created_at": created_at,
                "latency_ms": latency_ms,
            }
            if options.include:
                if "features" in options.include:
                    answer["features"] = dict(record)
                if "probabilities" in options.include:
                    answer["probabilities"] = {"false": 1.0 - score, "true": score}
            return answer

        return decide

    def _warnings(self, values: Values) -> list[str]:
        """What the caller should know about this record: levels that training never saw count as missing."""
        return [
            f"{name}: the level {values[position]!r} was not seen in training and counts as missing"
            for position, name, levels in self.loaded.encoding.open_levels
            if values[position] is not None and values[position] not in levels
        ]


def batch(
    answerer: Answerer,
    work: Work,
    rows: Sequence[Values | list[FieldError]],
    options: Options,
    started: float,
    path: str,
    request_id: str,
) -> tuple[Answer, Sequence[Answer]]:
    """The answer to a batch, an item for each of `rows` in order, and its predictions. `work` ran the valid rows."""
    valid = [row for row in rows if not isinstance(row, list)]
    outputs = work.outputs
    if outputs is None or not outputs.shape[1]:
        outputs = np.full((len(valid), FIRST_CONTRIBUTION), np.nan)
    if work.failed:
        scored = [at for at in range(len(valid)) if at not in work.failed]
        made = answerer.predictions(outputs[scored], [valid[at] for at in scored], options, started)
        predictions = dict(zip(scored, made, strict=True))
    else:
        made = answerer.predictions(outputs, valid, options, started)
        predictions = dict(enumerate(made))
    if len(made) == len(rows):
        items = [{"index": index, "prediction": one} for index, one in enumerate(made)]
        return _batch_answer(answerer.loaded, items, made, started), made
    refused = refusals(rows)
    items = []
    answered: list[Answer] = []
    at = 0
    for index in range(len(rows)):
        problem = refused.get(index)
        if problem is None:
            failure = work.failed.get(at)
            if failure is None:
                items.append({"index": index, "prediction": predictions[at]})
                answered.append(predictions[at])
            else:
                problem = problem_for(failure)
            at += 1
        if problem is not None:
            items.append({"index": index, "error": problem.as_json(path, request_id)})
    return _batch_answer(answerer.loaded, items, answered, started), answered


def _batch_answer(loaded: LoadedModel, items: list[Answer], answered: Sequence[Answer], started: float) -> Answer:
    return {
        "model": loaded.definition.name,
        "version": loaded.tag,
        "items": items,
        "summary": _summary(len(items), answered),
        "latency_ms": milliseconds_since(started),
    }


def refusals(rows: Sequence[Values | list[FieldError]]) -> dict[int, Problem]:
    """The problems of the records that are not valid, by index; together they show `SHOWN_BATCH_ERRORS` at most."""
    errors = {index: row for index, row in enumerate(rows) if isinstance(row, list)}
    most = max(1, min(SHOWN_ERRORS, SHOWN_BATCH_ERRORS // max(1, len(errors))))
    return {index: invalid(row, "record", most) for index, row in errors.items()}


def _summary(total: int, answered: Sequence[Answer]) -> Answer:
    succeeded = len(answered)
    positive = sum(answer["label"] for answer in answered)
    return {
        "total": total,
        "succeeded": succeeded,
        "failed": total - succeeded,
        "positive": positive,
        "positive_rate": positive / succeeded if succeeded else None,
        "levels": Counter(answer["level"] for answer in answered),
    }


def explanation(loaded: LoadedModel, outputs: Any, values: Values, top: int) -> Answer:
    """The exact SHAP values of one score: base_value + contributions + other = margin, in log-odds."""
    drivers = loaded.drivers(outputs, values, top)
    margin = float(outputs[MARGIN])
    base = loaded.explainer.base_value
    shown = sum(driver.contribution for driver in drivers)
    features = {feature.name: feature for feature in loaded.definition.schema.features}
    return {
        "base_value": base,
        "margin": margin,
        "scale": "log-odds",
        "contributions": [_contribution(features[driver.feature], driver) for driver in drivers],
        "other": 0.0 if len(drivers) == len(features) else margin - base - shown,
    }


def _contribution(feature: Feature, driver: Driver) -> Answer:
    direction = "raises" if driver.contribution > 0 else "lowers" if driver.contribution < 0 else "does not change"
    return {
        "feature": driver.feature,
        "value": driver.value,
        "contribution": driver.contribution,
        "direction": direction,
        "sentence": sentence(feature, driver.value, driver.contribution, direction),
    }


def sentence(feature: Feature, value: Value, contribution: float, direction: str) -> str:
    """A contribution in plain words, e.g. "Amount of 250 EUR raises the log-odds by 0.31"."""
    match feature:
        case _ if value is None:
            what = f"{feature.name} being missing"
        case Number(unit=unit):
            what = f"{feature.name} of {value:.10g} {unit}".rstrip()
        case Category():
            what = f"{feature.name} being {value!r}"
        case _:
            what = f"{feature.name} being {'true' if value else 'false'}"
    if contribution == 0:
        return f"{what} does not change the score"
    return f"{what} {direction} the log-odds by {abs(contribution):.2g}"


def milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
