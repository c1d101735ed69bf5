"""Carrying purges out, in the shipper's process: in small steps, and on after whatever interrupts it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

from ledger.attempts import Attempts
from ledger.connection import is_rows_fault, transaction
from ledger.removal import Removal, Remove, Step, remove_latest, remove_predictions, remove_stray_outcomes
from ledger.statements import TOTALS_KEY, WRITERS_KEY

logger = logging.getLogger("tiffin.ledger")

COUNT_SECONDS = 10.0
"""Counting what a purge concerns serves its progress only: what takes longer is not counted."""
_STEPS_FAULT = {"57014", "55P03", "40P01", "40001"}
"""SQLSTATE: query canceled (by its timeout), lock not available, deadlock detected, serialization failure."""
Forget = Callable[[Removal], None]
"""Is told what to forget wherever else it is: in what was rejected, in the live stream, in what is remembered."""


@dataclass(frozen=True, slots=True)
class Task:
    """A purge that is to be carried out."""

    id: str
    model: str | None
    entity: str | None
    before: datetime
    state: str

    @property
    def removal(self) -> Removal:
        return Removal(self.before, self.model, self.entity)


def carry_out(
    connection: Connection,
    forget: Forget,
    *,
    is_over: Callable[[], bool] = lambda: False,
    attempts: Attempts | None = None,
) -> int:
    """Carry out all purges that wait or were interrupted, oldest first, and return how many are done now.

    `is_over` is asked between two steps. A purge that another process works at is left to it. One that fails says so,
    keeps no other back, and is tried again in a later call, as often as `attempts` allow, which the caller keeps from
    call to call. Raises psycopg2.Error when PostgreSQL goes away.
    """
    attempts = attempts or Attempts()
    done = 0
    for task in _waiting(connection):
        if is_over():
            break
        if not attempts.is_due(task.id):
            continue
        with connection.cursor() as cursor:
            cursor.execute("select pg_try_advisory_lock(hashtextextended(%s, 0))", (task.id,))
            if cursor.fetchone() != (True,):
                continue
        try:
            done += _attempt(connection, task, forget, is_over, attempts)
        finally:
            if not connection.closed:
                with connection.cursor() as cursor:
                    cursor.execute("select pg_advisory_unlock(hashtextextended(%s, 0))", (task.id,))
    return done


def _waiting(connection: Connection) -> list[Task]:
    with connection.cursor() as cursor:
        cursor.execute(_WAITING)
        return [Task(*row) for row in cursor.fetchall()]


def _attempt(
    connection: Connection, task: Task, forget: Forget, is_over: Callable[[], bool], attempts: Attempts
) -> bool:
    try:
        done = _carry_out(connection, task, forget, is_over)
    except Exception as error:  # whatever it is, the other purges go on
        if connection.closed or not _is_own(error):
            raise
        logger.exception("purge %s failed", task.id)
        again = not _is_rows_fault(error) and attempts.failed(task.id)
        with connection.cursor() as cursor:
            cursor.execute(_STUMBLE if again else _FAIL, (_reason(error), task.id))
        return False
    attempts.succeeded(task.id)
    if done:
        logger.info("purge %s is done", task.id)
    return done


def _is_own(error: Exception) -> bool:
    """Whether this purge has failed, and not PostgreSQL as a whole."""
    return not isinstance(error, psycopg2.Error) or _is_rows_fault(error) or error.pgcode in _STEPS_FAULT


def _is_rows_fault(error: Exception) -> bool:
    return isinstance(error, psycopg2.Error) and is_rows_fault(error)


def _reason(error: Exception) -> str:
    if isinstance(error, psycopg2.Error):
        return str(error.diag.message_primary or error)[:500]
    return f"{type(error).__name__}: {error}".replace("\0", "?")[:500]


def _carry_out(connection: Connection, task: Task, forget: Forget, is_over: Callable[[], bool]) -> bool:
    """Whether all of it is done; False when it was interrupted."""
    if task.state == "queued":
        _begin(connection, task)
    if not _remove(connection, task, is_over):
        return False
    forget(task.removal)
    _finish(connection, task)
    return True


def _begin(connection: Connection, task: Task) -> None:
    """Wait until no transaction is under way that began before the purge could be seen, then count."""
    with transaction(connection) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (WRITERS_KEY,))
    total = _count(connection, task)
    with connection.cursor() as cursor:
        cursor.execute(_BEGIN, (total, task.id))


def _count(connection: Connection, task: Task) -> int | None:
    """How many predictions it concerns; None when that takes too long."""
    try:
        with transaction(connection) as cursor:
            cursor.execute("select set_config('statement_timeout', %s, true)", (f"{COUNT_SECONDS * 1000:.0f}ms",))
            cursor.execute(_COUNT.format(where=task.removal.where()), task.removal.values)
            ((total,),) = cursor.fetchall()
            return int(total)
    except psycopg2.errors.QueryCanceled:
        return None


def _remove(connection: Connection, task: Task, is_over: Callable[[], bool]) -> bool:
    """Step by step, each with its progress in one transaction; whether all is removed."""
    after: str | None = None
    while not is_over():
        with transaction(connection) as cursor:
            chunk = remove_predictions(cursor, task.removal, after)
            cursor.execute(_PROGRESS, (chunk.predictions, chunk.outcomes, 0, task.id))
        after = chunk.last
        if after is None:
            return all(_clear(connection, task, remove, is_over) for remove in (remove_stray_outcomes, remove_latest))
    return False


def _clear(connection: Connection, task: Task, remove: Remove, is_over: Callable[[], bool]) -> bool:
    step = Step(0, None)
    while not is_over():
        with transaction(connection) as cursor:
            step = remove(cursor, task.removal, step.last)
            outcomes, latest = (step.removed, 0) if remove is remove_stray_outcomes else (0, step.removed)
            cursor.execute(_PROGRESS, (0, outcomes, latest, task.id))
        if step.last is None:
            return True
    return False


def _finish(connection: Connection, task: Task) -> None:
    with transaction(connection) as cursor:
        cursor.execute("select pg_advisory_xact_lock(%s)", (TOTALS_KEY,))
        if task.entity is not None:
            cursor.execute(_PENDING, (task.entity, task.model, task.model, task.before))
        cursor.execute(_DONE, (task.id,))


_WAITING = """
select id::text, model, entity, before, state
from purges
where state in ('queued', 'running')
order by requested_at
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
_STUMBLE = "update purges set error = %s where id = %s"
_FAIL = "update purges set state = 'failed', finished_at = now(), error = %s where id = %s"
