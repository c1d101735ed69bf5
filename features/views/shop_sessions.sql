-- what: "A visitor of the shop in front of an item: what both did lately, and this session"
-- keys:
--   user_id: {what: the visitor, example: U0000123}
--   item_id: {what: the item, example: I00042}
-- sources:
--   shop_events: happened_at
--   items: changed_at
--   item_prices: changed_at
--   ratings: rated_at
-- ttl: 30 s
-- stale: 1 h
-- known: once the item has a category and a price, from the visitor's first event within 365 days before the observation
-- least_history: 1 h
-- columns:
--   user_views_7d:
--   user_views_30d:
--   user_carts_7d:
--   user_carts_30d:
--   user_purchases_7d:
--   user_purchases_30d:
--   item_views_7d:
--   item_views_30d:
--   item_purchases_7d:
--   item_purchases_30d:
--   session_minutes: two decimals; a session ends after 30 minutes without an event, then a new one begins, at 0
--   session_item_views:
--   in_cart: whether the last of the visitor's cart, uncart and purchase events with it in 30 days is a cart event
--   price:
--   discount:
--   rating: two decimals
--   category:
--   device: of the visitor's latest event
select spine.position, feature.*
from spine
cross join lateral (
    with known as not materialized (
        select event.*
        from (
            select
                'visitor' as what, event_id, happened_at as at, kind, item_id, session_id, device,
                null as category, null::numeric as price, null::numeric as discount, null::numeric as stars
            from shop_events
            where shop_events.user_id = spine.user_id and happened_at >= spine.as_of - interval '365 days'
            union all
            select 'crowd', event_id, happened_at, kind, item_id, null, null, null, null, null, null
            from shop_events
            where shop_events.item_id = spine.item_id and happened_at >= spine.as_of - interval '30 days'
            union all
            select 'item', event_id, changed_at, null, item_id, null, null, category, null, null, null
            from items
            where items.item_id = spine.item_id
            union all
            select 'price', event_id, changed_at, null, item_id, null, null, null, list_price, discount, null
            from item_prices
            where item_prices.item_id = spine.item_id
            union all
            select 'rating', event_id, rated_at, null, item_id, null, null, null, null, null, stars
            from ratings
            where ratings.item_id = spine.item_id
        ) as event
        where event.at < spine.as_of
    ),

    visitor as (
        select
            min(at) as since,
            count(*) filter (where kind = 'view' and at >= spine.as_of - interval '7 days') as views_7d,
            count(*) filter (where kind = 'view' and at >= spine.as_of - interval '30 days') as views_30d,
            count(*) filter (where kind = 'cart' and at >= spine.as_of - interval '7 days') as carts_7d,
            count(*) filter (where kind = 'cart' and at >= spine.as_of - interval '30 days') as carts_30d,
            count(*) filter (where kind = 'purchase' and at >= spine.as_of - interval '7 days') as purchases_7d,
            count(*) filter (where kind = 'purchase' and at >= spine.as_of - interval '30 days') as purchases_30d
        from known
        where what = 'visitor'
    ),

    crowd as (
        select
            count(*) filter (where kind = 'view' and at >= spine.as_of - interval '7 days') as views_7d,
            count(*) filter (where kind = 'view') as views_30d,
            count(*) filter (where kind = 'purchase' and at >= spine.as_of - interval '7 days') as purchases_7d,
            count(*) filter (where kind = 'purchase') as purchases_30d
        from known
        where what = 'crowd'
    ),

    latest as (
        select session_id, device, at >= spine.as_of - interval '30 minutes' as goes_on
        from known
        where what = 'visitor'
        order by at desc, event_id desc
        limit 1
    ),

    session as (
        select
            min(known.at) as began_at,
            count(*) filter (where known.kind = 'view' and known.item_id = spine.item_id) as item_views
        from known
        join latest on latest.session_id = known.session_id and latest.goes_on
        where known.what = 'visitor'
    ),

    cart as (
        select kind = 'cart' as holds
        from known
        where
            what = 'visitor'
            and item_id = spine.item_id
            and kind in ('cart', 'uncart', 'purchase')
            and at >= spine.as_of - interval '30 days'
        order by at desc, event_id desc
        limit 1
    ),

    item as (
        select category
        from known
        where what = 'item'
        order by at desc, event_id desc
        limit 1
    ),

    price as (
        select price, discount
        from known
        where what = 'price'
        order by at desc, event_id desc
        limit 1
    ),

    rating as (
        select avg(stars) as stars
        from known
        where what = 'rating'
    )

    select
        visitor.since,
        least(visitor.views_7d, 10000)::integer as user_views_7d,
        least(visitor.views_30d, 10000)::integer as user_views_30d,
        least(visitor.carts_7d, 1000)::integer as user_carts_7d,
        least(visitor.carts_30d, 1000)::integer as user_carts_30d,
        least(visitor.purchases_7d, 500)::integer as user_purchases_7d,
        least(visitor.purchases_30d, 500)::integer as user_purchases_30d,
        least(crowd.views_7d, 1000000)::integer as item_views_7d,
        least(crowd.views_30d, 1000000)::integer as item_views_30d,
        least(crowd.purchases_7d, 100000)::integer as item_purchases_7d,
        least(crowd.purchases_30d, 100000)::integer as item_purchases_30d,
        least(coalesce(round(extract(epoch from spine.as_of - session.began_at) / 60, 2), 0), 1440)::float8
            as session_minutes,
        least(session.item_views, 1000)::integer as session_item_views,
        coalesce(cart.holds, false) as in_cart,
        round(price.price * (1 - price.discount), 2)::float8 as price,
        price.discount::float8 as discount,
        round(rating.stars, 2)::float8 as rating,
        item.category,
        latest.device
    from visitor
    cross join crowd
    cross join session
    cross join rating
    join item on true
    join price on true
    left join latest on true
    left join cart on true
) as feature
