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
                user_id, 'user' as what, event_id, changed_at as at, null as change, null as plan,
                country, source, null::numeric as minutes, null::integer as quizzes, null::boolean as succeeded
            from users
            union all
            select user_id, 'session', event_id, ended_at, null, null, null, null, watch_minutes, quizzes, null
            from activity
            union all
            select user_id, 'subscription', event_id, changed_at, change, plan, null, null, null, null, null
            from subscriptions
            union all
            select user_id, 'attempt', event_id, attempted_at, null, null, null, null, null, null, succeeded
            from payment_attempts
        ) as event
        where event.user_id = spine.user_id and event.at < spine.as_of
    ),

    session as (
        select ceil(extract(epoch from spine.as_of - at) / 86400)::integer as days_ago, minutes, quizzes
        from known
        where what = 'session' and at >= spine.as_of - interval '30 days'
    ),

    activity as (
        select
            count(distinct days_ago) filter (where days_ago <= 7) as active_7d,
            count(distinct days_ago) filter (where days_ago <= 14) as active_14d,
            count(distinct days_ago) as active_30d,
            coalesce(sum(minutes) filter (where days_ago <= 7), 0) as minutes_7d,
            coalesce(sum(minutes) filter (where days_ago <= 14), 0) as minutes_14d,
            coalesce(sum(minutes), 0) as minutes_30d,
            coalesce(sum(quizzes) filter (where days_ago <= 7), 0) as quizzes_7d,
            coalesce(sum(quizzes) filter (where days_ago <= 14), 0) as quizzes_14d,
            coalesce(sum(quizzes), 0) as quizzes_30d
        from session
    ),

    last_session as (
        select at
        from known
        where what = 'session'
        order by at desc
        limit 1
    ),

    payment as (
        select
            count(*) filter (where at >= spine.as_of - interval '7 days') as failed_7d,
            count(*) filter (where at >= spine.as_of - interval '14 days') as failed_14d,
            count(*) as failed_30d
        from known
        where what = 'attempt' and not succeeded and at >= spine.as_of - interval '30 days'
    ),

    tenure as (
        select min(at) as since, coalesce(max(at) filter (where change = 'begin'), min(at)) as began_at
        from known
        where what = 'subscription'
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
        tenure.since,
        activity.active_7d::integer as active_days_7d,
        activity.active_14d::integer as active_days_14d,
        activity.active_30d::integer as active_days_30d,
        least(round(activity.minutes_7d), 7 * 1440)::integer as watch_minutes_7d,
        least(round(activity.minutes_14d), 14 * 1440)::integer as watch_minutes_14d,
        least(round(activity.minutes_30d), 30 * 1440)::integer as watch_minutes_30d,
        least(activity.quizzes_7d, 7 * 200)::integer as quizzes_7d,
        least(activity.quizzes_14d, 14 * 200)::integer as quizzes_14d,
        least(activity.quizzes_30d, 30 * 200)::integer as quizzes_30d,
        least(payment.failed_7d, 7 * 10)::integer as payments_failed_7d,
        least(payment.failed_14d, 14 * 10)::integer as payments_failed_14d,
        least(payment.failed_30d, 30 * 10)::integer as payments_failed_30d,
        case when last_session.at is not null then
            least(round(extract(epoch from spine.as_of - last_session.at) / 86400, 2), 3650)
        end::float8 as days_since_active,
        least(floor(extract(epoch from spine.as_of - tenure.began_at) / 86400), 7300)::integer as tenure_days,
        subscription.plan,
        person.country,
        person.source
    from tenure
    cross join activity
    cross join payment
    left join subscription on true
    left join person on true
    left join last_session on true
) as feature
