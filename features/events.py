"""Events in: rows into a source table, once each, and the views' cached rows that they make stale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import psycopg2

from features.cache import FeatureCache
from features.errors import Problem
from features.reader import array
from features.sources import Source, source
from storage.queries import Queries

AHEAD = timedelta(minutes=5)
"""How far in the future an event may lie: clocks differ."""
BATCH_ROWS = 5_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not written: its place among those given, from 0, its id where it had one, and what is wrong."""

    index: int
    event_id: str | None
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class Written:
    """What became of rows. A duplicate has the id of a row that was there already, or came earlier in the same call."""

    accepted: int = 0
    duplicates: int = 0
    rejected: list[Rejected] = field(default_factory=list)


class Events:
    """Writes events and invalidates. Thread-safe; with the cache that serving reads from, or none."""

    def __init__(self, database: Queries, cache: FeatureCache | None, *, ahead: timedelta = AHEAD) -> None:
        self._database = database
        self._cache = cache
        self._ahead = ahead

    @property
    def ahead(self) -> timedelta:
        """How far in the future what is reported may lie."""
        return self._ahead

    def write(self, name: str, rows: Sequence[object], *, seconds: float = 5.0, as_text: bool = False) -> Written:
        """Write the rows that are right into source `name`; what is wrong with the others is in the answer.

        Writing a row twice is harmless: its id counts. `seconds` are for each BATCH_ROWS. `as_text`: values are texts
        of a file. Raises UnknownSourceError, and StorageUnavailableError: what was accepted until then is written, and
        all may be sent again.
        """
        target = source(name)
        written = Written()
        good: list[tuple[int, Row]] = []
        now = datetime.now(UTC)
        for index, row in enumerate(rows):
            values, problems = target.check(row, now, ahead=self._ahead, as_text=as_text)
            if problems:
                written.rejected.append(Rejected(index, _event_id(row), tuple(problems)))
            else:
                good.append((index, values))
        for begins in range(0, len(good), BATCH_ROWS):
            batch = good[begins : begins + BATCH_ROWS]
            self._insert(target, batch, written, seconds)
            self._invalidate(target, [row for _, row in batch])
        written.rejected.sort(key=lambda rejected: rejected.index)
        return written

    def _insert(self, target: Source, batch: Sequence[tuple[int, Row]], written: Written, seconds: float) -> None:
        """Insert what is not there yet. What the database refuses all the same is found by halving."""
        if not batch:
            return
        try:
            arrays = [_array([row[name] for _, row in batch]) for name in target.columns]
            new = self._database.run(_statement(target), arrays, seconds=seconds)
        except (psycopg2.DataError, psycopg2.IntegrityError) as error:
            if len(batch) > 1:
                half = len(batch) // 2
                self._insert(target, batch[:half], written, seconds)
                self._insert(target, batch[half:], written, seconds)
                return
            index, row = batch[0]
            reason = str(error).partition("\n")[0]
            written.rejected.append(Rejected(index, row["event_id"], (Problem("", "database", reason),)))
            return
        written.accepted += len(new)
        written.duplicates += len(batch) - len(new)

    def _invalidate(self, target: Source, rows: Sequence[Row]) -> None:
        """Duplicates too: the first time may have ended before this."""
        if self._cache is None or not rows:
            return
        for view, keys in target.readers():
            for key in keys:
                self._cache.invalidate(view, key, _concerned(rows, key, target.time))


def _concerned(rows: Sequence[Row], key: str, time: str) -> Mapping[str, datetime]:
    """The ids under `key`, with the time of the latest of their events."""
    found: dict[str, datetime] = {}
    for row in rows:
        found[row[key]] = max(row[time], found.get(row[key], row[time]))
    return found


@cache
def _statement(target: Source) -> str:
    """Arrays of each column as rows; names come from the table, values are parameters."""
    names = ", ".join(target.columns)
    arrays = ", ".join(f"%s::{kind}[]" for kind in target.types.values())
    return (
        f"insert into {target.name} ({names}) select * from unnest({arrays}) "  # noqa: S608
        "on conflict (event_id) do nothing returning event_id"
    )


def _array(values: Sequence[Any]) -> str:
    """A column's values as PostgreSQL's text for an array."""
    if None not in values:
        return array([_text(value) for value in values])
    return "{" + ",".join("NULL" if value is None else array([_text(value)])[1:-1] for value in values) + "}"


def _text(value: Any) -> str:
    match value:
        case str():
            return value
        case bool():
            return "t" if value else "f"
        case datetime():
            return value.isoformat()
        case _:
            return str(value)


def _event_id(row: object) -> str | None:
    given = row.get("event_id") if isinstance(row, Mapping) else None
    return given[:128] if isinstance(given, str) else None
