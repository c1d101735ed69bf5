"""Removing predictions from the ledger in small transactions: what retention and purges have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a class with a function's name

from ledger.identity import lowest
from ledger.rows import ANSWERING
from ledger.statements import TOTALS_KEY

CHUNK = 2000
"""Rows of one transaction: some tens of milliseconds."""


@dataclass(frozen=True, slots=True)
class Removal:
    """Predictions made before a moment: of a model or all (None), of an entity or all."""

    before: datetime
    model: str | None = None
    entity: str | None = None

    def where(self, *more: str) -> str:
        """The SQL condition on a table with `model`, `entity` and `prediction_id`."""
        conditions = ["prediction_id < %(bound)s::uuid", *more]
        if self.model is not None:
            conditions.append("model = %(model)s")
        if self.entity is not None:
            conditions.append("entity = %(entity)s")
        return " and ".join(conditions)

    def concerns(self, prediction_id: str, model: str, entity: str | None) -> bool:
        """Whether it is to be removed."""
        return (
            prediction_id < str(lowest(self.before)) and self.model in (None, model) and self.entity in (None, entity)
        )

    @property
    def values(self) -> dict[str, Any]:
        return {"bound": str(lowest(self.before)), "model": self.model, "entity": self.entity, "chunk": CHUNK}


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one step has removed, and the last id, behind which the next step goes on."""

    predictions: int
    outcomes: int
    last: str | None


@dataclass(frozen=True, slots=True)
class Step:
    """What one step has removed, and behind what the next one goes on; None when there is no more.

    Fewer may be removed than were looked at: some get another value, some another process has removed meanwhile.
    """

    removed: int
    last: tuple[str, ...] | None


Remove = Callable[[Cursor, Removal, tuple[str, ...] | None], Step]


def remove_predictions(cursor: Cursor, removal: Removal, after: str | None) -> Chunk:
    """Remove the next predictions with their outcomes, `CHUNK` at most; `last` is None when there are no more."""
    more = ("prediction_id > %(after)s::uuid",) if after else ()
    cursor.execute(_PREDICTIONS.format(where=removal.where(*more)), {**removal.values, "after": after})
    ids = sorted(str(prediction_id) for (prediction_id,) in cursor.fetchall())
    if not ids:
        return Chunk(0, 0, None)
    return Chunk(len(ids), remove_outcomes_of(cursor, ids), ids[-1])


def remove_outcomes_of(cursor: Cursor, ids: Sequence[str]) -> int:
    """Remove the outcomes of these predictions with their history, and return how many there were."""
    cursor.execute("delete from outcome_history where prediction_id = any(%s::uuid[])", (ids,))
    cursor.execute("delete from outcomes where prediction_id = any(%s::uuid[])", (ids,))
    return int(cursor.rowcount)


def remove_stray_outcomes(cursor: Cursor, removal: Removal, after: tuple[str, ...] | None) -> Step:
    """Remove the next outcomes, `CHUNK` at most, whose predictions are gone already."""
    more = ("prediction_id > %(after)s::uuid",) if after else ()
    values = {**removal.values, "after": after[0] if after else None}
    cursor.execute(_OUTCOMES.format(where=removal.where(*more)), values)
    ids = [str(prediction_id) for (prediction_id,) in cursor.fetchall()]
    return Step(remove_outcomes_of(cursor, ids), (ids[-1],)) if ids else Step(0, None)


def remove_latest(cursor: Cursor, removal: Removal, after: tuple[str, ...] | None) -> Step:
    """Remove the next latest scores, `CHUNK` at most are looked at.

    An entity of which later predictions are kept gets the best of them instead, which is one of an earlier moment.
    Call it after `remove_predictions`.
    """
    cursor.execute(f"select pg_advisory_xact_lock({TOTALS_KEY})")
    more = ("(model, entity) > (%(after_model)s, %(after_entity)s)",) if after else ()
    after_model, after_entity = after or (None, None)
    values = {**removal.values, "after_model": after_model, "after_entity": after_entity}
    cursor.execute(_LATEST.format(where=removal.where(*more)), values)
    ((removed, model, entity),) = cursor.fetchall()
    return Step(int(removed), None if model is None else (model, entity))


_PREDICTIONS = """
with chosen as (
    select prediction_id from predictions where {where} order by prediction_id limit %(chunk)s
)
delete from predictions
using chosen
where predictions.prediction_id = chosen.prediction_id and predictions.prediction_id < %(bound)s::uuid
returning predictions.prediction_id
"""
_OUTCOMES = "select prediction_id from outcomes where {where} order by prediction_id limit %(chunk)s"
_LATEST = f"""
with chosen as (
    select model, entity from latest_scores where {{where}} order by model, entity limit %(chunk)s
),
instead as (
    select chosen.model, chosen.entity, best.*
    from chosen
    left join lateral (
        select prediction_id, created_at, score, version, coalesce(level, '') as level,
            least(coalesce(as_of, created_at), created_at) as moment
        from predictions
        where predictions.entity = chosen.entity
            and predictions.model = chosen.model
            and predictions.role in {tuple(sorted(ANSWERING))!r}
            and predictions.score is not null
            and not predictions.supposed
        order by least(coalesce(as_of, created_at), created_at) desc, prediction_id desc
        limit 1
    ) as best on true
),
removed as (
    delete from latest_scores
    using instead
    where latest_scores.model = instead.model
        and latest_scores.entity = instead.entity
        and instead.prediction_id is null
    returning latest_scores.model, latest_scores.level, latest_scores.score, latest_scores.created_at
),
before as (
    select latest_scores.model, latest_scores.entity, latest_scores.level, latest_scores.score,
        latest_scores.created_at
    from latest_scores
    join instead on instead.model = latest_scores.model and instead.entity = latest_scores.entity
    where instead.prediction_id is not null
),
replaced as (
    update latest_scores
    set prediction_id = instead.prediction_id, moment = instead.moment, created_at = instead.created_at,
        score = instead.score, level = instead.level, version = instead.version
    from instead
    where latest_scores.model = instead.model
        and latest_scores.entity = instead.entity
        and instead.prediction_id is not null
),
moves as (
    select model, level, -1 as entities, -least(greatest(score, -1e100), 1e100)::numeric as score from removed
    union all
    select model, level, -1, -least(greatest(score, -1e100), 1e100)::numeric from before
    union all
    select model, level, 1, least(greatest(score, -1e100), 1e100)::numeric from instead where prediction_id is not null
),
sums as (
    select model, level, sum(entities) as entities, sum(score) as score_sum from moves group by model, level
),
counted as (
    insert into latest_levels (model, level, entities, score_sum, updated_at)
    select model, level, entities, score_sum, now() from sums
    on conflict (model, level) do update
    set entities = latest_levels.entities + excluded.entities,
        score_sum = latest_levels.score_sum + excluded.score_sum
),
last as (select model, entity from chosen order by model desc, entity desc limit 1)
select (select count(*) from removed), (select model from last), (select entity from last)
"""  # noqa: S608 - of constants
