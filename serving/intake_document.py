"""What the OpenAPI document says of the bodies with events and outcomes."""

from __future__ import annotations

from typing import Any

from features.columns import Column, columns, example
from features.sources import sources
from ledger.reports import LONGEST_ENTITY
from serving.bodies import REFERENCE
from storage.tables import SOURCES

_MOMENT = {"type": "string", "format": "date-time", "description": "when it was observed, with a zone"}
_TRUTH = {
    "type": ["boolean", "number", "string"],
    "description": "true, false, 1, 0 or the positive value; one of the classes; or a number: by the model's kind",
    "examples": [True],
}
OUTCOMES = {
    "by_prediction": {"prediction_id": "01a1ff41-bb42-7001-8cdc-faa5cecfc329", "outcome": True},
    "by_entity": {
        "model": "delinquency",
        "entity": {"customer_id": "C000123"},
        "observed_at": "2026-03-01T09:30:00Z",
        "outcome": True,
    },
}


def schemas() -> dict[str, Any]:
    """The shapes, by the name that references give them."""
    return {
        **{_event(name): _row(name) for name in sources()},
        "OutcomeById": _by_id(),
        "OutcomeByEntity": _by_entity(),
    }


def events_body(most: int) -> dict[str, Any]:
    """Of `openapi_extra`: a row of any source, with one example of each."""
    about = "An event, or an array of events, with the columns of the source that the path names"
    return _body(about, [_event(name) for name in sources()], {name: example(name) for name in sources()}, most)


def outcomes_body(most: int) -> dict[str, Any]:
    """Of `openapi_extra`: outcomes by the prediction's id, or by entity and time."""
    several: dict[str, Any] = {**OUTCOMES, "many": list(OUTCOMES.values())}
    return _body("An outcome, or an array of outcomes", ["OutcomeById", "OutcomeByEntity"], several, most)


def _body(description: str, names: list[str], examples: dict[str, Any], most: int) -> dict[str, Any]:
    one = {"anyOf": [{"$ref": REFERENCE.format(model=name)} for name in names]}
    schema = {"anyOf": [*one["anyOf"], {"type": "array", "items": one, "minItems": 1, "maxItems": most}]}
    shown = {name: {"value": value} for name, value in examples.items()}
    content = {"application/json": {"schema": schema, "examples": shown}}
    return {"requestBody": {"required": True, "description": description, "content": content}}


def _event(source: str) -> str:
    return "".join(part.capitalize() for part in source.split("_")) + "Event"


def _row(source: str) -> dict[str, Any]:
    described = columns(source)
    return _object(
        f"{source}: {SOURCES[source].comment}",
        {column.name: _property(column) for column in described},
        [column.name for column in described if column.required],
    )


def _object(description: str, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def _property(column: Column) -> dict[str, Any]:
    about = f"{column.what} [{column.unit}]" if column.unit else column.what
    shown: dict[str, Any] = {"description": about, "examples": [column.example]}
    kind: dict[str, Any]
    match column.kind:
        case "time":
            kind = {"type": "string", "format": "date-time"}
        case "flag":
            kind = {"type": "boolean"}
        case "level":
            kind = {"type": "string", "enum": list(column.levels)}
        case "text":
            kind = {"type": "string", "minLength": 1, "maxLength": column.longest}
        case _:
            name = "integer" if column.kind == "whole" else "number"
            kind = {"type": name, "minimum": column.minimum, "maximum": column.maximum, "x-unit": column.unit}
    return {**shown, **(kind if column.required else {**kind, "type": [kind["type"], "null"]})}


def _by_id() -> dict[str, Any]:
    properties = {
        "prediction_id": {"type": "string", "format": "uuid", "description": "as the prediction was answered"},
        "outcome": _TRUTH,
        "model": {"type": ["string", "null"], "description": "that of the prediction, where it is known"},
        "observed_at": {**_MOMENT, "type": ["string", "null"]},
    }
    return _object("what became of one prediction", properties, ["prediction_id", "outcome"])


def _by_entity() -> dict[str, Any]:
    text = {"type": "string", "minLength": 1, "maxLength": LONGEST_ENTITY}
    properties = {
        "model": {"type": "string", "description": "the model's name"},
        "entity": {
            "anyOf": [text, {"type": "object", "additionalProperties": {"type": "string"}}],
            "description": "its ids, or its text as its history names it",
        },
        "observed_at": _MOMENT,
        "outcome": _TRUTH,
    }
    return _object("what became of an entity's latest prediction before a moment", properties, [*properties])
