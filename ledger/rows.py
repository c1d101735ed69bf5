"""From frames to rows of the table of predictions, as lines for PostgreSQL's COPY."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw, UnsetType

from ledger.copying import NULL, escaped, json_field, raw_field, strict, word
from ledger.errors import FrameError
from ledger.frame import Frame
from ledger.identity import milliseconds

COLUMNS = (
    "prediction_id", "created_at", "as_of", "score", "threshold", "latency_ms", "cached", "stale", "model", "version",
    "role", "operation", "entity", "label", "level", "confidence", "caller", "request_id", "probabilities", "answer",
    "drivers", "features", "warnings", "supposed", "features_as_of",
)  # fmt: skip
"""Of the table of predictions, in the order of a line."""
SCORE_COLUMNS = ("model", "entity", "prediction_id", "created_at", "as_of", "score", "level", "version")
"""Of the temporary table of new scores."""

T = TypeVar("T")
_NOTHING = Raw(b"null")
_EMPTY = Raw(b"{}")
_ID_LENGTH = 36
ANSWERING = frozenset({"champion", "canary"})
"""Roles whose answers callers have seen; a challenger in the shadow changes no entity's latest score."""


class Row(NamedTuple):
    """A prediction on its way into the table: its lines for COPY, and what it is counted by."""

    line: str
    """Of `COLUMNS`, in COPY's text format, with the end of line."""
    score_line: str | None
    """Of `SCORE_COLUMNS`, where it may become its entity's latest score."""
    prediction_id: str
    made_ms: int
    """Unix milliseconds, of the id."""
    model: str
    version: str
    role: str
    operation: str
    entity: str | None
    score: float | None
    label: str | None
    """As JSON."""
    level: str | None
    latency_ms: float | None
    cached: bool
    stale: bool
    warned: bool


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
    as_of: str | None = None
    """The moment of the features, of an answer about an entity."""
    role: str = ""
    score: float | None = None
    label: bool | str | None = None
    level: str | None = None
    threshold: float | None = None
    confidence: str | None = None
    answer: Raw = _EMPTY
    cached: bool = False
    stale: bool = False
    warnings: list[str] = []
    latency_ms: float | None = None
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
    if len(made.prediction_id) != _ID_LENGTH:
        raise FrameError(f"{made.prediction_id!r:.80} is no prediction's id")
    label = None if made.label is None else _encoded(made.label)
    score, version, level, created_at = (
        _number(made.score),
        word(made.version),
        word(made.level),
        escaped(made.created_at),
    )
    who, as_of = escaped(entity), escaped(frame.as_of)
    line = "\t".join(
        (
            made.prediction_id,
            created_at,
            as_of,
            score,
            _number(made.threshold),
            _number(made.latency_ms),
            "t" if made.cached else "f",
            "t" if made.stale else "f",
            word(made.model),
            version,
            word(made.role),
            frame.operation,
            who,
            NULL if label is None else json_field(label),
            level,
            word(made.confidence),
            word(frame.caller),
            escaped(frame.request_id),
            raw_field(made.probabilities),
            raw_field(made.answer),
            NULL if made.explanation is None else json_field(_encoded(made.explanation.contributions)),
            raw_field(features),
            json_field(_encoded(made.warnings)) if made.warnings else NULL,
            "t" if frame.supposed else "f",
            escaped(made.as_of),
        )
    )
    score_line = None
    if entity is not None and made.score is not None and made.role in ANSWERING and not frame.supposed:
        fields = (word(made.model), who, made.prediction_id, created_at, as_of, score, level, version)
        score_line = "\t".join(fields) + "\n"
    return Row(
        line + "\n",
        score_line,
        made.prediction_id,
        milliseconds(made.prediction_id),
        made.model,
        made.version,
        made.role,
        frame.operation,
        entity,
        made.score,
        label,
        made.level,
        made.latency_ms,
        made.cached,
        made.stale,
        bool(made.warnings),
    )


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
        return _read_request(strict(frame.body.decode()))


def _number(value: float | None) -> str:
    return NULL if value is None else repr(value)


def _encoded(value: object) -> str:
    return _write(value).decode()


def _at(values: list[T], index: int) -> T | None:
    return values[index] if 0 <= index < len(values) else None
