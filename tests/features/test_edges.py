"""Moments at which histories are easily read wrong, one by one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from psycopg2.extensions import connection as Connection

from features.entity import Entity
from features.reader import Pair, read
from features.views import View, view
from tests.features.histories import AS_OF, Row, insert, query_on

BANK, LEARNING, SHOP, STORES = map(view, ("customer_behaviour", "user_engagement", "shop_sessions", "sales_history"))


def ago(**span: float) -> datetime:
    return AS_OF - timedelta(**span)


def booked(at: datetime, balance: float, *, account: str = "current", kind: str = "transfer_in") -> Row:
    return Row("transactions", at, (account, "ada", at, kind, 1, balance))


def values(view: View, connection: Connection, rows: list[Row], *ids: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        insert(cursor, rows)
    (row,) = read(view, [Pair(Entity(ids or ("ada",)), AS_OF)], query_on(connection))
    assert row.since is not None
    return dict(zip(view.columns, row.values, strict=True))


def test_a_booking_at_the_edge_of_the_window_comes_after_those_before_it(connection: Connection) -> None:
    rows = [booked(ago(days=90), 5), booked(ago(days=91), -7)]  # the later one with the smaller id
    found = values(BANK, connection, rows)
    assert (found["balance"], found["balance_mean_90d"], found["overdraft_days_90d"]) == (5, 5, 0)


def test_bookings_of_one_moment_are_one_step(connection: Connection) -> None:
    at = ago(days=3, hours=6)
    rows = [booked(ago(days=5), 100), booked(at, -900), booked(at, 100)]
    found = values(BANK, connection, rows)
    assert (found["balance_min_30d"], found["overdraft_days_30d"]) == (100, 0)


def test_days_below_zero_are_counted_once_and_only_within_the_window(connection: Connection) -> None:
    rows = [
        booked(ago(days=100), -1),
        booked(ago(days=89, hours=12), 1),  # the 90th day back: below 0 for its first half
        booked(ago(days=2, hours=6), -1),
        booked(ago(days=2, hours=5), 1),
        booked(ago(days=2, hours=3), -1),
        booked(ago(days=2), 1),
    ]
    found = values(BANK, connection, rows)
    assert (found["overdraft_days_30d"], found["overdraft_days_90d"]) == (1, 2)


def test_an_instalment_that_is_agreed_on_anew_is_due_when_the_last_agreement_says(connection: Connection) -> None:
    def agreed(at: datetime, due_at: datetime, amount: float) -> Row:
        return Row("instalments", at, ("loan 1", "ada", at, due_at, amount))

    rows = [
        agreed(ago(days=60), ago(days=20), 100),
        agreed(ago(days=30), AS_OF + timedelta(days=10), 70),
        agreed(AS_OF, AS_OF + timedelta(days=5), 1),
    ]
    found = values(BANK, connection, rows)
    assert (found["due_30d"], found["missed_payments_90d"], found["late_payments_90d"]) == (70, 0, 0)


def test_what_falls_due_at_the_moment_itself_is_due_and_not_missed(connection: Connection) -> None:
    at = ago(days=60)
    found = values(BANK, connection, [Row("instalments", at, ("loan 1", "ada", at, AS_OF, 100))])
    assert (found["due_30d"], found["missed_payments_90d"]) == (100, 0)


def test_what_is_paid_at_the_due_moment_is_in_time_and_only_the_first_payment_counts(connection: Connection) -> None:
    rows: list[Row] = []
    paid_days_ago: tuple[tuple[float, ...], ...] = ((10,), (9, 10), (10, 5), (9.5, 9))
    for number, payments in enumerate(paid_days_ago):  # all fall due 10 days ago
        loan, at = f"loan {number}", ago(days=60)
        rows.append(Row("instalments", at, (loan, "ada", at, ago(days=10), 100)))
        rows += [Row("payments", ago(days=days), (loan, "ada", ago(days=days), 50)) for days in payments]
    found = values(BANK, connection, rows)
    assert (found["late_payments_90d"], found["missed_payments_90d"], found["days_since_payment"]) == (1, 0, 5)


def test_a_closed_account_has_no_limit_and_is_no_product_but_keeps_its_balance(connection: Connection) -> None:
    def state(at: datetime, status: str) -> Row:
        return Row("accounts", at, ("current", "ada", at, "current", status, 500))

    rows = [state(ago(days=9), "open"), state(ago(days=2), "closed"), booked(ago(days=5), -20)]
    found = values(BANK, connection, rows)
    assert (found["credit_limit"], found["credit_utilisation"], found["product_count"]) == (0, None, 0)
    assert found["balance"] == -20


def test_a_card_s_debt_is_use_of_credit_and_no_balance(connection: Connection) -> None:
    at = ago(days=9)
    card = Row("accounts", at, ("card", "ada", at, "credit_card", "open", 200))
    rows = [card, booked(ago(days=5), -50, account="card", kind="spend"), booked(ago(days=5), 30)]
    found = values(BANK, connection, rows)
    assert (found["balance"], found["credit_utilisation"], found["spend_7d"]) == (30, 0.25, 1)


def test_who_begins_again_has_the_tenure_of_the_new_subscription(connection: Connection) -> None:
    def changed(at: datetime, change: str, plan: str) -> Row:
        return Row("subscriptions", at, ("ada", at, change, plan))

    rows = [changed(ago(days=300), "begin", "yearly"), changed(ago(days=100), "end", "yearly")]
    rows += [changed(ago(days=40), "begin", "monthly"), changed(ago(days=3), "plan", "family")]
    found = values(LEARNING, connection, rows)
    assert (found["tenure_days"], found["plan"]) == (40, "family")


def shelf(*happened: tuple[datetime, str, str]) -> list[Row]:
    """The lamp on its shelf, and what ada did with it: when, in which session, what."""
    at = ago(days=500)
    rows = [Row("items", at, ("lamp", at, "home")), Row("item_prices", at, ("lamp", at, 40, 0.25))]
    return rows + [Row("shop_events", when, ("ada", "lamp", one, when, kind, "phone")) for when, one, kind in happened]


def test_a_session_goes_on_for_half_an_hour_of_silence_and_then_is_over(connection: Connection) -> None:
    rows = shelf((ago(minutes=50), "one", "view"), (ago(minutes=30), "one", "view"))
    found = values(SHOP, connection, rows, "ada", "lamp")
    assert (found["session_minutes"], found["session_item_views"]) == (50, 2)
    connection.rollback()
    rows = shelf((ago(minutes=50), "one", "view"), (ago(minutes=30, microseconds=1), "one", "view"))
    found = values(SHOP, connection, rows, "ada", "lamp")
    assert (found["session_minutes"], found["session_item_views"], found["user_views_7d"]) == (0, 0, 2)


def test_an_item_lies_in_the_cart_until_it_is_taken_out_or_bought(connection: Connection) -> None:
    for last, holds in (("view", True), ("uncart", False), ("purchase", False), ("cart", True)):
        rows = shelf((ago(days=2), "one", "cart"), (ago(minutes=5), "two", last))
        assert values(SHOP, connection, rows, "ada", "lamp")["in_cart"] is holds
        connection.rollback()


def test_a_short_history_of_sales_is_filled_up_with_zeros(connection: Connection) -> None:
    listed = ago(days=300)
    rows = [
        Row("articles", listed, ("bun", listed, "bakery")),
        Row("shelf_prices", listed, ("shop", "bun", listed, 2.5, True)),
        Row("sales", ago(days=3), ("shop", "bun", ago(days=3), 4)),
        Row("sales", ago(days=3, minutes=-5), ("shop", "bun", ago(days=3, minutes=-5), 1.5)),
        Row("sales", ago(minutes=5), ("shop", "bun", ago(minutes=5), 9)),
    ]
    found = values(STORES, connection, rows, "shop", "bun")
    assert found["date"] == "2026-03-30"
    assert found["history"] == [0.0] * 25 + [5.5, 0.0, 0.0], "what was sold today is not yet a day"


def test_of_rows_of_one_moment_the_one_with_the_later_id_is_the_latest(connection: Connection) -> None:
    rows = shelf()
    at, priced_at = ago(minutes=5), ago(days=9)
    rows += [Row("shop_events", at, ("ada", "lamp", "one", at, "cart", "phone"))]
    rows += [Row("shop_events", at, ("ada", "lamp", "two", at, "uncart", "tablet"))]
    rows += [Row("item_prices", priced_at, ("lamp", priced_at, price, 0)) for price in (70, 60)]
    rows += [Row("items", priced_at, ("lamp", priced_at, category)) for category in ("toys", "books")]
    found = values(SHOP, connection, rows, "ada", "lamp")
    assert (found["device"], found["in_cart"], found["price"], found["category"]) == ("tablet", False, 60, "books")
