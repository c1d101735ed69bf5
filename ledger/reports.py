"""Outcomes as callers report them, read one by one: a bad one fails alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any, TypeVar
from uuid import UUID

from ledger.query import is_text
from ledger.truths import Truth, TruthError, loose_truth, truth
from models.definition import Definition

LONGEST_ENTITY = 1000
FIELDS = ("prediction_id", "model", "entity", "observed_at", "outcome")
UNKNOWN = "unknown_field"
"""The code of a field that is none of these."""
MOST_TOLD = 10
"""Unknown fields of one report that are told; hostile bodies could hold thousands."""
T = TypeVar("T")
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one field of a report: a code for programs, and what the value must be.

    `field` is empty where it is the report itself.
    """

    field: str
    code: str
    message: str
    given: object = None


class ReportError(ValueError):
    """The item is no report of an outcome; the message says which fields are wrong and what they must be."""

    def __init__(self, *faults: Fault) -> None:
        more = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        super().__init__(f"{faults[0].field} {faults[0].message}{more}".strip())
        self.faults = faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A reported outcome: of a prediction by its id, or of an entity's prediction by model and time."""

    prediction_id: UUID | None
    model: str | None
    entity: str | None
    observed_at: datetime | None
    outcome: Truth
    given: Any
    """As it came: what it means depends on the model, which may be known only from its prediction."""

    @property
    def key(self) -> tuple[object, ...]:
        """Reports of one key are about the same thing."""
        by_id = (self.prediction_id,)
        return by_id if self.prediction_id is not None else (self.model, self.entity, self.observed_at)

    def of(self, definition: Definition | None) -> Report:
        """With the outcome as this model's. Raises ReportError when it cannot be one."""
        if definition is None:
            return self
        try:
            return replace(self, model=definition.name, outcome=truth(definition, self.given))
        except TruthError as error:
            raise ReportError(Fault("outcome", "wrong_value", str(error), self.given)) from None


def report(item: object, definitions: Mapping[str, Definition], *, latest: datetime | None = None) -> Report:
    """The report in one item of a request. Raises ReportError with everything that is wrong.

    Either `{"prediction_id": ..., "outcome": ...}` with `model` and `observed_at` if they are known, or
    `{"model": ..., "entity": ..., "observed_at": ..., "outcome": ...}` with the entity's canonical text. Nothing was
    observed after `latest`. An item that was read from an object in which keys stood twice says so in its `keys_twice`.
    """
    if not isinstance(item, Mapping):
        raise ReportError(Fault("", "wrong_type", "must be an object with an outcome"))
    twice = islice(getattr(item, "keys_twice", ()), MOST_TOLD)
    faults = [Fault(key[:80], "doubled_key", "stands twice; send it once") for key in twice]

    def read(field: str, reader: Callable[[object], T]) -> T | None:
        try:
            return reader(item.get(field))
        except ReportError as error:
            faults.extend(error.faults)
            return None

    by_id = item.get("prediction_id") is not None
    identity = read("prediction_id", _identity)
    model = read("model", lambda given: _model(given, definitions, needed=not by_id))
    entity = None if by_id else read("entity", _entity)
    observed_at = read("observed_at", lambda given: _moment(given, latest, needed=not by_id))
    outcome = read("outcome", _loose)
    faults += [_unknown(str(key)) for key in islice((key for key in item if key not in FIELDS), MOST_TOLD)]
    given = item.get("outcome")
    found = Report(
        prediction_id=identity,
        model=model,
        entity=entity,
        observed_at=observed_at,
        outcome=False if outcome is None else outcome,
        given=given,
    )
    if outcome is not None and model is not None:
        found = read("outcome", lambda _: found.of(definitions[model])) or found
    if faults:
        raise ReportError(*faults)
    return found


def _unknown(key: str) -> Fault:
    return Fault(key[:80], UNKNOWN, f"is no field of an outcome; known are {', '.join(FIELDS)}")


def _loose(given: object) -> Truth:
    if given is None:
        raise ReportError(Fault("outcome", "missing", "is missing"))
    try:
        return loose_truth(given)
    except TruthError as error:
        raise ReportError(Fault("outcome", "wrong_value", str(error), given)) from None


def _model(given: object, definitions: Mapping[str, Definition], *, needed: bool) -> str | None:
    if given is None:
        if needed:
            raise ReportError(Fault("model", "missing", "is missing; say which one, or give a prediction_id"))
        return None
    if not isinstance(given, str) or given not in definitions:
        raise ReportError(Fault("model", "unknown_value", "is not the name of a model", given))
    return given


def _identity(given: object) -> UUID | None:
    if given is None:
        return None
    try:
        if not isinstance(given, str) or len(given) != 36:
            raise ValueError
        return UUID(given)
    except ValueError:
        message = "must be the id of a prediction, as it was answered"
        raise ReportError(Fault("prediction_id", "wrong_value", message, given)) from None


def _entity(given: object) -> str:
    if given is None:
        raise ReportError(Fault("entity", "missing", "is missing; say which one, or give a prediction_id"))
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_ENTITY or not is_text(given):
        message = "must be the text of an entity's id, or give a prediction_id"
        raise ReportError(Fault("entity", "wrong_value", message, given))
    return given


def _moment(given: object, latest: datetime | None, *, needed: bool) -> datetime | None:
    if given is None:
        if needed:
            raise ReportError(Fault("observed_at", "missing", "is missing; say when, or give a prediction_id"))
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
        if moment is None or moment.tzinfo is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise ValueError
        moment = moment.astimezone(UTC)
    except ValueError:
        message = "must be a moment with a time zone, as 2026-03-01T00:00:00Z"
        raise ReportError(Fault("observed_at", "not_a_moment", message, given)) from None
    if latest is not None and moment > latest:
        message = "lies in the future; report what has been observed"
        raise ReportError(Fault("observed_at", "future", message, given))
    return moment
