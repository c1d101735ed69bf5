"""Carrying purges out, in the shipper's process: in small steps, and on after whatever interrupts it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

from ledger.connection import is_rows_fault, transaction
from ledger.removal import CHUNK, Removal, remove_latest, remove_predictions, remove_stray_outcomes
from ledger.statements import TOTALS_KEY, WRITERS_KEY

logger = logging.getLogger("tiffin.ledger")

Forget = Callable[[str], None]
"""Is told of an entity, to be forgotten wherever else it is: in what was rejected, in the live stream."""


@dataclass(frozen=True, slots=True)
class Task:
    """A purge that is to be carried out."""

    id: str
    model: str | None
    entity: str | None
    before: datetime

    @property
    def removal(self) -> Removal:
        return Removal(self.before, self.model, self.entity)


def carry_out(connection: Connection, forget: Forget, *, is_over: Callable[[], bool] = lambda: False) -> int:
    """Carry out all purges that wait or were interrupted, oldest first, and return how many are done now.

    `is_over` is asked between two steps. A purge that another process works at is left to it. Raises psycopg2.Error
    when PostgreSQL goes away.
    """
    done = 0
    for task in _waiting(connection):
        if is_over():
            break
        with connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (task.id,))
            if cursor.fetchone() != (True,):
                continue
        try:
            done += _carry_out(connection, task, forget, is_over)
        finally:
            if not connection.closed:
                with connection.cursor() as cursor:
                    cursor.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (task.id,))
    return done


def _waiting(connection: Connection) -> list[Task]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return [Task(*row) for row in cursor.fetchall()]


def _carry_out(connection: Connection, task: Task, forget: Forget, is_over: Callable[[], bool]) -> bool:
    try:
        _begin(connection, task)
        if not _remove(connection, task, is_over):
            return False
        if task.entity is not None:
            forget(task.entity)
        _finish(connection, task)
    except psycopg2.Error as error:
        if connection.closed or not is_rows_fault(error):
            raise
        logger.exception("purge %s failed", task.id)
        with connection.cursor() as cursor:
            cursor.execute(_FAIL, (str(error.diag.message_primary or error)[:500], task.id))
        return False
    logger.info("purge %s is done", task.id)
    return True


def _begin(connection: Connection, task: Task) -> None:
    """Wait until no transaction is under way that began before the purge could be seen, then count."""
    with transaction(connection) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (WRITERS_KEY,))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT.format(where=task.removal.where()), task.removal.values)
        ((total,),) = cursor.fetchall()
        cursor.execute(_BEGIN, (total, task.id))


def _remove(connection: Connection, task: Task, is_over: Callable[[], bool]) -> bool:
    """Step by step, each with its progress in one transaction; whether all is removed."""
    after: str | None = None
    while not is_over():
        with transaction(connection) as cursor:
            chunk = remove_predictions(cursor, task.removal, after)
            cursor.execute(_PROGRESS, (chunk.predictions, chunk.outcomes, 0, task.id))
        after = chunk.last
        if after is None:
            break
    outcomes = removed = CHUNK
    while max(outcomes, removed) >= CHUNK and not is_over():
        with transaction(connection) as cursor:
            outcomes = remove_stray_outcomes(cursor, task.removal)
            removed = remove_latest(cursor, task.removal)
            cursor.execute(_PROGRESS, (0, outcomes, removed, task.id))
    return not is_over()


def _finish(connection: Connection, task: Task) -> None:
    with transaction(connection) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (TOTALS_KEY,))
        if task.entity is not None:
            cursor.execute(_PENDING, (task.entity, task.model, task.model, task.before))
        cursor.execute(_DONE, (task.id,))


_WAITING = """
select id::text, model, entity, before from purges where state in ('queued', 'running') order by requested_at
"""
_COUNT = "select count(*) from predictions where {where}"
_BEGIN = """
update purges
set state = 'running', started_at = coalesce(started_at, now()), total = coalesce(total, %s)
where id = %s and state in ('queued', 'running')
"""
_PROGRESS = """
update purges
set predictions = predictions + %s, outcomes = outcomes + %s, latest_scores = latest_scores + %s
where id = %s
"""
_PENDING = """
delete from pending_outcomes where entity = %s and (%s::text is null or model = %s) and received_at < %s
"""
_DONE = "update purges set state = 'done', finished_at = now(), entity = null, error = null where id = %s"
_FAIL = "update purges set state = 'failed', finished_at = now(), error = %s where id = %s"
