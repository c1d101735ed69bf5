"""What is wrong with a request's values: all errors at once, each with its field and the remedy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from models.definition import (
    Category,
    Definition,
    Feature,
    Flag,
    Kind,
    Moment,
    Number,
    Schema,
    Series,
    Value,
    read_moment,
)
from serving.parsing import Doubled, LongInteger, name_of
from serving.problems import FieldError, InvalidFeatures
from serving.suggestions import Suggestions

MAX_TEXT = 256
"""Characters of a category value."""
SHOWN_ERRORS = 100
"""Field errors in one answer; a body of rubbish must not be answered with a larger one."""
SHOWN_BATCH_ERRORS = 1000
"""Field errors in the answer to a batch, shared among the records that have any; each shows at least one."""
EARLIEST, LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2201, 1, 1, tzinfo=UTC)
"""Moments lie from the first, inclusive, to the second: what is computed from them, such as a horizon, stays a date."""
MOMENTS = f"from {EARLIEST.date()} to {LATEST.date() - timedelta(days=1)}"
INCLUDES = ("features", "probabilities")
DEFAULT_TOP = 5
"""Drivers in an explanation when the caller does not say."""
MAX_TOP = 10_000


@dataclass(frozen=True, slots=True)
class Options:
    """What a caller may ask of a prediction besides the record."""

    threshold: float | None = None
    include: tuple[str, ...] = ()
    top: int = DEFAULT_TOP


def check_record(
    schema: Schema, record: object, path: str, errors: list[FieldError], suggestions: Suggestions
) -> list[Value]:
    """The record's values in schema order; what is wrong is added to `errors`."""
    if not isinstance(record, Mapping):
        errors.append(FieldError(path, "wrong_type", f"must be an object, not {name_of(record)}", shown(record)))
        return []
    twice = record.keys_twice if isinstance(record, Doubled) else ()
    errors.extend(
        FieldError(f"{path}.{key[:MAX_TEXT]}", "doubled_key", "stands twice in one object; send it once")
        for key in twice[: SHOWN_ERRORS + 1]
    )
    errors.extend(unknown_fields(record, schema.names, f"{path}.", suggestions))
    values: list[Value] = []
    for feature in schema.features:
        field = f"{path}.{feature.name}"
        if feature.name in record:
            said = [] if feature.name in twice else errors
            values.append(_checked(feature, record[feature.name], field, said, suggestions))
            continue
        if not feature.missing:
            errors.append(FieldError(field, "missing", f"is required: {feature.description}"))
        values.append(None)
    return values


def check_features(
    schema: Schema, given: Mapping[str, Any], path: str, errors: list[FieldError], suggestions: Suggestions
) -> dict[str, Value]:
    """Those of the schema's features that are given, by name; what is wrong is added to `errors`."""
    errors.extend(unknown_fields(given, schema.names, f"{path}.", suggestions))
    return {
        feature.name: _checked(feature, given[feature.name], f"{path}.{feature.name}", errors, suggestions)
        for feature in schema.features
        if feature.name in given
    }


def _checked(feature: Feature, given: Any, field: str, errors: list[FieldError], suggestions: Suggestions) -> Value:
    """One value as the model takes it."""
    fault = _fault(feature, given, suggestions)
    if fault is not None:
        errors.append(FieldError(field, fault[0], fault[1], shown(given)))
    value: Value = bool(given) if given is not None and isinstance(feature, Flag) else given
    return value


def check_records(schema: Schema, records: Sequence[object]) -> list[Sequence[Value] | list[FieldError]]:
    """For each record of a batch its values in schema order, or all its errors."""
    suggestions = Suggestions()
    rows: list[Sequence[Value] | list[FieldError]] = []
    for record in records:
        errors: list[FieldError] = []
        values = check_record(schema, record, "record", errors, suggestions)
        rows.append(errors or tuple(values))
    return rows


def invalid(
    errors: list[FieldError], what: str = "request", most: int = SHOWN_ERRORS, count: int | None = None
) -> InvalidFeatures:
    """The problem that carries `errors`, `most` of them at most; there are `count`, if not all were given."""
    count = len(errors) if count is None else count
    noun = "field" if count == 1 else "fields"
    verb = "is" if count == 1 else "are"
    detail = f"{count} {noun} of the {what} {verb} not valid"
    if count > most:
        detail += f"; the first {most} are shown" if most > 1 else "; the first is shown"
    return InvalidFeatures(detail, errors=errors[:most])


def shown(value: object) -> Any:
    """`value` as an error may repeat it: finite, short and flat."""
    match value:
        case None | bool():
            return value
        case float() if not math.isfinite(value):
            return str(value)
        case LongInteger():
            return f"an integer of {value.digits} digits"
        case int() if abs(value) >= 2**63:
            return f"an integer of {len(str(abs(value)))} digits"
        case int() | float():
            return value
        case str():
            return value if len(value) <= MAX_TEXT else value[:MAX_TEXT] + "..."
        case list():
            return f"an array of {len(value)}"
        case _:
            return "an object"


def _fault(feature: Feature, given: object, suggestions: Suggestions) -> tuple[str, str] | None:
    """Code and message of what is wrong with one value, or None."""
    if given is None:
        return None if feature.missing else ("missing", "must not be null")
    match feature:
        case Number():
            return _number_fault(feature, given)
        case Flag():
            return _flag_fault(given)
        case Category():
            return _category_fault(feature, given, suggestions)
        case Moment():
            return _moment_fault(given)
        case Series():
            return _series_fault(feature, given)


def has_probabilities(definition: Definition) -> bool:
    return definition.kind in (Kind.BINARY, Kind.MULTICLASS)


def _moment_fault(given: object) -> tuple[str, str] | None:
    wanted = "must be a date or a date with a time as ISO 8601 text, such as 2026-03-01 or 2026-03-01T12:00:00Z"
    if not isinstance(given, str):
        return "wrong_type", f"{wanted}, not {name_of(given)}"
    try:
        moment = read_moment(given[:MAX_TEXT])
    except ValueError:
        return "not_a_moment", wanted
    except OverflowError:  # the year 1 or 9999, and an offset that leads out of it
        return _out_of_time()
    return None if EARLIEST <= moment < LATEST else _out_of_time()


def _out_of_time() -> tuple[str, str]:
    return "out_of_range", f"must lie {MOMENTS}"


def _series_fault(feature: Series, given: object) -> tuple[str, str] | None:
    if not isinstance(given, list):
        return "wrong_type", f"must be an array of numbers ({feature.unit}), not {name_of(given)}"
    if not feature.min_length <= len(given) <= feature.max_length:
        return "wrong_length", f"must hold {feature.min_length} to {feature.max_length} numbers, not {len(given)}"
    entry = Number(
        name=feature.name,
        description="",
        unit=feature.unit,
        minimum=feature.minimum,
        maximum=feature.maximum,
        example=feature.minimum,
    )
    for place, value in enumerate(given):
        fault = ("missing", "must not be null") if value is None else _number_fault(entry, value)
        if fault is not None:
            return fault[0], f"entry {place} {fault[1]}"
    return None


def _flag_fault(given: object) -> tuple[str, str] | None:
    """1 and 0 are what programs send that had the record in a CSV file."""
    if isinstance(given, int | float) and given in (0, 1):
        return None
    return "wrong_type", f"must be true or false (or 1 or 0), not {name_of(given)}"


def _number_fault(feature: Number, given: object) -> tuple[str, str] | None:
    if isinstance(given, bool) or not isinstance(given, int | float):
        remedy = "; send it without quotes" if isinstance(given, str) else ""
        return "wrong_type", f"must be a number ({feature.unit}), not {name_of(given)}{remedy}"
    if isinstance(given, float) and not math.isfinite(given):
        remedy = "leave the field out or send null when it is not known" if feature.missing else "it may not be missing"
        return "not_finite", f"must be a finite number; {remedy}"
    if feature.whole and given != int(given):
        return "not_whole", "must be a whole number"
    if given < feature.minimum:
        return "greater_than_equal", f"must be at least {feature.minimum:.15g}"
    if given > feature.maximum:
        return "less_than_equal", f"must be at most {feature.maximum:.15g}"
    return None


def _category_fault(feature: Category, given: object, suggestions: Suggestions) -> tuple[str, str] | None:
    if not isinstance(given, str):
        return "wrong_type", f"must be a string, not {name_of(given)}"
    if len(given) > MAX_TEXT:
        return "too_long", f"must have at most {MAX_TEXT} characters"
    if feature.unseen == "refuse" and given not in feature.levels:
        hint = suggestions.hint(given, feature.levels)
        return "unknown_level", f"must be one of {', '.join(feature.levels)}{hint}"
    return None


def check_options(
    definition: Definition,
    body: Mapping[str, Any],
    errors: list[FieldError],
    suggestions: Suggestions,
    *,
    explain: bool,
) -> Options:
    """The options. A `top` that the operation does not take is an unknown field, and no more is said about it."""
    top = _top(body, errors) if explain else DEFAULT_TOP
    return Options(_threshold(definition, body, errors), _include(definition, body, errors, suggestions), top)


def _threshold(definition: Definition, body: Mapping[str, Any], errors: list[FieldError]) -> float | None:
    given = body.get("threshold")
    if given is None:
        return None
    if not definition.decides:
        message = f"a {definition.kind} model has no threshold; leave the field out"
        errors.append(FieldError("threshold", "not_supported", message, shown(given)))
        return None
    if isinstance(given, bool) or not isinstance(given, int | float):
        errors.append(FieldError("threshold", "wrong_type", f"must be a number, not {name_of(given)}", shown(given)))
    elif not 0 <= given <= 1:
        errors.append(FieldError("threshold", "out_of_range", "must lie between 0 and 1", shown(given)))
    else:
        return float(given)
    return None


def _include(
    definition: Definition, body: Mapping[str, Any], errors: list[FieldError], suggestions: Suggestions
) -> tuple[str, ...]:
    given = body.get("include")
    if given is None:
        return ()
    if isinstance(given, list):
        strange = [item for item in given if item not in INCLUDES]
        if "probabilities" in given and not has_probabilities(definition):
            message = f"a {definition.kind} model has no probabilities; only features can be included"
            errors.append(FieldError("include", "not_supported", message, shown(given)))
            return ()
        if not strange:
            return tuple(given)
        if not all(isinstance(item, str) for item in strange):
            errors.append(FieldError("include", "wrong_type", "must be an array of strings", shown(given)))
            return ()
        hint = suggestions.hint(strange[0], INCLUDES)
    else:
        hint = ""
    message = f"must be an array of {' and '.join(INCLUDES)}{hint}"
    errors.append(FieldError("include", "unknown_value", message, shown(given)))
    return ()


def _top(body: Mapping[str, Any], errors: list[FieldError]) -> int:
    given = body.get("top")
    if given is None:
        return DEFAULT_TOP
    if isinstance(given, bool) or not isinstance(given, int | float):
        errors.append(FieldError("top", "wrong_type", f"must be a whole number, not {name_of(given)}", shown(given)))
    elif not 0 <= given <= MAX_TOP:
        errors.append(FieldError("top", "out_of_range", f"must lie between 0 (for all) and {MAX_TOP}", shown(given)))
    elif given != int(given):
        errors.append(FieldError("top", "not_whole", "must be a whole number", shown(given)))
    else:
        return int(given)
    return DEFAULT_TOP


def unknown_fields(
    given: Mapping[str, Any], known: tuple[str, ...], prefix: str, suggestions: Suggestions
) -> list[FieldError]:
    errors = []
    for key, value in given.items():
        if key in known:
            continue
        hint = "; explain takes it" if key == "top" and not prefix else suggestions.hint(key, known)
        field = f"{prefix}{key[:MAX_TEXT]}"
        errors.append(FieldError(field, "unknown_field", f"is not a known field{hint}", shown(value)))
        if len(errors) > SHOWN_ERRORS:
            break
    return errors
