-- who: every visitor in front of an item, once in a session - right after one of the visitor's views of it or changes to
--   the cart, drawn by lot
-- grain: one row per user_id, item_id and session
-- outcome: 1 when the visitor buys the item from as_of on in the same session, within a day, else 0
-- horizon: 1 day
with recorded as (
    select min(happened_at) + interval '30 days' as since  -- before, the features' windows reach back beyond all data
    from shop_events
    having count(*) > 0
),

moment as (
    select distinct on (shop_events.user_id, shop_events.item_id, shop_events.session_id)
        shop_events.user_id,
        shop_events.item_id,
        shop_events.session_id,
        shop_events.happened_at + interval '1 second' as as_of
    from shop_events
    cross join recorded
    cross join scope
    where
        shop_events.kind <> 'purchase'
        and shop_events.happened_at >= recorded.since
        and shop_events.happened_at < scope.until
        and abs(hashtextextended(shop_events.user_id, scope.seed + 1) % 4096) < 4096 * scope.portion
    order by
        shop_events.user_id,
        shop_events.item_id,
        shop_events.session_id,
        hashtextextended(shop_events.event_id, scope.seed)
)

select
    moment.user_id,
    moment.item_id,
    moment.as_of,
    exists (
        select 1
        from shop_events
        where
            shop_events.user_id = moment.user_id
            and shop_events.item_id = moment.item_id
            and shop_events.session_id = moment.session_id
            and shop_events.kind = 'purchase'
            and shop_events.happened_at >= moment.as_of
            and shop_events.happened_at < moment.as_of + interval '1 day'
    )::integer as outcome
from moment
