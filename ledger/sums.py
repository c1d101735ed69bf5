"""Reading the rollups: predictions in sum by window, version and role."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from sqlalchemy import Connection, Engine, Text, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from ledger.rows import ANSWERING
from ledger.totals import Total
from storage.database import transact

Width = Literal["hour", "day", "week"]
COUNTS = ("score_bins", "latency_bins", "levels", "labels", "operations")
_PLAIN = (
    "predictions", "scored", "score_sum", "score_squares", "score_min", "score_max", "latency_ms_sum", "cached",
    "stale", "warned",
)  # fmt: skip
_BINS = {"score_bins", "latency_bins"}
_IS_COUNTED = text("select exists (select from rollups where model = :model and width = 'week' and version = :version)")
_read_bins = msgspec.json.Decoder(dict[int, int]).decode
_read_counts = msgspec.json.Decoder(dict[str, int]).decode


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of time, read by windows of one width: from `start` up to but without `end`."""

    width: Width
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Slice:
    """Which predictions: of one version or all (None), in these roles; by default what callers have seen."""

    model: str
    parts: Sequence[Part]
    version: str | None = None
    roles: tuple[str, ...] = tuple(sorted(ANSWERING))


@dataclass(frozen=True, slots=True)
class Sum:
    """One row of the rollups."""

    starts_at: datetime
    version: str
    total: Total


def is_counted(engine: Engine, model: str, version: str) -> bool:
    """Whether the version has ever predicted, as far as the rollups go back."""
    given = {"model": model, "version": version}
    return bool(transact(engine, lambda connection: connection.execute(_IS_COUNTED, given).scalar_one()))


def sums(engine: Engine, wanted: Slice, counts: Iterable[str] = COUNTS) -> list[Sum]:
    """The sums by window and version, oldest first. Of the columns of counts only `counts` are read."""
    read = tuple(name for name in COUNTS if name in counts)
    columns = ", ".join((*_PLAIN, *(f"{name}::text as {name}" for name in read)))  # decoded here, faster than there
    values: dict[str, Any] = {"model": wanted.model, "version": wanted.version, "roles": list(wanted.roles)}
    queries = []
    for place, part in enumerate(wanted.parts):
        queries.append(
            _QUERY.format(columns=columns, place=place, version="" if wanted.version is None else _OF_VERSION)
        )
        values |= {f"width_{place}": part.width, f"start_{place}": part.start, f"end_{place}": part.end}
    statement = text(f"{' union all '.join(queries)} order by starts_at, version")
    statement = statement.bindparams(bindparam("roles", type_=ARRAY(Text)))

    def work(connection: Connection) -> list[Sum]:
        rows = connection.execute(statement, values).mappings()
        return [Sum(row["starts_at"], row["version"], _total(row, read)) for row in rows]

    return transact(engine, work)


def merged(found: Sequence[Total]) -> Total:
    """All of them as one."""
    if len(found) == 1:
        return found[0]
    whole = Total()
    for total in found:
        whole.merge(total)
    return whole


def week_of(moment: datetime) -> datetime:
    """The beginning of its week, Monday at midnight."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday())


def _total(row: Any, read: tuple[str, ...]) -> Total:
    total = Total(**{name: row[name] for name in _PLAIN})
    for name in read:
        setattr(total, name, Counter(_read_bins(row[name]) if name in _BINS else _read_counts(row[name])))
    return total


# Each part is a range of the primary key; one join with all parts would be planned as a scan of the whole table.
_QUERY = """
select starts_at, version, {columns}
from rollups
where model = :model
    and width = :width_{place}
    and starts_at >= :start_{place}
    and starts_at < :end_{place}
    and role = any(:roles){version}
"""
_OF_VERSION = "\n    and version = :version"
