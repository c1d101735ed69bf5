"""The weekly partitions of the table of predictions: made ahead, found by their names, dropped when all in them is old.

Why weeks: two years are 105 partitions, which cost a query over all of them some milliseconds to plan; days would be
730. Ten million predictions a year are 200 000 a week, a hundred megabytes or two: dropping that frees the disk at once
without a single row deleted, and retention is at most seven days late.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class with a function's name

from ledger.identity import EPOCH, lowest_of

WEEK_MS = 7 * 24 * 3600 * 1000
_MONDAY_MS = 4 * 24 * 3600 * 1000
"""1970-01-05; weeks begin on Mondays."""
_AHEAD = 3
_EARLIEST = 20 * 366 * 24 * 3600 * 1000
_LATEST = 130 * 366 * 24 * 3600 * 1000
"""About 1990 and 2100: a clock is not so wrong; what lies outside was not made by Tiffin."""
_NAME = re.compile(r"predictions_(\d{8})\Z")
LOCK_KEY = 0x74_69_66_66_69_70
"""PostgreSQL's advisory lock while partitions are made or dropped: "tiffip"."""


@dataclass(frozen=True, slots=True, order=True)
class Week:
    """A partition's week by its number since 1970."""

    number: int

    @classmethod
    def at(cls, millisecond: int) -> Week:
        """The week of a Unix millisecond. Raises ValueError for one that no clock of ours shows."""
        if not _EARLIEST < millisecond < _LATEST:
            raise ValueError("its id is not of this century")
        return cls((millisecond - _MONDAY_MS) // WEEK_MS)

    @classmethod
    def of(cls, moment: datetime) -> Week:
        return cls.at((moment - EPOCH) // timedelta(milliseconds=1))

    @property
    def start(self) -> datetime:
        return EPOCH + timedelta(milliseconds=self.number * WEEK_MS + _MONDAY_MS)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=7)

    @property
    def partition(self) -> str:
        """The name of its table.

        >>> Week.of(datetime(2026, 11, 21, tzinfo=UTC)).partition
        'predictions_20261116'
        """
        return f"predictions_{self.start:%Y%m%d}"

    @property
    def bounds(self) -> tuple[str, str]:
        """The least id in it, and the least after it."""
        start = self.number * WEEK_MS + _MONDAY_MS
        return str(lowest_of(start)), str(lowest_of(start + WEEK_MS))


def ahead(now: datetime) -> Iterator[Week]:
    """The weeks that should have a partition now, so that nobody waits for one at midnight."""
    first = Week.of(now).number
    yield from (Week(number) for number in range(first, first + _AHEAD))


def existing(cursor: Cursor) -> list[Week]:
    """The weeks that have a partition, oldest first."""
    cursor.execute(_ATTACHED)
    return sorted(week for (name,) in cursor.fetchall() if (week := _named(name)) is not None)


def make(cursor: Cursor, weeks: Iterable[Week]) -> None:
    """Make the partitions that are missing; several processes may do so at once. Runs in the caller's transaction.

    A table is made first and attached then: that lets predictions be read and written meanwhile, where `partition of`
    would lock them out.
    """
    cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK_KEY,))
    there = set(existing(cursor))
    for week in sorted(set(weeks) - there):
        name = week.partition
        cursor.execute(f"create table if not exists {name} (like predictions including defaults including constraints)")
        cursor.execute(
            f"alter table predictions attach partition {name} for values from (%s) to (%s)",
            week.bounds,
        )


def leftovers(cursor: Cursor) -> list[str]:
    """Tables that were detached and not yet dropped, when a process was killed in between."""
    cursor.execute(_DETACHED)
    return [name for (name,) in cursor.fetchall() if _named(name) is not None]


def _named(name: str) -> Week | None:
    found = _NAME.match(name)
    return Week.of(datetime.strptime(found[1], "%Y%m%d").replace(tzinfo=UTC)) if found else None


_ATTACHED = """
select child.relname
from pg_inherits
join pg_class as child on child.oid = pg_inherits.inhrelid
where pg_inherits.inhparent = 'predictions'::regclass and not pg_inherits.inhdetachpending
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
