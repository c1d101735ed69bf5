"""Releases: which version of a model is champion, which ones challenge. Rows in PostgreSQL, with a copy on local disk.

The copy is the last state that this machine has read, so that a worker can start while PostgreSQL is down.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from registry.errors import RegistryError, UnknownVersionError
from storage.database import transact
from storage.errors import StorageError
from storage.files import write_atomically
from storage.tables import release_history as history_table
from storage.tables import releases as releases_table

logger = logging.getLogger("tiffin.registry")

Source = Literal["database", "file", "none"]


class ReleaseConflictError(RegistryError):
    """Somebody else released another version first."""

    def __init__(self, model: str, expected: str | None, current: str | None) -> None:
        super().__init__(
            f"the champion of {model!r} is {current or 'none'}, not {expected or 'none'} as expected: somebody else "
            "changed it; look at it and try again"
        )
        self.model = model
        self.expected = expected
        self.current = current


class Challenger(BaseModel):
    """A version that answers beside the champion: never returned (shadow), or for `percent` of entities (canary)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(description="tag in the model store, e.g. fraud:k3hx2wqx5o")
    mode: Literal["shadow", "canary"]
    percent: float = Field(default=0, ge=0, le=100, description="share of entities in percent; canary only")


class Release(BaseModel):
    """What of one model answers now, and since when, by whom and why."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    champion: str = Field(description="tag in the model store, e.g. fraud:k3hx2wqx5o")
    challengers: tuple[Challenger, ...] = ()
    updated_at: AwareDatetime
    updated_by: str
    reason: str = ""


class _Whatever:
    """The type of `ANY`."""


ANY: Final = _Whatever()
_FILE: TypeAdapter[dict[str, Release]] = TypeAdapter(dict[str, Release])


class Releases:
    """The releases in PostgreSQL. Every method raises StorageUnavailableError when it does not answer."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def champion(self, model: str) -> str | None:
        """The tag of the model's champion, None before its first release."""
        query = select(releases_table.c.champion).where(releases_table.c.model == model)
        return transact(self._engine, lambda connection: connection.execute(query).scalar_one_or_none())

    def all(self) -> dict[str, Release]:
        """The releases of all models that have one, by model name."""
        rows = transact(self._engine, lambda connection: connection.execute(_SELECT).mappings().all())
        return {row["model"]: _release(row) for row in rows}

    def promote(self, model: str, tag: str, by: str, reason: str, *, expected: str | _Whatever | None = ANY) -> Release:
        """Make version `tag` the champion and return the release; the change and its history row are one transaction.

        The first writer wins: when the champion is not `expected` any more (None: there was none), nothing changes and
        ReleaseConflictError is raised. Without `expected` it is the champion at the time of the call, so of two
        promotions at the same moment one fails. Promoting the present champion changes nothing and is never a conflict.
        A promoted challenger is no longer a challenger; the others stay.

        Raises UnknownVersionError when the tag is not one of the model's; whether the store has it is not looked up.
        """
        if not tag.startswith(f"{model}:"):
            raise UnknownVersionError(tag)
        seen = self.champion(model) if isinstance(expected, _Whatever) else expected
        return transact(self._engine, lambda connection: _promote(connection, model, tag, by, reason, seen))


def load_releases(engine: Engine | None, path: Path) -> tuple[dict[str, Release], Source]:
    """All releases, and where they come from: the database, the file of the last good read at `path`, or nowhere.

    After a read from the database the file holds what it said. Never raises for a server that is down, tables that are
    missing or a file that is damaged: that is logged, and the next source is used.
    """
    if engine is not None:
        try:
            found = Releases(engine).all()
        except StorageError as error:
            logger.warning("releases are read from %s: %s", path, error)
        else:
            _keep(found, path)
            return found, "database"
    try:
        return _FILE.validate_json(path.read_bytes()), "file"
    except FileNotFoundError:
        return {}, "none"
    except (OSError, ValidationError) as error:
        logger.warning("%s does not read and is not used: %s", path, error)
        return {}, "none"


def _keep(found: Mapping[str, Release], path: Path) -> None:
    """Write the file if that changes it: every worker does this at every reload."""
    content = _FILE.dump_json(dict(found), indent=1)
    try:
        if not path.exists() or path.read_bytes() != content:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
    except OSError as error:
        logger.warning("the releases could not be kept in %s: %s", path, error)


_SELECT: Select[Any] = select(releases_table).order_by(releases_table.c.model)


def _promote(connection: Connection, model: str, tag: str, by: str, reason: str, seen: str | None) -> Release:
    # A lock of its own, because the first release of a model has no row to lock; it ends with the transaction.
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtext(f"tiffin release {model}"))))
    row = connection.execute(_SELECT.where(releases_table.c.model == model)).mappings().one_or_none()
    before = _release(row) if row else None
    current = before.champion if before else None
    if before and current == tag:
        return before
    if current != seen:
        raise ReleaseConflictError(model, seen, current)
    kept = [challenger for challenger in (before.challengers if before else ()) if challenger.version != tag]
    now: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()  # after the wait
    after = Release(model=model, champion=tag, challengers=tuple(kept), updated_at=now, updated_by=by, reason=reason)
    _write(connection, before, after)
    return after


def _write(connection: Connection, before: Release | None, after: Release) -> None:
    values = {**after.model_dump(), **_state(after)}
    statement = upsert(releases_table).values(values)
    connection.execute(statement.on_conflict_do_update(index_elements=["model"], set_=values))
    connection.execute(
        insert(history_table).values(
            model=after.model,
            before=_state(before) if before else None,
            after=_state(after),
            at=after.updated_at,
            by_whom=after.updated_by,
            reason=after.reason,
        )
    )


def _state(release: Release) -> dict[str, Any]:
    return release.model_dump(mode="json", include={"champion", "challengers"})


def _release(row: RowMapping) -> Release:
    return Release.model_validate(dict(row))
