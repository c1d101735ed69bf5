-- who: every customer who has to pay an instalment in the next 30 days and has not paid it yet, every 30 days at moments
--   of the customer's own
-- grain: one row per customer_id and as_of
-- outcome: 1 when an instalment that is due in the 30 days from as_of on, as agreed on before, is not paid by then, else 0
-- horizon: 30 days
with recorded as (
    select min(booked_at) + interval '90 days' as since  -- before, the features' windows reach back beyond all data
    from transactions
    having count(*) > 0
),

customer as (
    select
        instalments.customer_id,
        min(instalments.agreed_at) as since,
        max(instalments.due_at) as last_due_at,
        timestamptz '2000-01-01 00:00:00+00'
        + interval '1 second' * abs(hashtextextended(instalments.customer_id, scope.seed) % 2592000) as first_moment
    from instalments
    cross join scope
    where abs(hashtextextended(instalments.customer_id, scope.seed + 1) % 4096) < 4096 * scope.portion
    group by instalments.customer_id, scope.seed
),

moment as (
    select customer.customer_id, moment.as_of
    from customer
    cross join recorded
    cross join scope
    cross join lateral generate_series(
        date_bin(
            interval '30 days', greatest(customer.since, recorded.since), customer.first_moment
        ) + interval '30 days',
        least(scope.until, customer.last_due_at),
        interval '30 days'
    ) as moment (as_of)
),

due as (
    select moment.customer_id, moment.as_of, owed.due_at, paid.paid_at
    from moment
    cross join lateral (
        select distinct on (instalments.instalment_id) instalments.instalment_id, instalments.due_at
        from instalments
        where instalments.customer_id = moment.customer_id and instalments.agreed_at < moment.as_of
        order by instalments.instalment_id, instalments.agreed_at desc, instalments.event_id desc
    ) as owed
    left join lateral (
        select min(payments.paid_at) as paid_at
        from payments
        where payments.customer_id = moment.customer_id and payments.instalment_id = owed.instalment_id
    ) as paid on true
    where owed.due_at >= moment.as_of and owed.due_at < moment.as_of + interval '30 days'
)

select
    due.customer_id,
    due.as_of,
    bool_or(due.paid_at is null or due.paid_at > due.due_at)::integer as outcome
from due
where due.paid_at is null or due.paid_at >= due.as_of
group by due.customer_id, due.as_of
