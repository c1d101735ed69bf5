"""The partitions of the table of predictions, four weeks each: made ahead, found by name, dropped when they are old.

Why four weeks: a query over all partitions is planned anew each time, and that takes 8 ms for two years of weeks, 2 ms
for two years of these. Ten million predictions in two years are 370 000 to a partition, some 300 MB, which come back at
once when it is dropped; nothing is kept longer than four weeks beyond its time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class with a function's name

from ledger.identity import EPOCH, lowest_of

SPAN_DAYS = 28
SPAN_MS = SPAN_DAYS * 24 * 3600 * 1000
_MONDAY_MS = 4 * 24 * 3600 * 1000
"""1970-01-05; they begin on Mondays."""
_AHEAD = 2
_EARLIEST = 20 * 366 * 24 * 3600 * 1000
_LATEST = 130 * 366 * 24 * 3600 * 1000
"""About 1990 and 2100: a clock is not so wrong; what lies outside was not made by Tiffin."""
_NAME = re.compile(r"predictions_(\d{8})\Z")
LOCK_KEY = 0x74_69_66_66_69_70
"""PostgreSQL's advisory lock while partitions are made or dropped: "tiffip"."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The four weeks of a partition, by their number since 1970."""

    number: int

    @classmethod
    def at(cls, millisecond: int) -> Self:
        """Those of a Unix millisecond. Raises ValueError for one that no clock of ours shows."""
        if not is_sane(millisecond):
            raise ValueError("its id is not of this century")
        return cls((millisecond - _MONDAY_MS) // SPAN_MS)

    @classmethod
    def of_all(cls, milliseconds: Iterable[int]) -> set[Self]:
        """The spans of many sane milliseconds."""
        return {cls(number) for number in {(millisecond - _MONDAY_MS) // SPAN_MS for millisecond in milliseconds}}

    @classmethod
    def of(cls, moment: datetime) -> Self:
        return cls.at((moment - EPOCH) // timedelta(milliseconds=1))

    @property
    def start(self) -> datetime:
        return EPOCH + timedelta(milliseconds=self.number * SPAN_MS + _MONDAY_MS)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=SPAN_DAYS)

    @property
    def partition(self) -> str:
        """The name of its table.

        >>> Span.of(datetime(2026, 11, 21, tzinfo=UTC)).partition
        'predictions_20261102'
        """
        return f"predictions_{self.start:%Y%m%d}"

    @property
    def bounds(self) -> tuple[str, str]:
        """The least id in it, and the least after it."""
        start = self.number * SPAN_MS + _MONDAY_MS
        return str(lowest_of(start)), str(lowest_of(start + SPAN_MS))


def is_sane(millisecond: int) -> bool:
    """Whether it is one that a clock of ours shows."""
    return _EARLIEST < millisecond < _LATEST


def ahead(now: datetime) -> Iterator[Span]:
    """The spans that should have a partition now, so that nobody waits for one at midnight."""
    first = Span.of(now).number
    yield from (Span(number) for number in range(first, first + _AHEAD))


def existing(cursor: Cursor) -> list[Span]:
    """The spans that have a partition, oldest first."""
    cursor.execute(_ATTACHED)
    return sorted(span for (name,) in cursor.fetchall() if (span := _named(name)) is not None)


def make(cursor: Cursor, spans: Iterable[Span]) -> None:
    """Make the partitions that are missing; several processes may do so at once. Runs in the caller's transaction.

    A table is made first and attached then: that lets predictions be read and written meanwhile, where `partition of`
    would lock them out.
    """
    cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK_KEY,))
    there = set(existing(cursor))
    for span in sorted(set(spans) - there):
        name = span.partition
        cursor.execute(f"create table if not exists {name} (like predictions including defaults including constraints)")
        cursor.execute(
            f"alter table predictions attach partition {name} for values from (%s) to (%s)",
            span.bounds,
        )


def half_detached(cursor: Cursor) -> list[str]:
    """Partitions whose detaching was interrupted; it can only be finished."""
    cursor.execute(_PENDING)
    return [name for (name,) in cursor.fetchall() if _named(name) is not None]


def leftovers(cursor: Cursor) -> list[str]:
    """Tables that were detached and not yet dropped, when a process was killed in between."""
    cursor.execute(_DETACHED)
    return [name for (name,) in cursor.fetchall() if _named(name) is not None]


def _named(name: str) -> Span | None:
    found = _NAME.match(name)
    return Span.of(datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC)) if found else None


_ATTACHED = """
select child.relname
from pg_inherits
join pg_class as child on child.oid = pg_inherits.inhrelid
where pg_inherits.inhparent = 'predictions'::regclass and not pg_inherits.inhdetachpending
"""
_PENDING = """
select child.relname
from pg_inherits
join pg_class as child on child.oid = pg_inherits.inhrelid
where pg_inherits.inhparent = 'predictions'::regclass and pg_inherits.inhdetachpending
"""
_DETACHED = """
select pg_class.relname
from pg_class
left join pg_inherits on pg_inherits.inhrelid = pg_class.oid
where pg_class.relkind = 'r'
    and pg_class.relnamespace = (select relnamespace from pg_class where oid = 'predictions'::regclass)
    and pg_class.relname like 'predictions\\_________'
    and pg_inherits.inhrelid is null
"""
