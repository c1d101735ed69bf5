-- what: What a store sold of an article day by day, with its price now
-- keys:
--   store_id: {what: the store, example: S001}
--   sku_id: {what: the article, example: K0012}
-- sources:
--   sales: sold_at
--   shelf_prices: changed_at
--   articles: changed_at
-- ttl: 5 min
-- stale: 1 day
-- known: once the article has a category and a price, from its first sale in the store
-- least_history: 28 days
-- columns:
--   date: the UTC day of the observation
--   history: up to 400 UTC days before it, from the first sale on; 0 without a sale; at least 28 days, the ones before the first sale 0
--   price: the latest price
--   promotion: as of the latest price
--   category:
select spine.position, feature.*
from spine
cross join lateral (
    with known as not materialized (
        select event.*
        from (
            select
                store_id, sku_id, 'sale' as what, event_id, sold_at as at, units,
                null::numeric as price, null::boolean as promotion, null as category
            from sales
            union all
            select store_id, sku_id, 'price', event_id, changed_at, null, price, promotion, null
            from shelf_prices
            union all
            select spine.store_id, sku_id, 'article', event_id, changed_at, null, null, null, category
            from articles
        ) as event
        where event.store_id = spine.store_id and event.sku_id = spine.sku_id and event.at < spine.as_of
    ),

    first_sale as (
        select at as since, span.days, date_trunc('day', spine.as_of) - interval '1 day' * span.days as begins
        from known
        cross join lateral (select least(greatest(spine.as_of::date - at::date, 28), 400) as days) as span
        where what = 'sale'
        order by at
        limit 1
    ),

    entry as (  -- sales by the number of their day, in whole thousandths, and a row for every day there is
        select
            date_part('day', known.at - first_sale.begins)::integer as day,
            (known.units * 1000)::integer as thousandths
        from first_sale
        cross join known
        where
            known.what = 'sale'
            and known.at >= first_sale.begins
            and known.at < date_trunc('day', spine.as_of)
        union all
        select generate_series(0, first_sale.days - 1), null
        from first_sale
    ),

    daily as (
        select day, sum(thousandths) as thousandths
        from entry
        group by day
    ),

    history as (
        select array_agg(least(coalesce(thousandths, 0) / 1000::float8, 1e6) order by day) as units
        from daily
    ),

    price as (
        select price, promotion
        from known
        where what = 'price'
        order by at desc, event_id desc
        limit 1
    ),

    article as (
        select category
        from known
        where what = 'article'
        order by at desc, event_id desc
        limit 1
    )

    select
        first_sale.since,
        to_char(spine.as_of, 'YYYY-MM-DD') as date,
        history.units as history,
        price.price::float8 as price,
        price.promotion,
        article.category
    from first_sale
    cross join history
    join price on true
    join article on true
) as feature
