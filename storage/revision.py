"""Which revision of the tables this code needs: known from the names of the migrations, without loading Alembic."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import psycopg2

from storage.polling import wait

LOOK_SECONDS = 5.0
_VERSIONS = Path(__file__).parent / "migrations" / "versions"


@cache
def needed() -> str:
    """The number of the last migration, such as 0003."""
    return max(path.name.partition("_")[0] for path in _VERSIONS.glob("[0-9]*_*.py"))


def is_current(url: str) -> bool:
    """Whether the database has the tables of exactly this code; not, when it does not say within `LOOK_SECONDS`."""
    deadline = time.monotonic() + LOOK_SECONDS
    connection = None
    try:
        connection = psycopg2.connect(url, async_=1)
        wait(connection, deadline)
        with connection.cursor() as cursor:
            cursor.execute("select version_num from alembic_version")
            wait(connection, deadline)
            return bool(cursor.fetchall() == [(needed(),)])
    except (psycopg2.Error, TimeoutError):
        return False
    finally:
        if connection is not None:
            connection.close()


def lacking(found: str | None) -> str:
    """What a database at revision `found` lacks, in words for callers; empty when this code can work with it.

    A newer database is none of its faults: replicas of two versions run side by side while one replaces the other.
    """
    if found is not None and found >= needed():
        return ""
    return f"its tables are not made yet (at revision {found or 'none'}, this version of Tiffin needs {needed()})"
