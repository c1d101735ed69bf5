-- what: "How a bank customer's money moves: balances, income, spending, instalments and credit"
-- keys:
--   customer_id: {what: the customer, example: C000123}
-- sources:
--   customers: joined_at
--   accounts: changed_at
--   transactions: booked_at
--   instalments: agreed_at
--   payments: paid_at
-- ttl: 5 min
-- stale: 1 day
-- known: from the customer's first row in any source
-- least_history: 30 days
-- columns:
--   balance: as all balances here, 0 before the first booking
--   balance_min_30d:
--   balance_mean_30d: weighted by time, from the first booking on
--   balance_mean_90d: weighted by time, from the first booking on
--   spend_7d: bookings of kind spend on any account
--   spend_30d:
--   spend_90d:
--   income_7d: bookings of kind salary and income
--   income_30d:
--   income_90d:
--   spend_trend:
--   income_trend:
--   late_payments_90d: instalments whose first payment came in the window and after the due date
--   late_payments_365d:
--   missed_payments_90d: instalments that fell due in the window and are not paid yet
--   missed_payments_365d:
--   days_since_payment: of an instalment
--   due_30d: instalments that are not paid yet
--   credit_limit: sum over open accounts
--   credit_utilisation: what open accounts with a credit line stand below 0, of the sum of their limits
--   overdraft_days_30d: days of 24 hours, counted back from the observation, with a balance below 0 at any moment
--   overdraft_days_90d:
--   salary_regularity: sixths; the usual day is the median day of the month of these incomes, near is at most 3 days off
--   days_since_income:
--   product_count: open accounts
--   tenure_days:
select spine.position, feature.*
from spine
cross join lateral (
    with known as not materialized (
        select event.*
        from (
            select
                customer_id, 'customer' as what, event_id, joined_at as at, null as subject, null as kind,
                null::numeric as amount, null::numeric as balance, null::timestamptz as due_at
            from customers
            union all
            select customer_id, 'account', event_id, changed_at, account_id, product, credit_limit,
                case status when 'open' then 1.0 else 0.0 end, null
            from accounts
            union all
            select customer_id, 'booking', event_id, booked_at, account_id, kind, amount, balance_after, null
            from transactions
            union all
            select customer_id, 'instalment', event_id, agreed_at, instalment_id, null, amount, null, due_at
            from instalments
            union all
            select customer_id, 'payment', event_id, paid_at, instalment_id, null, amount, null, null
            from payments
        ) as event
        where event.customer_id = spine.customer_id and event.at < spine.as_of
    ),

    account as (
        select distinct on (subject)
            subject as account_id,
            kind in ('current', 'savings') as is_deposit,
            balance = 1 as is_open,
            amount as credit_limit
        from known
        where what = 'account'
        order by subject, at desc, event_id desc
    ),

    booking as (
        select at, event_id, subject as account_id, kind, amount, balance
        from known
        where what = 'booking' and at >= spine.as_of - interval '6 months'
    ),

    opening as (
        select distinct on (subject)
            spine.as_of - interval '90 days' as at, '' as event_id, subject as account_id, balance
        from known
        where what = 'booking' and at < spine.as_of - interval '90 days'
        order by subject, known.at desc, known.event_id desc
    ),

    level as (
        select
            path.at,
            path.event_id,
            path.account_id,
            path.balance,
            path.balance - lag(path.balance, 1, 0.0) over by_account as change,
            lead(path.at) over by_account is null as is_last
        from (
            select at, event_id, account_id, balance
            from opening
            union all
            select at, event_id, account_id, balance
            from booking
            where at >= spine.as_of - interval '90 days'
        ) as path
        window by_account as (partition by path.account_id order by path.at, path.event_id)
    ),

    flow as (
        select
            coalesce(sum(amount) filter (where kind = 'spend' and at >= spine.as_of - interval '7 days'), 0) as spend_7d,
            coalesce(sum(amount) filter (where kind = 'spend' and at >= spine.as_of - interval '30 days'), 0) as spend_30d,
            coalesce(sum(amount) filter (where kind = 'spend' and at >= spine.as_of - interval '90 days'), 0) as spend_90d,
            coalesce(sum(amount) filter (where kind <> 'spend' and at >= spine.as_of - interval '7 days'), 0) as income_7d,
            coalesce(sum(amount) filter (where kind <> 'spend' and at >= spine.as_of - interval '30 days'), 0) as income_30d,
            coalesce(sum(amount) filter (where kind <> 'spend' and at >= spine.as_of - interval '90 days'), 0) as income_90d,
            percentile_disc(0.5) within group (order by extract(day from at)) filter (where kind <> 'spend') as usual_day
        from booking
        where kind in ('spend', 'salary', 'income')
    ),

    regularity as (
        select
            count(
                distinct width_bucket(
                    booking.at,
                    array[
                        spine.as_of - interval '6 months',
                        spine.as_of - interval '5 months',
                        spine.as_of - interval '4 months',
                        spine.as_of - interval '3 months',
                        spine.as_of - interval '2 months',
                        spine.as_of - interval '1 month'
                    ]
                )
            ) / 6.0 as salary_regularity
        from booking
        cross join flow
        where
            booking.kind in ('salary', 'income')
            and (
                abs(extract(day from booking.at) - flow.usual_day) <= 3
                or abs(extract(day from booking.at) - flow.usual_day) >= 28
            )
    ),

    stretch as (
        select
            at as starts,
            lead(at, 1, spine.as_of) over (order by at, event_id) as ends,
            sum(change) over (order by at, event_id rows unbounded preceding) as balance
        from level
        where account_id <> all (array(select account_id from account where not is_deposit))
    ),

    balance as (
        select
            sum(balance) filter (where ends = spine.as_of) as balance,
            min(balance) filter (where ends > spine.as_of - interval '30 days') as balance_min_30d,
            sum(balance * extract(epoch from ends - greatest(starts, spine.as_of - interval '30 days')))
                filter (where ends > spine.as_of - interval '30 days')
            / sum(extract(epoch from ends - greatest(starts, spine.as_of - interval '30 days')))
                filter (where ends > spine.as_of - interval '30 days') as balance_mean_30d,
            sum(balance * extract(epoch from ends - greatest(starts, spine.as_of - interval '90 days')))
                filter (where ends > spine.as_of - interval '90 days')
            / sum(extract(epoch from ends - greatest(starts, spine.as_of - interval '90 days')))
                filter (where ends > spine.as_of - interval '90 days') as balance_mean_90d
        from stretch
        where ends > starts
    ),

    overdraft as (
        select
            count(distinct day) filter (where day <= 30) as overdraft_days_30d,
            count(distinct day) as overdraft_days_90d
        from stretch
        cross join generate_series(
            floor(extract(epoch from spine.as_of - ends) / 86400)::integer + 1,
            least(ceil(extract(epoch from spine.as_of - starts) / 86400), 90)::integer
        ) as day
        where balance < 0 and ends > starts and ends > spine.as_of - interval '90 days'
    ),

    instalment as (
        select
            (array_agg(due_at order by at desc, event_id desc) filter (where what = 'instalment'))[1] as due_at,
            (array_agg(amount order by at desc, event_id desc) filter (where what = 'instalment'))[1] as amount,
            min(at) filter (where what = 'payment') as paid_at
        from known
        where what in ('instalment', 'payment')
        group by subject
    ),

    payment as (
        select
            count(*) filter (where paid_at > due_at and paid_at >= spine.as_of - interval '90 days') as late_90d,
            count(*) filter (where paid_at > due_at and paid_at >= spine.as_of - interval '365 days') as late_365d,
            count(*) filter (
                where paid_at is null and due_at < spine.as_of and due_at >= spine.as_of - interval '90 days'
            ) as missed_90d,
            count(*) filter (
                where paid_at is null and due_at < spine.as_of and due_at >= spine.as_of - interval '365 days'
            ) as missed_365d,
            coalesce(
                sum(amount) filter (
                    where paid_at is null and due_at >= spine.as_of and due_at < spine.as_of + interval '30 days'
                ), 0
            ) as due_30d
        from instalment
    ),

    credit as (
        select
            coalesce(sum(account.credit_limit), 0) as credit_limit,
            sum(greatest(-coalesce(level.balance, 0), 0)) filter (where account.credit_limit > 0)
            / nullif(sum(account.credit_limit), 0) as credit_utilisation,
            count(*) as product_count
        from account
        left join level on level.account_id = account.account_id and level.is_last
        where account.is_open
    ),

    first_event as (
        select at
        from known
        order by at
        limit 1
    ),

    last_income as (
        select at
        from known
        where what = 'booking' and kind in ('salary', 'income')
        order by at desc
        limit 1
    ),

    last_payment as (
        select at
        from known
        where what = 'payment'
        order by at desc
        limit 1
    )

    select
        first_event.at as since,
        least(greatest(round(coalesce(balance.balance, 0), 2), -1e7), 1e7)::float8 as balance,
        least(greatest(round(coalesce(balance.balance_min_30d, 0), 2), -1e7), 1e7)::float8 as balance_min_30d,
        least(greatest(round(coalesce(balance.balance_mean_30d, 0), 2), -1e7), 1e7)::float8 as balance_mean_30d,
        least(greatest(round(coalesce(balance.balance_mean_90d, 0), 2), -1e7), 1e7)::float8 as balance_mean_90d,
        least(flow.spend_7d, 1e7)::float8 as spend_7d,
        least(flow.spend_30d, 1e7)::float8 as spend_30d,
        least(flow.spend_90d, 1e7)::float8 as spend_90d,
        least(flow.income_7d, 1e7)::float8 as income_7d,
        least(flow.income_30d, 1e7)::float8 as income_30d,
        least(flow.income_90d, 1e7)::float8 as income_90d,
        round(3 * flow.spend_30d / nullif(flow.spend_90d, 0), 4)::float8 as spend_trend,
        round(3 * flow.income_30d / nullif(flow.income_90d, 0), 4)::float8 as income_trend,
        least(payment.late_90d, 90)::integer as late_payments_90d,
        least(payment.late_365d, 365)::integer as late_payments_365d,
        least(payment.missed_90d, 90)::integer as missed_payments_90d,
        least(payment.missed_365d, 365)::integer as missed_payments_365d,
        case when last_payment.at is not null then
            least(floor(extract(epoch from spine.as_of - last_payment.at) / 86400), 3650)
        end::integer as days_since_payment,
        least(payment.due_30d, 1e7)::float8 as due_30d,
        least(credit.credit_limit, 1e7)::float8 as credit_limit,
        case when credit.credit_utilisation is not null then
            least(round(credit.credit_utilisation, 4), 5)
        end::float8 as credit_utilisation,
        overdraft.overdraft_days_30d::integer as overdraft_days_30d,
        overdraft.overdraft_days_90d::integer as overdraft_days_90d,
        case when flow.usual_day is not null then round(regularity.salary_regularity, 4) end::float8
            as salary_regularity,
        case when last_income.at is not null then
            least(floor(extract(epoch from spine.as_of - last_income.at) / 86400), 3650)
        end::integer as days_since_income,
        least(credit.product_count, 50)::integer as product_count,
        least(floor(extract(epoch from spine.as_of - first_event.at) / 86400), 36500)::integer as tenure_days
    from first_event
    cross join flow
    cross join regularity
    cross join balance
    cross join overdraft
    cross join payment
    cross join credit
    left join last_income on true
    left join last_payment on true
) as feature
