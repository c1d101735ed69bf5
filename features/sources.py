"""The sources of events: what their tables hold, which views read them, and what a row must be."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import islice
from typing import Any

from sqlalchemy import Boolean, Column, DateTime, Integer, Table, Text

from features.errors import Problem, UnknownSourceError, nearest
from features.values import Refused, flag, level, moment, number, text
from features.views import View, views
from storage.tables import SOURCES
from storage.tables.sources import ID_LONGEST

MAX_SHOWN = 20
"""Problems of one row that are told; hostile bodies could hold thousands."""
Check = Callable[[object, bool], Any]
"""The value as a column takes it; the second argument says whether it comes as text. Raises Refused."""


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A table that events come into: its columns, with the check and the SQL type of each.

    `time` is the column that says when a row was known, `entities` are those that say what it is about.
    """

    name: str
    time: str
    entities: frozenset[str]
    checks: Mapping[str, Check]
    nullable: frozenset[str]
    types: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """What a row holds, in the table's order."""
        return tuple(self.checks)

    def readers(self) -> Iterator[tuple[View, tuple[str, ...]]]:
        """The views that read it, each with those of its keys that the source's rows name."""
        for view in views().values():
            if self.name in view.sources:
                yield view, tuple(key for key in view.key_names if key in self.entities)

    def check(
        self, row: object, now: datetime, *, ahead: timedelta, as_text: bool = False
    ) -> tuple[dict[str, Any], list[Problem]]:
        """The row's values, and all that is wrong with it. `as_text`: from a file, where empty is null.

        The source's time may lie at most `ahead` of `now`. A row that was read from an object in which keys stood twice
        says so in its `keys_twice`.
        """
        if not isinstance(row, Mapping):
            return {}, [Problem("", "type", "must be an object")]
        values: dict[str, Any] = {}
        problems = [Problem(str(name)[:64], "doubled_key", "stands twice; send it once") for name in _twice(row)]
        for name, check in self.checks.items():
            given = row.get(name)
            try:
                values[name] = self._value(name, check, given, as_text)
                if name == self.time and values[name] > now + ahead:
                    raise Refused("future", f"lies more than {ahead.total_seconds() / 60:g} minutes in the future")
            except Refused as fault:
                problems.append(Problem(name, fault.code, str(fault), _shown(given)))
        if len(row) > len(values) or problems:
            strange = (name for name in row if name not in self.checks)
            problems += [_unknown(name, self.checks) for name in islice(strange, MAX_SHOWN)]
        return values, problems[:MAX_SHOWN]

    def _value(self, name: str, check: Check, given: object, as_text: bool) -> Any:
        if given is None or (as_text and isinstance(given, str) and not given.strip()):
            if name in self.nullable:
                return None
            raise Refused("missing", "is missing")
        return check(given, as_text)


@cache
def sources() -> Mapping[str, Source]:
    """All sources by name."""
    return {name: _source(table) for name, table in SOURCES.items()}


def source(name: str) -> Source:
    """The source of that name. Raises UnknownSourceError."""
    found = sources().get(name)
    if found is None:
        raise UnknownSourceError(name, sources())
    return found


def _source(table: Table) -> Source:
    columns = {column.name: column for column in table.c if column.name != "recorded_at"}
    (time,) = (name for name, column in columns.items() if column.info.get("part") == "time")
    return Source(
        name=table.name,
        time=time,
        entities=frozenset(name for name, column in columns.items() if column.info.get("part") == "entity"),
        checks={name: _check(column) for name, column in columns.items()},
        nullable=frozenset(name for name, column in columns.items() if column.nullable),
        types={name: _sql_type(column) for name, column in columns.items()},
    )


def _check(column: Column[Any]) -> Check:
    info = column.info
    match column.type:
        case DateTime():
            return lambda given, as_text: moment(given)
        case Boolean():
            return lambda given, as_text: flag(given, as_text=as_text)
        case Text() if "levels" in info:
            return lambda given, as_text: level(given, info["levels"])
        case Text():
            longest = info.get("longest", ID_LONGEST)
            return lambda given, as_text: text(given, longest, as_text=as_text)
        case kind:
            places = 0 if isinstance(kind, Integer) else getattr(kind, "scale", 0) or 0
            least, most = Decimal(str(info["minimum"])), Decimal(str(info["maximum"]))
            whole = isinstance(kind, Integer)
            return lambda given, as_text: number(given, least, most, places, whole=whole, as_text=as_text)


def _sql_type(column: Column[Any]) -> str:
    match column.type:
        case DateTime():
            return "timestamptz"
        case Boolean():
            return "boolean"
        case Text():
            return "text"
        case Integer():
            return "integer"
        case _:
            return "numeric"


def _unknown(name: object, known: Mapping[str, Any]) -> Problem:
    if name == "recorded_at":
        return Problem("recorded_at", "unknown", "is set when the row comes, and cannot be sent")
    return Problem(str(name)[:64], "unknown", f"is no column of this source{nearest(str(name), known)}")


def _twice(row: Mapping[Any, Any]) -> Iterable[object]:
    """Keys of which only the last value is left."""
    found: Iterable[object] = getattr(row, "keys_twice", ())
    return found


def _shown(given: object) -> object:
    """What was given, as far as a message needs it."""
    if isinstance(given, float) and not math.isfinite(given):
        return str(given)
    if isinstance(given, str):
        return given[:64]
    if isinstance(given, bool) or given is None:
        return given
    if isinstance(given, int | float) and abs(given) < 1e18:
        return given
    if isinstance(given, datetime | Decimal):
        return str(given)[:64]
    if isinstance(given, int | float):
        return "a large number"
    return "an object" if isinstance(given, Mapping) else "an array" if isinstance(given, list) else "something else"
