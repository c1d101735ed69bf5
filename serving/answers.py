"""From a model's outputs to the answers of the HTTP interface."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter
from typing import Any

from inference.loaded import MARGIN, SCORE, LoadedModel
from inference.runner import Work
from models.definition import Category, Decided, Driver, Feature, Number, Value, confidence
from serving.decoding import Values
from serving.identifiers import new_id, timestamp
from serving.problems import FieldError, Problem, problem_for
from serving.validation import Options, invalid

Answer = dict[str, Any]


def prediction(
    loaded: LoadedModel, outputs: Sequence[float], values: Values, options: Options, role: str, started: float
) -> Answer:
    """One prediction. `outputs` is the model call's row for `values`; `started` is perf_counter() at arrival."""
    definition = loaded.definition
    policy = definition.policy
    score = float(outputs[SCORE])
    threshold = loaded.details.threshold if options.threshold is None else options.threshold
    label = score >= threshold
    level = policy.level(score)
    certainty = confidence(score, threshold)
    record = dict(zip(definition.schema.names, values, strict=True))
    drivers = loaded.drivers(outputs, values, policy.drivers) if policy.drivers else []  # type: ignore[arg-type]
    decided = Decided(score, threshold, label, level, certainty, record, drivers)
    answer: Answer = {
        "prediction_id": new_id(),
        "model": definition.name,
        "version": loaded.tag,
        "role": role,
        "score": score,
        "label": label,
        "level": level,
        "threshold": threshold,
        "confidence": certainty,
        "answer": policy.answer(decided),
        "cached": False,
        "stale": False,
        "warnings": warnings(loaded, values),
        "created_at": timestamp(),
        "latency_ms": milliseconds_since(started),
    }
    if "features" in options.include:
        answer["features"] = record
    if "probabilities" in options.include:
        answer["probabilities"] = {"false": 1.0 - score, "true": score}
    return answer


def warnings(loaded: LoadedModel, values: Values) -> list[str]:
    """What the caller should know about this record: levels that training never saw count as missing."""
    return [
        f"{name}: the level {values[position]!r} was not seen in training and counts as missing"
        for position, name, levels in loaded.encoding.open_levels
        if values[position] is not None and values[position] not in levels
    ]


def batch(
    loaded: LoadedModel,
    work: Work | None,
    rows: Sequence[Values | list[FieldError]],
    options: Options,
    role: str,
    started: float,
    path: str,
    request_id: str,
) -> Answer:
    """The answer to a batch: an item for each of `rows` in order. `work` holds the outputs of the valid ones."""
    items: list[Answer] = []
    levels: dict[str, int] = {}
    positive = 0
    at = 0
    outputs = [] if work is None or work.outputs is None else work.outputs.tolist()
    for index, row in enumerate(rows):
        problem: Problem | None = None
        if isinstance(row, list):
            problem = invalid(row, "record")
        else:
            failure = work.failed.get(at) if work is not None else None
            if failure is not None:
                problem = problem_for(failure)
            else:
                item = prediction(loaded, outputs[at], row, options, role, started)
                items.append({"index": index, "prediction": item})
                positive += item["label"]
                levels[item["level"]] = levels.get(item["level"], 0) + 1
            at += 1
        if problem is not None:
            items.append({"index": index, "error": problem.as_json(path, request_id)})
    succeeded = sum(levels.values())
    return {
        "model": loaded.definition.name,
        "version": loaded.tag,
        "items": items,
        "summary": {
            "total": len(rows),
            "succeeded": succeeded,
            "failed": len(rows) - succeeded,
            "positive": positive,
            "positive_rate": positive / succeeded if succeeded else None,
            "levels": levels,
        },
        "latency_ms": milliseconds_since(started),
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
            what = f"{feature.name} of {value:g} {unit}".rstrip()
        case Category():
            what = f"{feature.name} being {value!r}"
        case _:
            what = f"{feature.name} being {'true' if value else 'false'}"
    if contribution == 0:
        return f"{what} does not change the score"
    return f"{what} {direction} the log-odds by {abs(contribution):.2g}"


def milliseconds_since(started: float) -> float:
    return round((perf_counter() - started) * 1000, 3)
