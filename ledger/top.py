"""The entities with the highest latest scores: the high-risk list."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, text

from ledger.page import Page, page
from ledger.query import checked_limit, is_text
from ledger.times import written
from storage.cursors import Cursor, CursorError
from storage.database import transact


@dataclass(frozen=True, slots=True, kw_only=True)
class LatestScore:
    """An entity's newest score of a model."""

    entity: str
    score: float
    level: str | None
    version: str
    prediction_id: str
    moment: str
    """What it is of: the observation date where one was given, else when it was made."""
    created_at: str


def top(
    engine: Engine, model: str, *, level: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[LatestScore]:
    """The model's entities by their latest score, highest first: of one level or all.

    An entity whose score changes between two pages may be on both or on neither. Raises QueryError for a limit outside
    1 to 1000, CursorError for a cursor that no page has given.
    """
    checked_limit(limit)
    if not is_text(model) or (level is not None and not is_text(level)):
        return Page((), None)
    of = ("top", model, level)
    score, entity = (math.inf, "") if cursor is None else _place(cursor, of)
    values: dict[str, Any] = {"model": model, "level": level, "score": score, "entity": entity, "rows": limit + 1}

    def read(connection: Connection) -> Sequence[RowMapping]:
        return connection.execute(_ALL_LEVELS if level is None else _ONE_LEVEL, values).mappings().all()

    rows = transact(engine, read)
    return page(rows, limit, _shown, lambda row: (repr(row["score"]), row["entity"]), of)


def _place(cursor: str, of: tuple[str | None, ...]) -> tuple[float, str]:
    score, entity = Cursor.read(cursor, of, 2).parts
    try:
        place = float(score)
    except ValueError:
        raise CursorError(cursor) from None
    if not math.isfinite(place):
        raise CursorError(cursor)
    return place, entity


def _shown(row: RowMapping) -> LatestScore:
    return LatestScore(
        entity=row["entity"],
        score=row["score"],
        level=row["level"] or None,
        version=row["version"],
        prediction_id=str(row["prediction_id"]),
        moment=written(row["moment"]),
        created_at=written(row["created_at"]),
    )


_ONE_LEVEL = text("""
select entity, score, level, version, prediction_id, moment, created_at
from latest_scores
where model = :model and level = :level and (score, entity) < (:score, :entity)
order by score desc, entity desc
limit :rows
""")
# One index serves both: a model has a handful of levels, and the first rows of each are merged.
_ALL_LEVELS = text("""
select found.entity, found.score, found.level, found.version, found.prediction_id, found.moment, found.created_at
from latest_levels
cross join lateral (
    select entity, score, level, version, prediction_id, moment, created_at
    from latest_scores
    where latest_scores.model = latest_levels.model
        and latest_scores.level = latest_levels.level
        and (score, entity) < (:score, :entity)
    order by score desc, entity desc
    limit :rows
) as found
where latest_levels.model = :model and latest_levels.entities > 0
order by found.score desc, found.entity desc
limit :rows
""")
