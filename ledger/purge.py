"""Purges: somebody wants predictions removed; the shipper does it, and here it is asked for and followed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, RowMapping, text

from ledger.errors import QueryError, UnknownPurgeError
from ledger.page import Page, page
from ledger.purged import hashed
from ledger.query import checked_limit, checked_moment, is_text
from ledger.times import written, written_or_none
from storage.cursors import Cursor, CursorError
from storage.database import transact

State = Literal["queued", "running", "done", "failed"]
LONGEST_TEXT = 1000
_PURGES = ("purges",)
"""The list, as its cursors name it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """A removal and how far it has come. Times are RFC 3339."""

    id: str
    model: str | None
    """None: all models."""
    of_entity: bool
    """Whether it is of one entity; which one is forgotten when it is done."""
    entity: str | None
    before: str
    state: State
    percent: float
    """Of the predictions that it concerned when it began."""
    predictions: int
    """Removed so far."""
    outcomes: int
    latest_scores: int
    requested_at: str
    requested_by: str
    reason: str
    started_at: str | None
    finished_at: str | None
    error: str | None
    message: str
    """How it stands, for people."""


def request_purge(
    engine: Engine,
    *,
    by: str,
    model: str | None = None,
    entity: str | None = None,
    before: datetime | None = None,
    reason: str = "",
) -> Purge:
    """Ask for the removal of predictions with their outcomes and latest scores: of a model, an entity, or both.

    Those made before `before`, by default until now; what still waits in a spool is concerned, too. Everything of all
    models is removed only when `before` says so. Sums in the rollups stay: they name nobody. A shipper begins within
    seconds. Raises QueryError.
    """
    for fault in faults(model=model, entity=entity, before=before, reason=reason):
        raise fault
    values: dict[str, Any] = {
        "id": uuid4(),
        "model": model,
        "entity": entity,
        "entity_hash": None if entity is None else hashed(entity),
        "before": datetime.now(UTC) if before is None else before.astimezone(UTC),
        "requested_by": by,
        "reason": reason,
    }

    def work(connection: Connection) -> RowMapping:
        return connection.execute(_REQUEST, values).mappings().one()

    return _purge(transact(engine, work))


def faults(*, model: str | None, entity: str | None, before: datetime | None, reason: str) -> list[QueryError]:
    """Everything for which `request_purge` would refuse this, by parameter; empty when it takes it."""
    checks: tuple[Callable[[], object], ...] = (
        lambda: _checked("model", model),
        lambda: _checked_entity(entity),
        lambda: _checked_before(before, is_needed=model is None and entity is None),
        lambda: _checked("reason", reason),
    )
    found: list[QueryError] = []
    for check in checks:
        try:
            check()
        except QueryError as error:
            found.append(error)
    return found


def purge(engine: Engine, purge_id: str) -> Purge:
    """One purge. Raises UnknownPurgeError, also for what is no id at all."""
    try:
        identity = UUID(purge_id)
    except ValueError:
        raise UnknownPurgeError(purge_id) from None

    def work(connection: Connection) -> RowMapping | None:
        return connection.execute(_ONE, {"id": identity}).mappings().one_or_none()

    row = transact(engine, work)
    if row is None:
        raise UnknownPurgeError(purge_id)
    return _purge(row)


def purges(engine: Engine, *, limit: int = 50, cursor: str | None = None) -> Page[Purge]:
    """All purges, newest first. Raises QueryError and CursorError."""
    checked_limit(limit)
    moment, identity = (datetime.max.replace(tzinfo=UTC), UUID(int=0)) if cursor is None else _place(cursor)
    values = {"moment": moment, "id": identity, "rows": limit + 1}
    rows = transact(engine, lambda connection: connection.execute(_LIST, values).mappings().all())
    return page(rows, limit, _purge, lambda row: (row["requested_at"].isoformat(), str(row["id"])), _PURGES)


def _place(cursor: str) -> tuple[datetime, UUID]:
    moment, identity = Cursor.read(cursor, _PURGES, 2).parts
    try:
        return checked_moment("cursor", datetime.fromisoformat(moment)), UUID(identity)
    except (ValueError, QueryError):
        raise CursorError(cursor) from None


def _checked(parameter: str, value: str | None) -> None:
    if value is not None and not (is_text(value) and len(value) <= LONGEST_TEXT):
        raise QueryError(parameter, f"must be a text of at most {LONGEST_TEXT} characters, without NUL")


def _checked_entity(entity: str | None) -> None:
    if entity is not None and not entity.strip():
        raise QueryError("entity", "must be the id of an entity, as its history names it")
    _checked("entity", entity)


def _checked_before(before: datetime | None, *, is_needed: bool) -> None:
    if before is None:
        if is_needed:
            raise QueryError("before", "must say until when everything is to be removed, or name a model or an entity")
    elif checked_moment("before", before) > datetime.now(UTC):
        raise QueryError("before", "must not lie in the future")


def _purge(row: RowMapping) -> Purge:
    done, total = row["predictions"], row["total"]
    percent = 100.0 if row["state"] == "done" else min(100.0, 100.0 * done / total) if total else 0.0
    plain = ("model", "entity", "state", "predictions", "outcomes", "latest_scores", "requested_by", "reason", "error")
    return Purge(
        id=str(row["id"]),
        of_entity=row["entity_hash"] is not None,
        before=written(row["before"]),
        percent=round(percent, 1),
        requested_at=written(row["requested_at"]),
        started_at=written_or_none(row["started_at"]),
        finished_at=written_or_none(row["finished_at"]),
        message=_message(row),
        **{name: row[name] for name in plain},
    )


def _message(row: RowMapping) -> str:
    removed = ", ".join(
        f"{row[name]} {word}{'' if row[name] == 1 else 's'}"
        for name, word in (("predictions", "prediction"), ("outcomes", "outcome"), ("latest_scores", "latest score"))
    )
    match row["state"]:
        case "queued":
            return (
                "waits; it begins within seconds when the shipper runs and reaches the database: see the ledger in "
                "/v1/health if it does not"
            )
        case "running":
            return f"removed so far: {removed}; {_found(row['total'])}{_trouble(row['error'])}"
        case "done" if not any(row[name] for name in ("predictions", "outcomes", "latest_scores")):
            return "done: nothing of this was kept"
        case "done":
            return (
                f"done: removed {removed}; sums stay, as they name nobody: trends and comparisons, and stats of a "
                "model that is asked about records only, go on counting what was removed"
            )
        case _:
            return f"failed after removing {removed}: {row['error'] or 'the log says why'}; ask again to go on"


def _found(total: int | None) -> str:
    if total is None:
        return "there are too many predictions to count them before"
    return f"{total} predictions were found when it began"


def _trouble(error: str | None) -> str:
    return f"; it has failed and is tried again: {error}" if error else ""


_COLUMNS = """
    id, model, entity, entity_hash, before, state, total, predictions, outcomes, latest_scores, requested_at,
    requested_by, reason, started_at, finished_at, error
"""
_REQUEST = text(f"""
insert into purges (id, model, entity, entity_hash, before, requested_by, reason)
values (:id, :model, :entity, :entity_hash, :before, :requested_by, :reason)
returning {_COLUMNS}
""")  # noqa: S608 - of constants
_ONE = text(f"select {_COLUMNS} from purges where id = :id")  # noqa: S608 - of constants
_LIST = text(f"""
select {_COLUMNS}
from purges
where requested_at < :moment or (requested_at = :moment and id < :id)
order by requested_at desc, id desc
limit :rows
""")  # noqa: S608 - of constants
