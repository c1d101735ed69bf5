"""Requests that name an entity instead of sending its features."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from features.entity import Entity, parse_entity
from features.errors import InvalidEntityError
from features.views import View, view
from models.definition import Definition, Schema, Value
from serving.parsing import name_of
from serving.problems import FieldError, Problem
from serving.suggestions import Suggestions
from serving.validation import EARLIEST, check_features, shown

AHEAD = timedelta(seconds=60)
"""How far clocks may differ: an `as_of` so far in the future counts as now."""


def view_of(definition: Definition) -> View | None:
    """The view of the model's entities; None for a model that takes records only.

    Raises UnknownViewError when there is no view of the name that the definition gives.
    """
    return None if definition.view is None else view(definition.view)


@dataclass(frozen=True, slots=True)
class EntityRequest:
    """One entity to score. `as_of` None stands for now; `given` are values that replace those of the view."""

    entity: Entity
    as_of: datetime | None = None
    given: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EntitiesRequest:
    """Entities to score as of the same moment; in the place of one that is not valid, what is wrong with it."""

    entities: Sequence[Entity | Problem]
    as_of: datetime | None = None
    given: Mapping[str, Value] = field(default_factory=dict)


def check_entity(view: View, given: object, path: str, errors: list[FieldError]) -> Entity | None:
    """The entity that is named; what is wrong is added to `errors`."""
    try:
        return parse_entity(view, given)
    except InvalidEntityError as error:
        for problem in error.problems:
            field = f"{path}.{problem.field}" if problem.field else path
            errors.append(FieldError(field, problem.code, problem.message, shown(problem.given)))
        return None


def check_as_of(given: object, errors: list[FieldError]) -> datetime | None:
    """The moment in UTC; None for now. What is wrong is added to `errors`."""
    if given is None:
        return None
    wanted = "must be a time with its zone as ISO 8601 text, such as 2026-03-01T00:00:00Z"
    moment = _moment(given)
    if moment is None or moment.tzinfo is None:
        code = "not_a_moment" if isinstance(given, str) else "wrong_type"
        errors.append(FieldError("as_of", code, wanted, shown(given)))
        return None
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        moment = None
    now = datetime.now(UTC)
    if moment is None or not EARLIEST <= moment <= now + AHEAD:
        message = f"must lie between {EARLIEST.date()} and now: features are of what has been known"
        errors.append(FieldError("as_of", "out_of_range", message, shown(given)))
        return None
    return moment if moment < now else None


def check_given(
    schema: Schema, given: object, errors: list[FieldError], suggestions: Suggestions
) -> Mapping[str, Value]:
    """The values that replace those of the view. What is wrong is added to `errors`."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        message = f"must be an object of features whose values replace those of the view, not {name_of(given)}"
        errors.append(FieldError("given", "wrong_type", message, shown(given)))
        return {}
    return check_features(schema, given, "given", errors, suggestions)


def _moment(given: object) -> datetime | None:
    if not isinstance(given, str) or len(given) > 64:
        return None
    try:
        return datetime.fromisoformat(given)
    except ValueError:
        return None
