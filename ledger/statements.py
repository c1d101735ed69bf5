"""The SQL that turns incoming rows into predictions, latest scores and rollups: one script, one transaction.

Every prediction is counted once, however often it is shipped: only rows that the insert has really added go on.
"""

from __future__ import annotations

from ledger.histogram import magnitude_bin_sql, score_bin_sql
from ledger.rows import COLUMNS

WRITERS_KEY = 0x74_69_66_66_69_77
"""Advisory lock, "tiffiw": shared by all transactions that add predictions; a purge takes it alone for a moment."""
TOTALS_KEY = 0x74_69_66_66_69_74
"""Advisory lock, "tiffit": whoever changes latest scores or rollups, one at a time, so that no order can deadlock."""
ANSWERING = ("champion", "canary")
"""Roles whose answers callers have seen; a challenger in the shadow changes no latest score."""
LARGEST = "1e100"
"""Scores beyond it count as it in sums, which would not be finite otherwise."""

_columns = ", ".join(COLUMNS)
_FRESH = """
    prediction_id uuid, created_at timestamptz, as_of timestamptz, score float8, latency_ms float8, cached boolean,
    stale boolean, model text, version text, role text, operation text, entity text, label jsonb, level text,
    warned boolean
"""
TEMPORARY = f"""
create temp table if not exists incoming (like predictions including defaults) on commit delete rows;
create temp table if not exists fresh ({_FRESH}) on commit delete rows;
"""
"""Once for each connection."""

COPY = f"copy incoming ({_columns}) from stdin"

_INSERT = f"""
select pg_advisory_xact_lock_shared({WRITERS_KEY});

delete from incoming
using purges
where incoming.created_at < purges.before
    and (purges.model is null or purges.model = incoming.model)
    and (purges.entity_hash is null or purges.entity_hash = sha256(convert_to(incoming.entity, 'UTF8')));

with added as (
    insert into predictions ({_columns})
    select {_columns} from incoming order by prediction_id
    on conflict (prediction_id) do nothing
    returning prediction_id, created_at, as_of, score, latency_ms, cached, stale, model, version, role, operation,
        entity, label, level, warnings is not null as warned
)
insert into fresh
select prediction_id, created_at, as_of, score, latency_ms, cached, stale, model, version, role, operation, entity,
    label, level, warned
from added;

select pg_advisory_xact_lock({TOTALS_KEY});
"""  # noqa: S608 - of constants

# The newest score of an entity is the one of the latest moment: a score as of last year does not replace today's.
_LATEST = f"""
with newest as (
    select distinct on (model, entity)
        model, entity, prediction_id, created_at, score, version,
        least(coalesce(as_of, created_at), created_at) as moment,
        coalesce(level, '') as level
    from fresh
    where entity is not null and score is not null and role in {ANSWERING!r}
    order by model, entity, least(coalesce(as_of, created_at), created_at) desc, prediction_id desc
),
changed as (
    select newest.*, latest_scores.level as old_level, latest_scores.score as old_score
    from newest
    left join latest_scores on latest_scores.model = newest.model and latest_scores.entity = newest.entity
    where latest_scores.moment is null
        or (newest.moment, newest.prediction_id) > (latest_scores.moment, latest_scores.prediction_id)
),
written as (
    insert into latest_scores (model, entity, prediction_id, moment, created_at, score, level, version)
    select model, entity, prediction_id, moment, created_at, score, level, version from changed
    on conflict (model, entity) do update
    set prediction_id = excluded.prediction_id, moment = excluded.moment, created_at = excluded.created_at,
        score = excluded.score, level = excluded.level, version = excluded.version
),
moves as (
    select model, level, 1 as entities, score::numeric as score, created_at from changed
    union all
    select model, old_level, -1, -old_score::numeric, created_at from changed where old_level is not null
)
insert into latest_levels (model, level, entities, score_sum, updated_at)
select model, level, sum(entities), sum(score), max(created_at) from moves group by model, level
on conflict (model, level) do update
set entities = latest_levels.entities + excluded.entities,
    score_sum = latest_levels.score_sum + excluded.score_sum,
    updated_at = greatest(latest_levels.updated_at, excluded.updated_at);
"""  # noqa: S608 - of constants

_COUNTS = ("score_bin", "latency_bin", "level", "label", "operation")
_group = "model, version, role, width, starts_at"
_ALL = (1 << len(_COUNTS)) - 1


def _only(name: str) -> int:
    """What grouping() says where all of `_COUNTS` but this one are left out."""
    return _ALL - (1 << len(_COUNTS) - 1 - _COUNTS.index(name))


def _counts(name: str, column: str) -> str:
    which = f"which = {_only(name)} and {name} is not null"
    return f"coalesce(jsonb_object_agg({name}, predictions) filter (where {which}), '{{}}'::jsonb) as {column}"


def _total(column: str, function: str = "sum") -> str:
    return f"{function}({column}) filter (where which = {_ALL}) as {column}"


_ROLLUPS = f"""
with keyed as (
    select model, version, role, operation, level, cached, stale, warned,
        date_trunc('hour', created_at, 'UTC') as starts_at,
        label #>> '{{}}' as label,
        case when score is not null then least(greatest(score, -{LARGEST}), {LARGEST}) end as score,
        least(greatest(latency_ms, 0), {LARGEST}) as latency_ms,
        {score_bin_sql("score", "nullif(label, 'null'::jsonb)")} as score_bin,
        {magnitude_bin_sql("latency_ms")} as latency_bin
    from fresh
),
hours as (
    select model, version, role, 'hour' as width, starts_at, {", ".join(_COUNTS)},
        grouping({", ".join(_COUNTS)}) as which,
        count(*) as predictions,
        count(score) as scored,
        coalesce(sum(score), 0) as score_sum,
        coalesce(sum(score * score), 0) as score_squares,
        min(score) as score_min,
        max(score) as score_max,
        coalesce(sum(latency_ms), 0) as latency_ms_sum,
        count(*) filter (where cached) as cached,
        count(*) filter (where stale) as stale,
        count(*) filter (where warned) as warned
    from keyed
    group by grouping sets (
        (model, version, role, starts_at),
        {", ".join(f"(model, version, role, starts_at, {name})" for name in _COUNTS)}
    )
),
cells as (
    select * from hours
    union all
    select model, version, role, 'day', date_trunc('day', starts_at, 'UTC'), {", ".join(_COUNTS)}, which,
        sum(predictions), sum(scored), sum(score_sum), sum(score_squares), min(score_min), max(score_max),
        sum(latency_ms_sum), sum(cached), sum(stale), sum(warned)
    from hours
    group by model, version, role, date_trunc('day', starts_at, 'UTC'), {", ".join(_COUNTS)}, which
),
deltas as (
    select {_group},
        {_total("predictions")}, {_total("scored")}, {_total("score_sum")}, {_total("score_squares")},
        {_total("score_min", "min")}, {_total("score_max", "max")}, {_total("latency_ms_sum")},
        {_total("cached")}, {_total("stale")}, {_total("warned")},
        {_counts("score_bin", "score_bins")}, {_counts("latency_bin", "latency_bins")}, {_counts("level", "levels")},
        {_counts("label", "labels")}, {_counts("operation", "operations")}
    from cells
    group by {_group}
)
insert into rollups (
    {_group}, predictions, scored, score_sum, score_squares, score_min, score_max, latency_ms_sum, cached, stale,
    warned, score_bins, latency_bins, levels, labels, operations
)
select {_group}, predictions, scored, score_sum, score_squares, score_min, score_max, latency_ms_sum, cached, stale,
    warned, score_bins, latency_bins, levels, labels, operations
from deltas
on conflict (model, width, starts_at, version, role) do update
set predictions = rollups.predictions + excluded.predictions,
    scored = rollups.scored + excluded.scored,
    score_sum = rollups.score_sum + excluded.score_sum,
    score_squares = rollups.score_squares + excluded.score_squares,
    score_min = least(rollups.score_min, excluded.score_min),
    score_max = greatest(rollups.score_max, excluded.score_max),
    latency_ms_sum = rollups.latency_ms_sum + excluded.latency_ms_sum,
    cached = rollups.cached + excluded.cached,
    stale = rollups.stale + excluded.stale,
    warned = rollups.warned + excluded.warned,
    score_bins = add_counts(rollups.score_bins, excluded.score_bins),
    latency_bins = add_counts(rollups.latency_bins, excluded.latency_bins),
    levels = add_counts(rollups.levels, excluded.levels),
    labels = add_counts(rollups.labels, excluded.labels),
    operations = add_counts(rollups.operations, excluded.operations);
"""  # noqa: S608 - of constants

APPLY = f"{_INSERT}{_LATEST}{_ROLLUPS}\nselect count(*) from fresh;"
"""After COPY, in the same transaction; its last result is the number of predictions that were new."""
