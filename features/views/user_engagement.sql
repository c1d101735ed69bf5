-- what: How a subscriber of the learning service uses it and pays for it
-- keys:
--   user_id: {what: the subscriber, example: U0000123}
-- sources:
--   users: changed_at
--   activity: ended_at
--   subscriptions: changed_at
--   payment_attempts: attempted_at
-- ttl: 15 min
-- stale: 1 day
-- known: from the first row about a subscription; whether it has ended since makes no difference
-- least_history: 7 days
-- columns:
--   active_days_7d: days of 24 hours, counted back from the observation, in which a session ended
--   active_days_14d:
--   active_days_30d:
--   watch_minutes_7d: whole minutes
--   watch_minutes_14d:
--   watch_minutes_30d:
--   quizzes_7d:
--   quizzes_14d:
--   quizzes_30d:
--   payments_failed_7d:
--   payments_failed_14d:
--   payments_failed_30d:
--   days_since_active: two decimals
--   tenure_days: since the latest beginning, where there were several
--   plan: of the latest change of the subscription
--   country:
--   source:
select spine.position, feature.*
from spine
cross join lateral (
    with known as not materialized (
        select event.*
        from (
            select
                'user' as what, event_id, changed_at as at, null as change, null as plan,
                country, source, null::numeric as minutes, null::integer as quizzes, null::boolean as succeeded
            from users
            where users.user_id = spine.user_id
            union all
            select 'session', event_id, ended_at, null, null, null, null, watch_minutes, quizzes, null
            from activity
            where activity.user_id = spine.user_id
            union all
            select 'subscription', event_id, changed_at, change, plan, null, null, null, null, null
            from subscriptions
            where subscriptions.user_id = spine.user_id
            union all
            select 'attempt', event_id, attempted_at, null, null, null, null, null, null, succeeded
            from payment_attempts
            where payment_attempts.user_id = spine.user_id
        ) as event
        where event.at < spine.as_of
    ),

    aged as (
        select known.*, ceil(extract(epoch from spine.as_of - at) / 86400)::integer as days_ago
        from known
    ),

    counted as (
        select
            count(distinct days_ago) filter (where what = 'session' and days_ago <= 7) as active_7d,
            count(distinct days_ago) filter (where what = 'session' and days_ago <= 14) as active_14d,
            count(distinct days_ago) filter (where what = 'session' and days_ago <= 30) as active_30d,
            sum(minutes) filter (where days_ago <= 7) as minutes_7d,
            sum(minutes) filter (where days_ago <= 14) as minutes_14d,
            sum(minutes) filter (where days_ago <= 30) as minutes_30d,
            sum(quizzes) filter (where days_ago <= 7) as quizzes_7d,
            sum(quizzes) filter (where days_ago <= 14) as quizzes_14d,
            sum(quizzes) filter (where days_ago <= 30) as quizzes_30d,
            count(*) filter (where not succeeded and days_ago <= 7) as failed_7d,
            count(*) filter (where not succeeded and days_ago <= 14) as failed_14d,
            count(*) filter (where not succeeded and days_ago <= 30) as failed_30d,
            max(at) filter (where what = 'session') as last_session_at,
            min(at) filter (where what = 'subscription') as since,
            coalesce(max(at) filter (where change = 'begin'), min(at) filter (where what = 'subscription')) as began_at
        from aged
    ),

    person as (
        select country, source
        from known
        where what = 'user'
        order by at desc, event_id desc
        limit 1
    ),

    subscription as (
        select plan
        from known
        where what = 'subscription'
        order by at desc, event_id desc
        limit 1
    )

    select
        counted.since,
        counted.active_7d::integer as active_days_7d,
        counted.active_14d::integer as active_days_14d,
        counted.active_30d::integer as active_days_30d,
        least(round(coalesce(counted.minutes_7d, 0)), 7 * 1440)::integer as watch_minutes_7d,
        least(round(coalesce(counted.minutes_14d, 0)), 14 * 1440)::integer as watch_minutes_14d,
        least(round(coalesce(counted.minutes_30d, 0)), 30 * 1440)::integer as watch_minutes_30d,
        least(coalesce(counted.quizzes_7d, 0), 7 * 200)::integer as quizzes_7d,
        least(coalesce(counted.quizzes_14d, 0), 14 * 200)::integer as quizzes_14d,
        least(coalesce(counted.quizzes_30d, 0), 30 * 200)::integer as quizzes_30d,
        least(counted.failed_7d, 7 * 10)::integer as payments_failed_7d,
        least(counted.failed_14d, 14 * 10)::integer as payments_failed_14d,
        least(counted.failed_30d, 30 * 10)::integer as payments_failed_30d,
        case when counted.last_session_at is not null then
            least(round(extract(epoch from spine.as_of - counted.last_session_at) / 86400, 2), 3650)
        end::float8 as days_since_active,
        least(floor(extract(epoch from spine.as_of - counted.began_at) / 86400), 7300)::integer as tenure_days,
        subscription.plan,
        person.country,
        person.source
    from counted
    left join subscription on true
    left join person on true
) as feature
