"""The answer to a batch."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from inference.loaded import LoadedModel
from serving.answers.answerer import Answer, Answerer, Encoded, Made, milliseconds_since, rank
from serving.decoding import Values
from serving.problems import FieldError, Problem, problem_for
from serving.validation import SHOWN_BATCH_ERRORS, SHOWN_ERRORS, Options, invalid

Refused = list[FieldError] | Problem
"""In the place of a record's values: what is wrong with it, or why it is not scored."""
REFUSED = (list, Problem)
"""For isinstance."""
logger = logging.getLogger("tiffin.serving")


@dataclass(frozen=True, slots=True)
class Results:
    """The outputs of a batch's valid records, in order, and the errors of those that failed, by their number.

    `encoded` has the rows that the model was given, where it was given one for each record.
    """

    outputs: Any
    failed: Mapping[int, Exception]
    encoded: Encoded | None = None

    def take(self, numbers: Sequence[int]) -> Any:
        if isinstance(self.outputs, list):
            return [self.outputs[number] for number in numbers]
        return self.outputs[numbers]


def batch_answer(
    answerer: Answerer,
    results: Results,
    rows: Sequence[Values | Refused],
    options: Options,
    started: float,
    path: str,
    request_id: str,
) -> tuple[Answer, Made]:
    """An item for each of `rows` in order, with a summary; and what was predicted."""
    valid = [row for row in rows if not isinstance(row, REFUSED)]
    failed = dict(results.failed)
    predictions = _predictions(answerer, results, valid, options, started, failed)
    made = list(predictions.values())
    rank(answerer.loaded.definition, [one["answer"] for one in made])
    refused = refusals(rows)
    items: list[Answer] = []
    at = 0
    for index in range(len(rows)):
        problem = refused.get(index)
        if problem is None:
            failure = failed.get(at)
            if failure is None:
                items.append({"index": index, "prediction": predictions[at]})
            else:
                problem = problem_for(failure)
            at += 1
        if problem is not None:
            items.append({"index": index, "error": problem.as_json(path, request_id)})
    said = by_column(made)
    return _whole(answerer.loaded, items, len(rows), said, started), said


def written_batch(
    answerer: Answerer, results: Results, rows: Sequence[Values | Refused], options: Options, started: float
) -> tuple[Answer, Made] | None:
    """The same with its items as JSON, for half the time; None for a batch that has to be looked at one by one."""
    if results.failed or any(isinstance(row, REFUSED) for row in rows):
        return None
    try:
        written = answerer.written(results.outputs, rows, options, started, results.encoded)  # type: ignore[arg-type]
    except Exception:  # a policy's function: one by one, it fails for its record alone
        return None
    if written is None:
        return None
    return _whole(answerer.loaded, written.items, len(rows), written.made, started), written.made


def _predictions(
    answerer: Answerer,
    results: Results,
    rows: Sequence[Values],
    options: Options,
    started: float,
    failed: dict[int, Exception],
) -> dict[int, Answer]:
    """The predictions by the numbers of their rows. Where a policy's function fails, it fails for its record alone."""
    if not failed:
        try:
            return dict(enumerate(answerer.predictions(results.outputs, rows, options, started, results.encoded)))
        except Exception:
            logger.exception("%s: its policy fails on a record of a batch", answerer.loaded.tag)
    predictions = {}
    for at, row in enumerate(rows):
        if at not in failed:
            try:
                (predictions[at],) = answerer.predictions(results.take([at]), [row], options, started)
            except Exception as error:  # whatever a user's function raises
                failed[at] = error
    return predictions


def refusals(rows: Sequence[Values | Refused]) -> dict[int, Problem]:
    """The problems of the records that are not valid, by index; together they show `SHOWN_BATCH_ERRORS` at most."""
    refused = {index: row for index, row in enumerate(rows) if isinstance(row, REFUSED)}
    most = max(1, min(SHOWN_ERRORS, SHOWN_BATCH_ERRORS // max(1, len(refused))))
    return {index: row if isinstance(row, Problem) else invalid(row, "record", most) for index, row in refused.items()}


def by_column(predictions: Sequence[Answer]) -> Made:
    """What the predictions say."""
    return Made(*([one[name] for one in predictions] for name in ("score", "label", "level")))


def _whole(loaded: LoadedModel, items: list[Answer] | msgspec.Raw, count: int, made: Made, started: float) -> Answer:
    return {
        "model": loaded.definition.name,
        "version": loaded.tag,
        "items": items,
        "summary": summary(count, made, decides=loaded.definition.decides),
        "latency_ms": milliseconds_since(started),
    }


def summary(total: int, made: Made, *, decides: bool) -> Answer:
    """What became of `total` entries, of which `made` are the predictions."""
    succeeded = len(made)
    positive = made.labels.count(True) if decides else 0
    counts: Answer = {
        "total": total,
        "succeeded": succeeded,
        "failed": total - succeeded,
        "positive": positive,
        "positive_rate": positive / succeeded if succeeded and decides else None,
        "levels": Counter(made.levels) if decides else {},
    }
    if not decides:
        labels = Counter(label for label in made.labels if label is not None)
        if labels:
            counts["labels"] = labels
    return counts
