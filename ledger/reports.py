"""Outcomes as callers report them, read one by one: a bad one fails alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from ledger.query import is_text
from ledger.truths import Truth, TruthError, loose_truth, truth
from models.definition import Definition

LONGEST_ENTITY = 1000
_KEYS = {"prediction_id", "model", "entity", "observed_at", "outcome"}
_FIRST_YEAR, _LAST_YEAR = 1970, 2200


class ReportError(ValueError):
    """The item is no report of an outcome; the message says which field is wrong and what it must be."""


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
            raise ReportError(f"outcome {error}") from None


def report(item: object, definitions: Mapping[str, Definition]) -> Report:
    """The report in one item of a request. Raises ReportError.

    Either `{"prediction_id": ..., "outcome": ...}` with `model` and `observed_at` if they are known, or
    `{"model": ..., "entity": ..., "observed_at": ..., "outcome": ...}` with the entity's canonical text.
    """
    if not isinstance(item, Mapping):
        raise ReportError("must be an object with an outcome")
    unknown = sorted(str(key) for key in item if key not in _KEYS)
    if unknown:
        raise ReportError(f"{unknown[0][:80]} is no field of an outcome; known are {', '.join(sorted(_KEYS))}")
    if item.get("outcome") is None:
        raise ReportError("outcome is missing")
    model = _model(item.get("model"), definitions)
    identity = None if item.get("prediction_id") is None else _identity(item["prediction_id"])
    found = Report(
        prediction_id=identity,
        model=model,
        entity=None if identity else _entity(item.get("entity")),
        observed_at=_moment(item.get("observed_at"), needed=identity is None),
        outcome=_loose(item["outcome"]),
        given=item["outcome"],
    )
    if identity is None and model is None:
        raise ReportError("model is missing; say which one, or give a prediction_id")
    return found.of(definitions[model]) if model is not None else found


def _loose(given: object) -> Truth:
    try:
        return loose_truth(given)
    except TruthError as error:
        raise ReportError(f"outcome {error}") from None


def _model(given: object, definitions: Mapping[str, Definition]) -> str | None:
    if given is not None and (not isinstance(given, str) or given not in definitions):
        raise ReportError(f"model {str(given)[:80]!r} is not known")
    return given


def _identity(given: object) -> UUID:
    try:
        if not isinstance(given, str) or len(given) != 36:
            raise ValueError
        return UUID(given)
    except ValueError:
        raise ReportError("prediction_id must be the id of a prediction, as it was answered") from None


def _entity(given: object) -> str:
    if not isinstance(given, str) or not 0 < len(given) <= LONGEST_ENTITY or not is_text(given):
        raise ReportError("entity must be the text of an entity's id, or give a prediction_id")
    return given


def _moment(given: object, *, needed: bool) -> datetime | None:
    if given is None and not needed:
        return None
    try:
        moment = datetime.fromisoformat(given) if isinstance(given, str) else None
        if moment is None or moment.tzinfo is None or not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise ValueError
        return moment.astimezone(UTC)
    except ValueError:
        raise ReportError("observed_at must be a moment with a time zone, as 2026-03-01T00:00:00Z") from None
