"""The SQL of the transaction that adds predictions: COPY, then latest scores and rollups, all or nothing."""

from __future__ import annotations

from ledger.rows import COLUMNS, SCORE_COLUMNS

WRITERS_KEY = 0x74_69_66_66_69_77
"""Advisory lock, "tiffiw": shared by all transactions that add predictions; a purge takes it alone for a moment."""
TOTALS_KEY = 0x74_69_66_66_69_74
"""Advisory lock, "tiffit": whoever changes latest scores or rollups, one at a time, so that no order can deadlock."""

COPY = f"copy predictions ({', '.join(COLUMNS)}) from stdin"
COPY_SCORES = f"copy new_scores ({', '.join(SCORE_COLUMNS)}) from stdin"

TEMPORARY = """
create temp table if not exists new_scores (
    model text, entity text, prediction_id uuid, created_at timestamptz, as_of timestamptz, score float8, level text,
    version text
) on commit delete rows
"""
"""Once for each connection."""

BEGIN = f"select pg_advisory_xact_lock_shared({WRITERS_KEY})"

PURGES = """
select model, entity_hash, (extract(epoch from before) * 1000)::bigint from purges where before > to_timestamp(%s)
"""
"""What was purged must not come back from a spool. A statement of its own, as it must see what the lock waited for.

Of Unix seconds: purges of what was made before the oldest row are of no concern, so mostly there are none."""

KNOWN = "select prediction_id::text from predictions where prediction_id = any(%s::uuid[])"

LOCK_TOTALS = f"select pg_advisory_xact_lock({TOTALS_KEY})"

# The newest score of an entity is the one of the latest moment: a score as of last year does not replace today's.
LATEST = """
with newest as (
    select distinct on (model, entity)
        model, entity, prediction_id, created_at, score, version,
        least(coalesce(as_of, created_at), created_at) as moment,
        coalesce(level, '') as level
    from new_scores
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
    select model, level, 1 as entities, least(greatest(score, -1e100), 1e100)::numeric as score, created_at
    from changed
    union all
    select model, old_level, -1, -least(greatest(old_score, -1e100), 1e100)::numeric, created_at
    from changed
    where old_level is not null
)
insert into latest_levels (model, level, entities, score_sum, updated_at)
select model, level, sum(entities), sum(score), max(created_at) from moves group by model, level
on conflict (model, level) do update
set entities = latest_levels.entities + excluded.entities,
    score_sum = latest_levels.score_sum + excluded.score_sum,
    updated_at = greatest(latest_levels.updated_at, excluded.updated_at)
"""

ROLLUPS = """
insert into rollups (
    model, width, starts_at, version, role, predictions, scored, score_sum, score_squares, score_min, score_max,
    latency_ms_sum, cached, stale, warned, score_bins, latency_bins, levels, labels, operations
)
select model, width, starts_at, version, role, predictions, scored, score_sum, score_squares, score_min, score_max,
    latency_ms_sum, cached, stale, warned, score_bins, latency_bins, levels, labels, operations
from jsonb_to_recordset(%s) as added (
    model text, width text, starts_at timestamptz, version text, role text, predictions bigint, scored bigint,
    score_sum float8, score_squares float8, score_min float8, score_max float8, latency_ms_sum float8, cached bigint,
    stale bigint, warned bigint, score_bins jsonb, latency_bins jsonb, levels jsonb, labels jsonb, operations jsonb
)
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
    operations = add_counts(rollups.operations, excluded.operations)
"""

PENDING = "select exists (select 1 from pending_outcomes)"

_MOMENT = "least(coalesce(new_scores.as_of, new_scores.created_at), new_scores.created_at)"
_MATCHED = """
    pending_outcomes.id as pending_id, predictions.prediction_id, predictions.model, predictions.entity,
    predictions.label, pending_outcomes.observed_at, pending_outcomes.recorded_by, pending_outcomes.outcome
"""
# What a label is tells what an outcome must be. One that cannot be the model's, or names another, stays until it is too
# old.
_RECORD_PENDING = """
converted as (
    select pending_id, prediction_id, model, entity, observed_at, recorded_by,
        case
            when label is null and jsonb_typeof(outcome) = 'number' then outcome
            when jsonb_typeof(label) = 'string' and jsonb_typeof(outcome) in ('string', 'number')
                then to_jsonb(outcome #>> '{}')
            when jsonb_typeof(label) = 'boolean' and jsonb_typeof(outcome) = 'boolean' then outcome
            when jsonb_typeof(label) = 'boolean' and outcome in ('0'::jsonb, '1'::jsonb)
                then to_jsonb(outcome = '1'::jsonb)
        end as outcome
    from matched
),
fitting as (select * from converted where outcome is not null),
recorded as (
    insert into outcomes (prediction_id, model, entity, outcome, observed_at, recorded_by)
    select distinct on (prediction_id) prediction_id, model, entity, outcome, observed_at, recorded_by
    from fitting
    order by prediction_id, observed_at desc nulls last
    on conflict (prediction_id) do nothing
)
delete from pending_outcomes using fitting where pending_outcomes.id = fitting.pending_id
"""

MATCH_BY_ID = f"""
with matched as (
    select {_MATCHED}
    from pending_outcomes
    join predictions on predictions.prediction_id = pending_outcomes.prediction_id
        and predictions.model = coalesce(pending_outcomes.model, predictions.model)
    where pending_outcomes.prediction_id = any(%s::uuid[])
),{_RECORD_PENDING}"""  # noqa: S608 - of constants

MATCH_BY_ENTITY = f"""
with matched as (
    select distinct on (pending_outcomes.id) {_MATCHED}
    from new_scores
    join pending_outcomes on pending_outcomes.prediction_id is null
        and pending_outcomes.model = new_scores.model
        and pending_outcomes.entity = new_scores.entity
        and pending_outcomes.observed_at > {_MOMENT}
    join predictions on predictions.prediction_id = new_scores.prediction_id
    order by pending_outcomes.id, {_MOMENT} desc, new_scores.prediction_id desc
),{_RECORD_PENDING}"""  # noqa: S608 - of constants
