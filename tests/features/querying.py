"""Running views on an SQLAlchemy engine, and asking for the features of one entity."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine

from features.entity import Entity
from features.online import Features, OnlineFeatures
from features.reader import Query
from features.views import View
from storage.database import transact


def engine_query(engine: Engine) -> Query:
    """A query for `features.reader` on an engine of `storage.database`, whose sessions are in UTC."""

    def run(statement: str, parameters: Sequence[str]) -> Sequence[Sequence[Any]]:
        def work(connection: Connection) -> Sequence[Sequence[Any]]:
            connection.exec_driver_sql("set local jit = off")  # compiling takes longer than any view's whole work
            return connection.exec_driver_sql(statement, tuple(parameters)).fetchall()

        return transact(engine, work)

    return run


def fetch_one(
    online: OnlineFeatures, view: View, entity: Entity, *, as_of: datetime | None = None, seconds: float = 1.0
) -> Features:
    """The features of one entity. Raises what `fetch` gives in their place."""
    (answer,) = online.fetch(view, [entity], as_of=as_of, seconds=seconds)
    if isinstance(answer, Exception):
        raise answer
    return answer
