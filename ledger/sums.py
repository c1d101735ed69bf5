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


def sums(engine: Engine, wanted: Slice, counts: Iterable[str] = COUNTS) -> list[Sum]:
    """The sums by window and version, oldest first. Of the columns of counts only `counts` are read."""
    read = tuple(name for name in COUNTS if name in counts)
    columns = ", ".join((*_PLAIN, *(f"{name}::text as {name}" for name in read)))  # decoded here, faster than there
    statement = text(_QUERY.format(columns=columns, version="" if wanted.version is None else _OF_VERSION))
    statement = statement.bindparams(bindparam("roles", type_=ARRAY(Text)))
    values = {
        "model": wanted.model,
        "parts": msgspec.json.encode(wanted.parts).decode(),
        "version": wanted.version,
        "roles": list(wanted.roles),
    }

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


_QUERY = """
select rollups.starts_at, version, {columns}
from jsonb_to_recordset(cast(:parts as jsonb)) as part (width text, start timestamptz, "end" timestamptz)
join rollups
    on rollups.width = part.width and rollups.starts_at >= part.start and rollups.starts_at < part."end"
where model = :model and role = any(:roles){version}
order by rollups.starts_at, version, role
"""
_OF_VERSION = "\n    and version = :version"
