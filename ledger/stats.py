"""A model's latest scores in sum: how many per level, their mean, when the last one came."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, Engine, RowMapping, text

from ledger.query import is_text
from ledger.times import written_or_none
from storage.database import transact


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelStats:
    """One level's part; `share` is of all that are counted."""

    count: int
    share: float
    mean_score: float | None
    """None where only all levels together have one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    """What `stats` says. `counted` is "entities", each by its latest score, or "predictions", all that were made."""

    model: str
    counted: Literal["entities", "predictions"]
    count: int
    mean_score: float | None
    levels: dict[str, LevelStats]
    """By level; empty where the model has none."""
    updated_at: str | None
    note: str
    """What is counted here and what is not, for people."""


NOTES = {
    "entities": "each entity counts once, with its latest score; predictions of records are not counted here, "
    "see trends for those",
    "predictions": "no entity has a score of this model, so all its predictions are counted (a record that was sent "
    "twice counts twice), from the oldest week that is kept on, those that were purged included; one mean_score "
    "is of all levels together",
    "": "no prediction of this model is kept yet; one is counted within seconds of its answer",
}


def stats(engine: Engine, model: str) -> Stats:
    """The model's latest scores in sum, one for each entity.

    Records belong to no entity: a model that was only asked about records is counted by all predictions that callers
    have seen, as far back as weekly figures are kept.
    """
    if not is_text(model):
        return _stats(model, "entities", [])
    rows = transact(engine, lambda connection: _read(connection, _LATEST, model))
    if rows:
        return _stats(model, "entities", rows)
    return _stats(model, "predictions", transact(engine, lambda connection: _read(connection, _ROLLUPS, model)))


def _read(connection: Connection, statement: Any, model: str) -> Sequence[RowMapping]:
    return connection.execute(statement, {"model": model}).mappings().all()


def _stats(model: str, counted: Literal["entities", "predictions"], rows: Sequence[RowMapping]) -> Stats:
    count = sum(int(row["count"]) for row in rows)
    scored = sum(int(row["scored"]) for row in rows)
    total = sum(float(row["score_sum"]) for row in rows)
    updated: list[datetime] = [row["updated_at"] for row in rows if row["updated_at"] is not None]
    return Stats(
        model=model,
        note=NOTES[counted if rows else ""],
        counted=counted,
        count=count,
        mean_score=total / scored if scored else None,
        levels={row["level"]: _level(row, count) for row in rows if row["level"]},
        updated_at=written_or_none(max(updated, default=None)),
    )


def _level(row: RowMapping, count: int) -> LevelStats:
    scored = int(row["scored"])
    mean = float(row["score_sum"]) / scored if scored else None
    return LevelStats(count=int(row["count"]), share=int(row["count"]) / count, mean_score=mean)


_LATEST = text("""
select level, entities as count, entities as scored, score_sum, updated_at
from latest_levels
where model = :model and entities > 0
order by level
""")
# The first row is of those without a level, and carries the sums of all: by level only counts are kept.
_ROLLUPS = text("""
with weeks as (
    select predictions, scored, score_sum, levels
    from rollups
    where model = :model and width = 'week' and role in ('champion', 'canary')
),
by_level as (
    select counts.key as level, sum(counts.value::bigint) as count
    from weeks
    cross join lateral jsonb_each_text(weeks.levels) as counts
    group by counts.key
),
newest as (
    select max(created_at) as updated_at
    from (
        select created_at from predictions where model = :model order by prediction_id desc limit 1
    ) as last
),
everything as (
    select coalesce(sum(predictions), 0) - coalesce((select sum(count) from by_level), 0) as count,
        coalesce(sum(scored), 0) as scored, coalesce(sum(score_sum), 0) as score_sum
    from weeks
    having count(*) > 0
)
select '' as level, everything.count, everything.scored, everything.score_sum, newest.updated_at
from everything
cross join newest
union all
select level, count, 0, 0, null from by_level
order by level
""")
