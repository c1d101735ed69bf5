-- who: every article of every store from its 28th day of sales on, every 13 days at midnight UTC - in turn on all weekdays
-- grain: one row per store_id, sku_id and as_of
-- outcome: units sold on each of the 28 days from as_of on, 0 without a sale
-- horizon: 28 days
with series as (
    select
        sales.store_id,
        sales.sku_id,
        date_trunc('day', min(sales.sold_at)) as since,
        timestamptz '2000-01-01 00:00:00+00'
        + interval '1 day' * abs(hashtextextended(sales.store_id || ':' || sales.sku_id, scope.seed) % 13) as first_moment
    from sales
    cross join scope
    where
        abs(hashtextextended(sales.store_id || ':' || sales.sku_id, scope.seed + 1) % 4096) < 4096 * scope.portion
    group by sales.store_id, sales.sku_id, scope.seed
),

moment as (
    select series.store_id, series.sku_id, moment.as_of
    from series
    cross join scope
    cross join lateral generate_series(
        date_bin(interval '13 days', series.since + interval '28 days', series.first_moment) + interval '13 days',
        scope.until,
        interval '13 days'
    ) as moment (as_of)
)

select moment.store_id, moment.sku_id, moment.as_of, later.outcome
from moment
cross join lateral (
    select array_agg(coalesce(sold.units, 0)::float8 order by day.ahead) as outcome
    from generate_series(0, 27) as day (ahead)
    left join (
        select floor(extract(epoch from sales.sold_at - moment.as_of) / 86400)::integer as ahead, sum(sales.units) as units
        from sales
        where
            sales.store_id = moment.store_id
            and sales.sku_id = moment.sku_id
            and sales.sold_at >= moment.as_of
            and sales.sold_at < moment.as_of + interval '28 days'
        group by 1
    ) as sold on sold.ahead = day.ahead
) as later
