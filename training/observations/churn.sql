-- who: every subscriber whose subscription runs, every 30 days at moments of the subscriber's own
-- grain: one row per user_id and as_of
-- outcome: 1 when the subscription ends in the 30 days from as_of on, else 0
-- horizon: 30 days
with recorded as (
    select min(ended_at) + interval '30 days' as since  -- before, the features' windows reach back beyond all data
    from activity
    having count(*) > 0
),

subscriber as (
    select
        subscriptions.user_id,
        min(subscriptions.changed_at) as since,
        timestamptz '2000-01-01 00:00:00+00'
        + interval '1 second' * abs(hashtextextended(subscriptions.user_id, scope.seed) % 2592000) as first_moment
    from subscriptions
    cross join scope
    where abs(hashtextextended(subscriptions.user_id, scope.seed + 1) % 4096) < 4096 * scope.portion
    group by subscriptions.user_id, scope.seed
),

moment as (
    select subscriber.user_id, moment.as_of
    from subscriber
    cross join recorded
    cross join scope
    cross join lateral generate_series(
        date_bin(
            interval '30 days', greatest(subscriber.since, recorded.since), subscriber.first_moment
        ) + interval '30 days',
        scope.until,
        interval '30 days'
    ) as moment (as_of)
)

select
    moment.user_id,
    moment.as_of,
    exists (
        select 1
        from subscriptions
        where
            subscriptions.user_id = moment.user_id
            and subscriptions.change = 'end'
            and subscriptions.changed_at >= moment.as_of
            and subscriptions.changed_at < moment.as_of + interval '30 days'
    )::integer as outcome
from moment
cross join lateral (
    select subscriptions.change
    from subscriptions
    where subscriptions.user_id = moment.user_id and subscriptions.changed_at < moment.as_of
    order by subscriptions.changed_at desc, subscriptions.event_id desc
    limit 1
) as latest
where latest.change <> 'end'
