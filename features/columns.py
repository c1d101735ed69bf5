"""What the columns of a source take, for people and documents; the checks are made of the same tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Boolean, Integer, Text
from sqlalchemy import Column as TableColumn
from sqlalchemy import DateTime as Time

from features.views import views
from storage.tables import SOURCES
from storage.tables.sources import ID_LONGEST

_MOMENT = "2026-03-01T09:30:00Z"
_EXAMPLES: Mapping[str, object] = {
    "event_id": "evt-2026-000123",
    "country": "DE",
    "source": "search",
    "category": "home",
    "due_at": "2026-04-01T00:00:00Z",
    "discount": 0.15,
    "stars": 4.5,
    "quizzes": 1,
    "units": 3,
}
"""Of columns for which the rule below would give an odd one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A column of a source. `unit` is that of a number, and the bounds are inclusive."""

    name: str
    kind: Literal["text", "level", "time", "flag", "number", "whole"]
    what: str
    unit: str = ""
    required: bool
    levels: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    longest: int | None = None
    example: Any


def columns(source: str) -> list[Column]:
    """The columns that a row of the source has, in the table's order. Raises KeyError for an unknown one."""
    ids = {key.name: key.example for view in views().values() for key in view.keys}
    return [_column(column, ids) for column in SOURCES[source].c if column.name != "recorded_at"]


def example(source: str) -> dict[str, Any]:
    """A row that the source takes."""
    return {column.name: column.example for column in columns(source)}


def _column(column: TableColumn[Any], ids: Mapping[str, str]) -> Column:
    more: dict[str, Any] = dict(_more(column))
    what, _, unit = (column.comment or "").rpartition("; ") if "minimum" in more else (column.comment or "", "", "")
    given = more.pop("example")
    if more["kind"] != "level":
        given = ids.get(column.name, _EXAMPLES.get(column.name, given))
    return Column(name=column.name, what=what, unit=unit, required=not column.nullable, example=given, **more)


def _more(column: TableColumn[Any]) -> Iterator[tuple[str, Any]]:
    info = column.info
    match column.type:
        case Time():
            yield from {"kind": "time", "example": _MOMENT}.items()
        case Boolean():
            yield from {"kind": "flag", "example": True}.items()
        case Text() if "levels" in info:
            yield from {"kind": "level", "levels": tuple(info["levels"]), "example": info["levels"][0]}.items()
        case Text():
            longest = info.get("longest", ID_LONGEST)
            yield from {"kind": "text", "longest": longest, "example": f"{column.name[0].upper()}000123"}.items()
        case kind:
            yield "kind", "whole" if isinstance(kind, Integer) else "number"
            yield from {"minimum": info["minimum"], "maximum": info["maximum"], "example": 180}.items()
