"""From frames to rows of the table of predictions, as lines for PostgreSQL's COPY."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ledger.copying import NULL, escaped, json_text
from ledger.errors import FrameError
from ledger.frame import Frame
from ledger.identity import milliseconds

COLUMNS = (
    "prediction_id", "created_at", "as_of", "score", "threshold", "latency_ms", "cached", "stale", "model", "version",
    "role", "operation", "entity", "label", "level", "confidence", "caller", "request_id", "probabilities", "answer",
    "drivers", "features", "warnings",
)  # fmt: skip
"""Of the table, in the order of a line."""

T = TypeVar("T")
_NOTHING = Raw(b"null")
_EMPTY = Raw(b"{}")
_NO_WARNINGS = Raw(b"[]")


class Row(NamedTuple):
    """A prediction on its way into the table."""

    prediction_id: str
    made_ms: int
    """Unix milliseconds, of the id."""
    line: str
    """For COPY in its text format, with the end of line."""


class Contribution(msgspec.Struct, gc=False):
    """What is kept of an explanation for each feature."""

    feature: str
    contribution: float
    value: Raw | UnsetType = UNSET


class _Explanation(msgspec.Struct, gc=False):
    contributions: list[Contribution] = []


class _Prediction(msgspec.Struct, gc=False):
    """The shared part of all answers; what becomes a column unread stays in its own bytes."""

    prediction_id: str
    model: str
    version: str
    created_at: str
    role: str = ""
    score: Raw = _NOTHING
    label: Raw = _NOTHING
    level: str | None = None
    threshold: Raw = _NOTHING
    confidence: str | None = None
    answer: Raw = _EMPTY
    cached: bool = False
    stale: bool = False
    warnings: Raw = _NO_WARNINGS
    latency_ms: Raw = _NOTHING
    probabilities: Raw = _NOTHING
    explanation: _Explanation | None = None


class _Item(msgspec.Struct, gc=False):
    index: int
    prediction: _Prediction | None = None


class _Batch(msgspec.Struct, gc=False):
    items: list[_Item]


class _Request(msgspec.Struct, gc=False):
    record: Raw = _NOTHING
    records: list[Raw] = []


_read_prediction = msgspec.json.Decoder(_Prediction).decode
_read_batch = msgspec.json.Decoder(_Batch).decode
_read_request = msgspec.json.Decoder(_Request).decode
_read_list = msgspec.json.Decoder(list[Raw]).decode
_read_entities = msgspec.json.Decoder(list[str | None]).decode
_write = msgspec.json.Encoder().encode


def rows_of(frame: Frame) -> list[Row]:
    """A row for each prediction of the frame. Raises FrameError when its answer does not read."""
    try:
        if frame.operation != "batch":
            return [_row(frame, _read_prediction(frame.answer), frame.entity, _features_of_one(frame))]
        items = _read_batch(frame.answer).items
        entities = _read_entities(frame.entities) if frame.entities else []
        features = _features_of_all(frame)
        return [
            _row(frame, item.prediction, _at(entities, item.index), _at(features, item.index) or _NOTHING)
            for item in items
            if item.prediction is not None
        ]
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise FrameError(f"{type(error).__name__}: {error}"[:300]) from error


def _row(frame: Frame, made: _Prediction, entity: str | None, features: Raw) -> Row:
    explanation = made.explanation
    drivers = _NOTHING if explanation is None else Raw(_write(explanation.contributions))
    line = "\t".join(
        (
            escaped(made.prediction_id),
            escaped(made.created_at),
            escaped(frame.as_of),
            _number(made.score),
            _number(made.threshold),
            _number(made.latency_ms),
            "t" if made.cached else "f",
            "t" if made.stale else "f",
            escaped(made.model),
            escaped(made.version),
            escaped(made.role),
            escaped(frame.operation),
            escaped(entity),
            json_text(made.label),
            escaped(made.level),
            escaped(made.confidence),
            escaped(frame.caller),
            escaped(frame.request_id),
            json_text(made.probabilities),
            json_text(made.answer),
            json_text(drivers),
            json_text(features),
            NULL if len(bytes(made.warnings)) <= 2 else json_text(made.warnings),
        )
    )
    return Row(made.prediction_id, milliseconds(made.prediction_id), line + "\n")


def _features_of_one(frame: Frame) -> Raw:
    if frame.features:
        return Raw(frame.features)
    return _read_body(frame).record if frame.body else _NOTHING


def _features_of_all(frame: Frame) -> list[Raw]:
    """By the items' index."""
    if frame.features:
        return _read_list(frame.features)
    return _read_body(frame).records if frame.body else []


def _read_body(frame: Frame) -> _Request:
    """A body that was answered need not be JSON to the letter: in a batch, a bad record fails alone."""
    try:
        return _read_request(frame.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _read_request(json_text(Raw(frame.body), line=False))


def _number(value: Raw) -> str:
    text = bytes(value)
    return NULL if text == b"null" else text.decode("ascii")


def _at(values: list[T], index: int) -> T | None:
    return values[index] if 0 <= index < len(values) else None
