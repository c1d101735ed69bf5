"""The parameters of the management API: unknown ones are refused, and what is wrong with one is said in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from serving.problems import FieldError, InvalidFeatures, MalformedBody, Problem
from serving.suggestions import Suggestions, hint
from serving.validation import shown

MAX_TEXT = 256
"""Characters of what was sent that an answer repeats."""
_WORDS: Mapping[str, tuple[str, str]] = {
    "missing": ("missing", "is required"),
    "extra_forbidden": ("unknown_field", "is not a known field"),
    "string_type": ("wrong_type", "must be a text"),
    "int_parsing": ("wrong_type", "must be a whole number"),
    "int_from_float": ("not_whole", "must be a whole number"),
    "int_parsing_size": ("out_of_range", "has too many digits"),
    "greater_than_equal": ("out_of_range", "must be at least {ge}"),
    "less_than_equal": ("out_of_range", "must be at most {le}"),
    "datetime_from_date_parsing": ("not_a_moment", "must be a time as ISO 8601 text, such as 2026-03-01T12:00:00Z"),
    "datetime_parsing": ("not_a_moment", "must be a time as ISO 8601 text, such as 2026-03-01T12:00:00Z"),
    "literal_error": ("unknown_value", "must be {expected}"),
    "datetime_type": ("not_a_moment", "must be a time as ISO 8601 text, such as 2026-03-01T12:00:00Z"),
    "string_too_short": ("too_short", "must have at least {min_length} character"),
    "string_too_long": ("too_long", "must have at most {max_length} characters"),
}
"""Code and message by the type of pydantic's error."""


async def refuse_unknown(request: Request) -> None:
    """A dependency of every route. Raises InvalidFeatures for query parameters that the route does not know."""
    route = request.scope["route"]
    if not isinstance(route, APIRoute) or not route.include_in_schema:
        return  # documents, to which links may come with anything
    known = [field.alias for field in route.dependant.query_params]
    suggestions = Suggestions()
    errors = [
        _unknown(name, request.query_params[name], known, suggestions)
        for name in request.query_params
        if name not in known
    ]
    if errors:
        raise invalid(errors)


def _unknown(name: str, given: str, known: list[str], suggestions: Suggestions) -> FieldError:
    near = suggestions.hint(name, known) or f"; it takes {', '.join(known)}" if known else "; this path takes none"
    return FieldError(_field("query", name), "unknown_field", f"is not a known parameter{near}", given[:MAX_TEXT])


def in_words(error: RequestValidationError) -> Problem:
    """The problem for parameters or a body that do not fit."""
    faults = error.errors()
    for fault in faults:
        if fault["type"] == "json_invalid":
            return MalformedBody(f"the body is not JSON: {fault['ctx']['error']}")
    return invalid([fault_of(fault) for fault in faults])


def fault_of(fault: Mapping[str, Any], known: Sequence[str] = (), suggestions: Suggestions | None = None) -> FieldError:
    """What pydantic finds wrong, in our words; with the nearest of the `known` fields for one that is none of them."""
    code, message = _WORDS.get(fault["type"], ("invalid", "does not fit; /docs says what this parameter takes"))
    sent = None if code == "missing" else fault.get("input")
    given = sent[:MAX_TEXT] if isinstance(sent, str) else shown(sent)
    near = ""
    if code == "unknown_field" and suggestions is not None:
        near = suggestions.hint(str(fault["loc"][-1]), known) or f"; known are {', '.join(known)}"
    return FieldError(_field(*fault["loc"]), code, message.format(**fault.get("ctx", {})) + near, given)


def _field(*place: object) -> str:
    return ".".join(map(str, place))[:MAX_TEXT]


def invalid(errors: list[FieldError]) -> InvalidFeatures:
    return InvalidFeatures("the request's parameters are not valid", errors=errors)


def unknown_value(name: str, given: str, known: Sequence[str]) -> InvalidFeatures:
    """The problem for a query parameter whose value is none of the known ones."""
    message = f"must be one of {', '.join(known)}{hint(given, known)}" if known else "has no values here"
    return invalid([FieldError(f"query.{name}", "unknown_value", message, given[:MAX_TEXT])])
