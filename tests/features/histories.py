"""Made-up histories of any view: rows for all of its sources, drawn from what the tables admit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from psycopg2.extras import execute_values
from sqlalchemy import Boolean, Column, DateTime, Integer, Text

from features.reader import Query
from features.views import View
from storage.tables import SOURCES

AS_OF = datetime(2026, 3, 30, 1, 30, tzinfo=UTC)
"""Of most histories: an hour and a half into the day after clocks went forward in Europe."""
IDS = ("a", "b")
SPANS = tuple(
    timedelta(**span)
    for span in (
        {"microseconds": 1},
        {"minutes": 7},
        {"minutes": 30},
        {"hours": 1},
        {"hours": 23, "minutes": 59},
        *(
            {"days": days}
            for days in (1, 6, 7, 8, 13, 14, 29, 30, 31, 60, 89, 90, 91, 150, 179, 185, 364, 365, 400, 500)
        ),
    )
)


CROWDED = (*(timedelta(days=days) for days in (1, 3, 90, 100)), timedelta(minutes=20), timedelta(days=-2))


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source, and when it was known."""

    source: str
    at: datetime
    values: tuple[Any, ...]


def histories(view: View, *, most: int = 30, crowded: bool = False) -> st.SearchStrategy[list[Row]]:
    """Up to `most` rows of the view's sources, before, at and after AS_OF, of entities named by IDS.

    `crowded`: at few different moments, so that many rows share one.
    """
    when = st.sampled_from([AS_OF - span for span in CROWDED]) if crowded else moments()
    rows = st.one_of([_rows(source, time, when) for source, time in sorted(view.sources.items())])
    return st.lists(rows, max_size=most)


def moments() -> st.SearchStrategy[datetime]:
    """Around AS_OF, often exactly at the edge of a window."""
    edge = st.sampled_from(SPANS).map(lambda span: AS_OF - span)
    near = st.integers(-3 * 86_400, 120 * 86_400).map(lambda seconds: AS_OF - timedelta(seconds=seconds))
    shifted = st.builds(lambda at, by: at + timedelta(microseconds=by), edge, st.sampled_from([-1, 1]))
    later = st.sampled_from(SPANS).map(lambda span: AS_OF + span)
    return st.one_of(edge, near, shifted, near, st.just(AS_OF), later)


def insert(cursor: Cursor, rows: Sequence[Row], *, first: int = 0) -> None:
    """Write the rows; event ids count from `first`, so that rows of one moment have an order."""
    for number, row in enumerate(rows, first):
        names = ["event_id", *_columns(row.source)]
        statement = f"insert into {row.source} ({', '.join(names)}) values %s"
        execute_values(cursor, statement, [(f"{number:04d}", *row.values)])


def query_on(connection: Connection) -> Query:
    """Runs statements within the connection's transaction."""

    def run(statement: str, parameters: Sequence[str]) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())

    return run


def _columns(source: str) -> dict[str, Column[Any]]:
    return {name: column for name, column in SOURCES[source].c.items() if name not in ("event_id", "recorded_at")}


def _rows(source: str, time: str, when: st.SearchStrategy[datetime]) -> st.SearchStrategy[Row]:
    columns = _columns(source)
    place = list(columns).index(time)
    values = st.tuples(*(_values(column, when) for column in columns.values()))
    return values.map(lambda drawn: Row(source, drawn[place], drawn))


def _values(column: Column[Any], when: st.SearchStrategy[datetime]) -> st.SearchStrategy[Any]:
    info = column.info
    match column.type:
        case DateTime():
            drawn: st.SearchStrategy[Any] = when
        case Boolean():
            drawn = st.booleans()
        case Text() if "levels" in info:
            drawn = st.sampled_from(info["levels"])
        case Text() if column.name.endswith("_id"):
            drawn = st.sampled_from(IDS)
        case Text():
            drawn = st.sampled_from(["DE", "organic", "home", "sonstiges"])
        case Integer():
            drawn = st.integers(info["minimum"], info["maximum"])
        case _:
            least, most = Decimal(str(info["minimum"])), Decimal(str(info["maximum"]))
            few = min(most, least + 300) if least >= 0 else Decimal(300)
            usual = st.decimals(least if least >= 0 else Decimal(-300), few, places=2)
            drawn = st.one_of(usual, usual, st.sampled_from([least, most]))
    return st.one_of(drawn, st.none()) if column.nullable else drawn
