"""Retention: predictions, outcomes and figures that are older than they are to be kept."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg2
from psycopg2.extensions import connection as Connection  # noqa: N812 - a class with a function's name

from ledger import partitions
from ledger.connection import transaction
from ledger.partitions import Span
from ledger.removal import Removal, Step, remove_latest, remove_predictions, remove_stray_outcomes
from storage.expiry import Expiry
from storage.expiry import expire as remove_old

logger = logging.getLogger("tiffin.ledger")

LOCK_KEY = 0x74_69_66_66_69_72
"""PostgreSQL's advisory lock of the one process that works at it: "tiffir"."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How long what is kept, in days."""

    days: int = 730
    by_model: Mapping[str, int] = field(default_factory=dict)
    hourly_rollup_days: int = 90
    daily_rollup_days: int = 3650
    pending_outcome_days: int = 90
    events: Sequence[Expiry] = ()
    """What else is kept for a time only, in tables of other rooms."""

    @property
    def longest(self) -> int:
        return max([self.days, *self.by_model.values()])


@dataclass(slots=True)
class Expired:
    """What was removed."""

    partitions: int = 0
    predictions: int = 0
    """Those that were removed one by one."""
    outcomes: int = 0
    latest_scores: int = 0
    rollups: int = 0
    events: int = 0


def expire(
    connection: Connection, rules: Rules, now: datetime, *, is_over: Callable[[], bool] = lambda: False
) -> Expired | None:
    """Remove what is older than the rules allow; None when another process is at it.

    A partition goes as a whole when no model keeps anything of it, so predictions with the longest retention are kept
    up to four weeks longer. Those of other models go in small transactions. `is_over` is asked between these; a later
    call goes on. Raises psycopg2.Error.
    """
    with connection.cursor() as cursor:
        cursor.execute("select pg_try_advisory_lock(%s)", (LOCK_KEY,))
        if cursor.fetchone() != (True,):
            return None
    try:
        return _expire(connection, rules, now, is_over)
    finally:
        if not connection.closed:
            with connection.cursor() as cursor:
                cursor.execute("select pg_advisory_unlock(%s)", (LOCK_KEY,))


def _expire(connection: Connection, rules: Rules, now: datetime, is_over: Callable[[], bool]) -> Expired:
    done = Expired()
    _drop_partitions(connection, now - timedelta(days=rules.longest), done)
    for removal in _removals(connection, rules, now):
        _remove(connection, removal, done, is_over)
    if not is_over():
        done.rollups = _remove_rollups(connection, rules, now)
    for expiry in rules.events:
        if not is_over():
            done.events += remove_old(connection, expiry, now, is_over=is_over)
    if done != Expired():
        logger.info("retention removed %s", done)
    return done


def _removals(connection: Connection, rules: Rules, now: datetime) -> Iterable[Removal]:
    """What is to be removed one by one: a model that is kept as long as any needs only what partitions have left."""
    with connection.cursor() as cursor:
        cursor.execute("select distinct model from rollups where width = 'week' union select model from latest_levels")
        models = sorted(model for (model,) in cursor.fetchall())
        oldest = min((span.start for span in partitions.existing(cursor)), default=now)
    for model in models:
        days = rules.by_model.get(model, rules.days)
        cutoff = now - timedelta(days=days)
        yield Removal(cutoff if days < rules.longest else min(cutoff, oldest), model)


def _remove(connection: Connection, removal: Removal, done: Expired, is_over: Callable[[], bool]) -> None:
    after: str | None = None
    while not is_over():
        with transaction(connection) as cursor:
            chunk = remove_predictions(cursor, removal, after)
        done.predictions += chunk.predictions
        done.outcomes += chunk.outcomes
        after = chunk.last
        if after is None:
            break
    for remove in (remove_stray_outcomes, remove_latest):
        step = Step(0, None)
        while not is_over():
            with transaction(connection) as cursor:
                step = remove(cursor, removal, step.last)
            if remove is remove_latest:
                done.latest_scores += step.removed
            else:
                done.outcomes += step.removed
            if step.last is None:
                break


def _drop_partitions(connection: Connection, cutoff: datetime, done: Expired) -> None:
    """Detach first, which lets others read and write meanwhile; a partition that was only detached is dropped later."""
    with connection.cursor() as cursor:
        old = [span for span in partitions.existing(cursor) if span.end <= cutoff]
        for name in partitions.half_detached(cursor):
            cursor.execute(f"alter table predictions detach partition {name} finalize")
        for span in old:
            _detach(connection, span)
        for name in partitions.leftovers(cursor):
            cursor.execute(f"drop table if exists {name}")
            done.partitions += 1


def _detach(connection: Connection, span: Span) -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"alter table predictions detach partition {span.partition} concurrently")
    except psycopg2.errors.LockNotAvailable:
        logger.warning("%s is in use and is removed another time", span.partition)


def _remove_rollups(connection: Connection, rules: Rules, now: datetime) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "delete from rollups where (width = 'hour' and starts_at < %s) or starts_at < %s",
            (now - timedelta(days=rules.hourly_rollup_days), now - timedelta(days=rules.daily_rollup_days)),
        )
        removed = int(cursor.rowcount)
        cursor.execute(
            "delete from pending_outcomes where received_at < %s", (now - timedelta(days=rules.pending_outcome_days),)
        )
        cursor.execute("delete from purges where finished_at < %s", (now - timedelta(days=rules.longest),))
        cursor.execute("delete from latest_levels where entities = 0")
    return removed
