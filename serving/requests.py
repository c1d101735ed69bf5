"""What a whole request asks for: records or entities, and the options. All errors at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from features.entity import Entity
from features.views import View
from models.definition import Definition, Schema, Value
from serving.entities import EntitiesRequest, EntityRequest, check_as_of, check_entity, check_given
from serving.parsing import name_of
from serving.problems import FieldError, InvalidFeatures, Problem, TooLarge
from serving.suggestions import Suggestions
from serving.validation import Options, check_options, check_record, invalid, shown, unknown_fields

OPTIONS = ("threshold", "include")
OF_ENTITIES = ("entity", "entities")
BESIDE = ("as_of", "given")
"""Fields that make sense beside an entity only."""
SINGULAR = {"records": "record", "entities": "entity"}


def check_predict(
    definition: Definition, view: View | None, body: Mapping[str, Any], *, explain: bool
) -> tuple[list[Value] | EntityRequest, Options]:
    """The record's values in schema order, or the entity; and the options. Raises InvalidFeatures with every error.

    `view` is that of its entities; None where it takes records only.
    """
    suggestions = Suggestions()
    if _is_bare(definition.schema, body, ("record", "entity")):
        raise _bare("record", "send the features as an object under 'record': {\"record\": {...}}")
    subject = _subject(body, "record", "entity", view)
    errors = _strange_fields(definition, view, body, subject, ("top",) if explain else (), suggestions)
    options = check_options(definition, body, errors, suggestions, explain=explain)
    asked: list[Value] | EntityRequest = []
    if view is not None and subject == "entity":
        entity = check_entity(view, body["entity"], "entity", errors)
        as_of, given = _beside(definition, body, errors, suggestions)
        if entity is not None:
            asked = EntityRequest(entity, as_of, given)
    elif "record" in body:
        asked = check_record(definition.schema, body["record"], "record", errors, suggestions)
    elif view is not None or "entity" not in body:
        remedy = f"send the features as an object under 'record'{_or(view, 'entity')}"
        errors.insert(0, FieldError("record", "missing", remedy))
    _refuse(errors)
    return asked, options


def check_batch(
    definition: Definition, view: View | None, body: Mapping[str, Any], *, max_records: int
) -> tuple[list[Any] | EntitiesRequest, Options]:
    """The records, still unchecked one by one, or the entities; and the options.

    Raises InvalidFeatures, or TooLarge for too many.
    """
    suggestions = Suggestions()
    if _is_bare(definition.schema, body, ("records", "entities")):
        raise _bare("records", "send the records as an array under 'records': {\"records\": [{...}, ...]}")
    subject = _subject(body, "records", "entities", view)
    errors = _strange_fields(definition, view, body, subject, (), suggestions)
    options = check_options(definition, body, errors, suggestions, explain=False)
    items = _items(subject, body, errors, view)
    as_of, given = _beside(definition, body, errors, suggestions) if subject == "entities" else (None, {})
    _refuse(errors)
    if len(items) > max_records:
        raise TooLarge(f"a batch may hold {max_records} {subject}, this one has {len(items)}; send several batches")
    if view is not None and subject == "entities":
        return EntitiesRequest([_entity(view, item) for item in items], as_of, given), options
    return items, options


def _entity(view: View, item: object) -> Entity | Problem:
    errors: list[FieldError] = []
    entity = check_entity(view, item, "entity", errors)
    return invalid(errors, "entity") if entity is None else entity


def _beside(
    definition: Definition, body: Mapping[str, Any], errors: list[FieldError], suggestions: Suggestions
) -> tuple[datetime | None, Mapping[str, Value]]:
    """The moment, and the values that replace those of the view."""
    given = check_given(definition.schema, body.get("given"), errors, suggestions)
    return check_as_of(body.get("as_of"), errors), given


def _items(subject: str, body: Mapping[str, Any], errors: list[FieldError], view: View | None) -> list[Any]:
    """What stands in the batch."""
    items = body.get(subject)
    if isinstance(items, list):
        if not items:
            errors.append(FieldError(subject, "too_short", f"must hold at least one {SINGULAR[subject]}", shown(items)))
        return items
    if subject in body:
        message = f"must be an array of {subject}, not {name_of(items)}"
        errors.append(FieldError(subject, "wrong_type", message, shown(items)))
    elif view is not None or "entities" not in body:
        errors.append(FieldError(subject, "missing", f"send an array of {subject}{_or(view, 'entities')}"))
    return []


def _subject(body: Mapping[str, Any], records: str, entities: str, view: View | None) -> str:
    """Which of the two the body is about."""
    return entities if view is not None and entities in body and records not in body else records


def _or(view: View | None, entities: str) -> str:
    return "" if view is None else f", or ids under '{entities}'"


def _is_bare(schema: Schema, body: Mapping[str, Any], wrappers: Sequence[str]) -> bool:
    """Whether the body is a record itself, without the object around it."""
    return not any(wrapper in body for wrapper in wrappers) and any(name in body for name in schema.names)


def _bare(wrapper: str, remedy: str) -> InvalidFeatures:
    """One error instead of one for each feature, which all would be unknown here."""
    return InvalidFeatures(remedy, errors=[FieldError(wrapper, "missing", remedy)])


def _strange_fields(
    definition: Definition,
    view: View | None,
    body: Mapping[str, Any],
    subject: str,
    more: Sequence[str],
    suggestions: Suggestions,
) -> list[FieldError]:
    """Fields that do not belong into this body; those of entities get the reason why."""
    allowed = (subject, *OPTIONS, *more, *(BESIDE if subject in OF_ENTITIES else ()))
    misplaced = [field for field in (*OF_ENTITIES, *BESIDE) if field in body and field not in allowed]
    errors = [
        FieldError(field, "not_supported", _reason(definition, view, field, subject), shown(body[field]))
        for field in misplaced
    ]
    rest = {key: value for key, value in body.items() if key not in misplaced}
    return errors + unknown_fields(rest, allowed, "", suggestions)


def _reason(definition: Definition, view: View | None, field: str, subject: str) -> str:
    if view is None:
        return f"model {definition.name} takes records; it has no feature view for entities"
    if field in BESIDE:
        return "goes with an entity, whose features the server computes; a record holds its own"
    if (field == "entities") != (subject in ("records", "entities")):
        return "goes to batch" if field == "entities" else "goes to predict and explain; a batch takes 'entities'"
    return f"stands beside '{subject}': send one of the two"


def _refuse(errors: list[FieldError]) -> None:
    if errors:
        raise invalid(errors)
