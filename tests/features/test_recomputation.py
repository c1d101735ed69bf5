"""Every column of every view computed a second time, in pandas, from what the features are said to mean."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg2.extensions import connection as Connection

from features.entity import Entity
from features.reader import FeatureRow, Pair, Query, read
from features.views import View, views
from models.definition import Feature, Number, Series
from storage.tables import SOURCES
from tests.features.conftest import ENDS_AT
from tests.features.histories import AS_OF, IDS, histories, insert, query_on
from tests.features.values import fault

PAIRS = 48
DAY = pd.Timedelta(days=1)
Frames = Mapping[str, pd.DataFrame]
every = pytest.mark.parametrize("view", views().values(), ids=views())


@pytest.fixture(scope="session")
def frames(query: Query) -> Frames:
    """All sources of the sample."""
    return frames_of(query)


def frames_of(query: Query) -> Frames:
    """All sources, by name."""
    found = {}
    for name, table in SOURCES.items():
        frame = pd.DataFrame(query(f"select {', '.join(table.c.keys())} from {name}", []), columns=table.c.keys())
        for column in table.c:
            if column.info.get("part") == "time" or column.name == "due_at":
                frame[column.name] = pd.to_datetime(frame[column.name], utc=True)
            elif "minimum" in column.info:
                frame[column.name] = frame[column.name].astype(float)
        found[name] = frame
    return found


def known(frames: Frames, source: str, time: str, as_of: pd.Timestamp, **keys: str) -> pd.DataFrame:
    """The entity's rows before the moment, the oldest first."""
    frame = frames[source]
    mask = frame[time] < as_of
    for name, value in keys.items():
        mask &= frame[name] == value
    return frame[mask].sort_values([time, "event_id"])


def last_days(frame: pd.DataFrame, time: str, as_of: pd.Timestamp, days: float) -> pd.DataFrame:
    return frame[frame[time] >= as_of - days * DAY]


def bank(frames: Frames, ids: tuple[str, ...], now: pd.Timestamp) -> dict[str, Any]:
    (customer,) = ids
    who = known(frames, "customers", "joined_at", now, customer_id=customer)
    accounts = known(frames, "accounts", "changed_at", now, customer_id=customer)
    booked = known(frames, "transactions", "booked_at", now, customer_id=customer)
    instalments = known(frames, "instalments", "agreed_at", now, customer_id=customer)
    paid = known(frames, "payments", "paid_at", now, customer_id=customer)
    first_of_each = [
        who.joined_at.min(),
        accounts.changed_at.min(),
        booked.booked_at.min(),
        instalments.agreed_at.min(),
        paid.paid_at.min(),
    ]
    state = accounts.groupby("account_id").last()
    running = state[state.status == "open"]
    debts = set(state.index[state["product"].isin(["credit_card", "loan"])])
    deposits = booked[~booked.account_id.isin(debts)]

    def total(at: pd.Timestamp) -> float:
        """The balance of all accounts but cards and loans, just after that moment."""
        until = deposits[deposits.booked_at <= at]
        return float(until.groupby("account_id").balance_after.last().sum())

    moved = deposits.booked_at.drop_duplicates()

    def path(days: int) -> list[tuple[pd.Timestamp, pd.Timestamp, float]]:
        begins = now - days * DAY
        cuts = sorted({at for at in moved if at > begins} | ({begins} if (moved <= begins).any() else set()))
        return [(at, end, total(at)) for at, end in pairwise([*cuts, now])]

    def mean(days: int) -> float:
        parts = path(days)
        weight = sum((end - at).total_seconds() for at, end, _ in parts)
        return sum(level * (end - at).total_seconds() for at, end, level in parts) / weight if parts else 0.0

    def overdrawn(days: int) -> int:
        spans = [(now - (number + 1) * DAY, now - number * DAY) for number in range(days)]
        low = [(at, end) for at, end, level in path(days) if level < -1e-9]
        return sum(any(at < ends and end > begins for at, end in low) for begins, ends in spans)

    incomes = booked[booked.kind.isin(["salary", "income"])]
    spends = booked[booked.kind == "spend"]
    agreed = instalments.groupby("instalment_id").last()
    plan = agreed.join(paid.groupby("instalment_id").paid_at.min().rename("paid_at"))
    late = plan[plan.paid_at > plan.due_at]
    unpaid = plan[plan.paid_at.isna()]

    def days_since(when: pd.Series) -> int | None:
        return None if when.empty else (now - when.max()) // DAY

    half_year = incomes[incomes.booked_at >= now - pd.DateOffset(months=6)]
    regularity = None
    if len(half_year):
        days = half_year.booked_at.dt.day
        usual = sorted(days)[(len(days) - 1) // 2]
        near = half_year[[abs(day - usual) <= 3 or abs(day - usual) >= 28 for day in days]]
        borders = [now - pd.DateOffset(months=number) for number in range(6, -1, -1)]
        hits = [((near.booked_at >= a) & (near.booked_at < b)).any() for a, b in pairwise(borders)]
        regularity = sum(hits) / 6
    standing = booked.groupby("account_id").balance_after.last()
    lines = running[running.credit_limit > 0]
    used = sum(max(0.0, -standing.get(account, 0.0)) for account in lines.index)
    values: dict[str, Any] = {
        "balance": total(now),
        "balance_min_30d": min((level for _, _, level in path(30)), default=0.0),
        "balance_mean_30d": mean(30),
        "balance_mean_90d": mean(90),
        "days_since_payment": days_since(paid.paid_at),
        "due_30d": unpaid[(unpaid.due_at >= now) & (unpaid.due_at < now + 30 * DAY)].amount.sum(),
        "credit_limit": running.credit_limit.sum(),
        "credit_utilisation": used / lines.credit_limit.sum() if len(lines) else None,
        "overdraft_days_30d": overdrawn(30),
        "overdraft_days_90d": overdrawn(90),
        "salary_regularity": regularity,
        "days_since_income": days_since(incomes.booked_at),
        "product_count": len(running),
        "tenure_days": max((now - first) // DAY for first in first_of_each if not pd.isna(first)),
    }
    for days in (7, 30, 90):
        values[f"spend_{days}d"] = last_days(spends, "booked_at", now, days).amount.sum()
        values[f"income_{days}d"] = last_days(incomes, "booked_at", now, days).amount.sum()
    for name in ("spend", "income"):
        whole = values[f"{name}_90d"]
        values[f"{name}_trend"] = values[f"{name}_30d"] / (whole / 3) if whole else None
    for days in (90, 365):
        values[f"late_payments_{days}d"] = len(last_days(late, "paid_at", now, days))
        values[f"missed_payments_{days}d"] = int(unpaid.due_at.between(now - days * DAY, now, inclusive="left").sum())
    return values


def learning(frames: Frames, ids: tuple[str, ...], now: pd.Timestamp) -> dict[str, Any]:
    (user,) = ids
    person = known(frames, "users", "changed_at", now, user_id=user)
    sessions = known(frames, "activity", "ended_at", now, user_id=user)
    plans = known(frames, "subscriptions", "changed_at", now, user_id=user)
    attempts = known(frames, "payment_attempts", "attempted_at", now, user_id=user)
    began = plans[plans.change == "begin"]
    values: dict[str, Any] = {
        "days_since_active": (now - sessions.ended_at.max()) / DAY if len(sessions) else None,
        "tenure_days": (now - (began.changed_at.max() if len(began) else plans.changed_at.min())) // DAY,
        "plan": plans.plan.iloc[-1] if len(plans) else None,
        "country": person.country.iloc[-1] if len(person) else None,
        "source": person.source.iloc[-1] if len(person) else None,
    }
    for days in (7, 14, 30):
        window = last_days(sessions, "ended_at", now, days)
        values[f"active_days_{days}d"] = len({math.ceil((now - at) / DAY) for at in window.ended_at})
        values[f"watch_minutes_{days}d"] = math.floor(round(float(window.watch_minutes.sum()), 6) + 0.5)
        values[f"quizzes_{days}d"] = window.quizzes.sum()
        values[f"payments_failed_{days}d"] = (
            ~last_days(attempts, "attempted_at", now, days).succeeded.astype(bool)
        ).sum()
    return values


def shop(frames: Frames, ids: tuple[str, ...], now: pd.Timestamp) -> dict[str, Any]:
    user, item = ids
    mine = last_days(known(frames, "shop_events", "happened_at", now, user_id=user), "happened_at", now, 365)
    theirs = known(frames, "shop_events", "happened_at", now, item_id=item)
    price = known(frames, "item_prices", "changed_at", now, item_id=item).iloc[-1]
    stars = known(frames, "ratings", "rated_at", now, item_id=item).stars
    latest = mine.iloc[-1]
    goes_on = now - latest.happened_at <= pd.Timedelta(minutes=30)
    session = mine[mine.session_id == latest.session_id] if goes_on else mine[:0]
    touched = last_days(mine[(mine.item_id == item) & (mine.kind != "view")], "happened_at", now, 30)
    values: dict[str, Any] = {
        "session_minutes": (now - session.happened_at.min()) / pd.Timedelta(minutes=1) if goes_on else 0,
        "session_item_views": ((session.item_id == item) & (session.kind == "view")).sum(),
        "in_cart": bool(len(touched)) and touched.kind.iloc[-1] == "cart",
        "price": price.list_price * (1 - price.discount),
        "discount": price.discount,
        "rating": stars.mean() if len(stars) else None,
        "category": known(frames, "items", "changed_at", now, item_id=item).category.iloc[-1],
        "device": latest.device,
    }
    for days in (7, 30):
        own, all_of_item = last_days(mine, "happened_at", now, days), last_days(theirs, "happened_at", now, days)
        for kind in ("view", "cart", "purchase"):
            values[f"user_{kind}s_{days}d"] = (own.kind == kind).sum()
            if kind != "cart":
                values[f"item_{kind}s_{days}d"] = (all_of_item.kind == kind).sum()
    return values


def stores(frames: Frames, ids: tuple[str, ...], now: pd.Timestamp) -> dict[str, Any]:
    keys = dict(zip(("store_id", "sku_id"), ids, strict=True))
    sold = known(frames, "sales", "sold_at", now, **keys)
    price = known(frames, "shelf_prices", "changed_at", now, **keys).iloc[-1]
    today = now.normalize()
    days = max(28, min(400, (today - sold.sold_at.min().normalize()) // DAY))
    by_day = sold.groupby(sold.sold_at.dt.normalize()).units.sum()
    return {
        "date": today.date().isoformat(),
        "history": [min(by_day.get(today - number * DAY, 0.0), 1e6) for number in range(days, 0, -1)],
        "price": price.price,
        "promotion": price.promotion,
        "category": known(frames, "articles", "changed_at", now, sku_id=ids[1]).category.iloc[-1],
    }


Recompute = Callable[[Frames, tuple[str, ...], pd.Timestamp], dict[str, Any]]
RECOMPUTE: dict[str, Recompute] = {
    "customer_behaviour": bank,
    "user_engagement": learning,
    "shop_sessions": shop,
    "sales_history": stores,
}
SUBJECTS = {
    "customer_behaviour": "transactions",
    "user_engagement": "activity",
    "shop_sessions": "shop_events",
    "sales_history": "sales",
}
"""A source of each view that names entities and moments at which something happens."""


def some_pairs(view: View, frames: Frames, count: int = PAIRS) -> list[Pair]:
    """Random entities at random moments: some just after an event, some at any time, some at its very end."""
    rng = random.Random(5)
    frame = frames[SUBJECTS[view.name]]
    pairs = []
    for number in range(count):
        row = frame.iloc[rng.randrange(len(frame))]
        entity = Entity(tuple(str(row[name]) for name in view.key_names))
        happened: datetime = row[view.sources[SUBJECTS[view.name]]].to_pydatetime()
        anytime = datetime(2025, 1, 1, tzinfo=UTC) + timedelta(seconds=rng.randrange(400 * 86_400))
        as_of = (happened, happened + timedelta(seconds=rng.randrange(1, 7200)), anytime, ENDS_AT)[number % 4]
        pairs.append(Pair(entity, as_of))
    return pairs


def same(feature: Feature, ours: Any, theirs: Any) -> bool:
    """Equal; numbers within the feature's range and to the two or four decimals that the view rounds to."""
    if theirs is None or (isinstance(theirs, float) and math.isnan(theirs)):
        return ours is None
    match feature:
        case Number():
            within = min(max(float(theirs), feature.minimum), feature.maximum)
            places = 1.01e-4 if feature.unit in ("ratio", "fraction") else 0.0101
            return isinstance(ours, int | float) and abs(ours - within) < places
        case Series():
            return bool(ours == pytest.approx(theirs))
        case _:
            return bool(ours == theirs)


def disagreement(view: View, frames: Frames, pair: Pair, row: FeatureRow) -> dict[str, tuple[Any, Any]]:
    """The columns of which the view and the recomputation say different things."""
    schema = view.models[0].schema
    theirs = RECOMPUTE[view.name](frames, pair.entity.ids, pd.Timestamp(pair.as_of))
    assert set(theirs) == set(view.columns)
    ours = dict(zip(view.columns, row.values, strict=True))
    return {
        name: (ours[name], theirs[name]) for name in view.columns if not same(schema[name], ours[name], theirs[name])
    }


@every
def test_every_column_is_what_its_description_says(view: View, frames: Frames, query: Query) -> None:
    pairs = some_pairs(view, frames)
    rows = read(view, pairs, query)
    compared = 0
    for pair, row in zip(pairs, rows, strict=True):
        if row.since is None:
            continue
        assert not disagreement(view, frames, pair, row), pair
        compared += 1
    assert compared > PAIRS / 2


@every
@pytest.mark.parametrize("crowded", [False, True])
@given(data=st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_column_is_what_its_description_says_over_any_history(
    view: View, crowded: bool, connection: Connection, data: st.DataObject
) -> None:
    connection.rollback()
    with connection.cursor() as cursor:
        insert(cursor, data.draw(histories(view, crowded=crowded)))
    pairs = [Pair(Entity(ids), AS_OF) for ids in product(IDS, repeat=len(view.keys))]
    rows = read(view, pairs, query_on(connection))
    made_up = frames_of(query_on(connection))
    for pair, row in zip(pairs, rows, strict=True):
        if row.since is not None:
            assert not disagreement(view, made_up, pair, row)


@every
def test_the_sample_has_values_that_the_model_takes_and_that_differ(view: View, frames: Frames, query: Query) -> None:
    schema = view.models[0].schema
    rows = [row for row in read(view, some_pairs(view, frames, 500), query) if row.since is not None]
    for place, name in enumerate(view.columns):
        values = [row.values[place] for row in rows]
        assert not [fault(schema[name], value) for value in values if fault(schema[name], value)]
        assert len({str(value) for value in values}) > 1, f"{name} is always {values[0]}"
