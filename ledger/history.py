"""The predictions of one entity, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine, RowMapping, text

from ledger.identity import lowest
from ledger.page import Page, page
from ledger.prediction import COLUMNS, Prediction, summary
from ledger.query import checked_limit, is_text
from storage.cursors import Cursor, CursorError
from storage.database import transact

_MANY_DAYS = 36_500


def history(
    engine: Engine,
    entity: str,
    *,
    model: str | None = None,
    days: int | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Prediction]:
    """The entity's predictions, newest first: of one model or all, of the last `days` or all that are kept.

    An entity without any has an empty history. Predictions that arrive between two pages are not on the later one.
    Raises QueryError for a limit outside 1 to 1000, CursorError for a cursor that no page has given.
    """
    checked_limit(limit)
    if not is_text(entity) or (model is not None and not is_text(model)):
        return Page((), None)
    of = ("history", entity, model)
    conditions = ["predictions.entity = :entity"]
    values: dict[str, Any] = {"entity": entity, "rows": limit + 1}
    if model is not None:
        conditions.append("predictions.model = :model")
        values["model"] = model
    if days is not None:
        conditions.append("predictions.prediction_id >= :since")
        values["since"] = lowest(datetime.now(UTC) - timedelta(days=min(days, _MANY_DAYS)))
    if cursor is not None:
        conditions.append("predictions.prediction_id < :before")
        values["before"] = _identity(cursor, of)
    statement = text(_QUERY.format(columns=COLUMNS, conditions=" and ".join(conditions)))

    def read(connection: Connection) -> Sequence[RowMapping]:
        return connection.execute(statement, values).mappings().all()

    return page(transact(engine, read), limit, summary, lambda row: (str(row["prediction_id"]),), of)


def _identity(cursor: str, of: tuple[str | None, ...]) -> UUID:
    (part,) = Cursor.read(cursor, of, 1).parts
    try:
        return UUID(part)
    except ValueError:
        raise CursorError(cursor) from None


# An id says its moment and its partition: in their order the partitions are read one after the other until there are
# enough rows, through the index on (entity, prediction_id). Conditions that say nothing are left out: each would cost a
# millisecond of planning.
_QUERY = """
with found as (
    select * from predictions where {conditions} order by predictions.prediction_id desc limit :rows
)
select {columns}
from found as predictions
left join outcomes on outcomes.prediction_id = predictions.prediction_id
order by predictions.prediction_id desc
"""
