"""Source tables: what happened, and what changed, in the businesses that features are computed from.

Rows are only added. Every row has an id of its own (sent twice, it counts once), the ids of the entities that it is
about and the moment from which it was known: an attribute that changes (a plan, a price, a limit) is a row for every
change, so that any past moment sees the value of that time. `recorded_at` is when the row came to us.

A column's `info` says more than its type: `{"part": "id" | "entity" | "time"}`, and what values may be (`minimum`,
`maximum`, `levels`, `longest`), which the database checks too.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Boolean, CheckConstraint, Column, DateTime, Index, Integer, Numeric, Table, Text, text
from sqlalchemy.schema import SchemaItem

from storage.tables.metadata import metadata

ID_LONGEST = 128
MOST_MONEY = 10_000_000
COUNTRY_LONGEST = SOURCE_LONGEST = CATEGORY_LONGEST = 64


def _source(name: str, comment: str, *parts: SchemaItem) -> Table:
    return Table(
        name,
        metadata,
        Column("event_id", Text, primary_key=True, comment="the row's own id", info={"part": "id"}),
        *parts,
        Column(
            "recorded_at",
            DateTime(timezone=True),
            nullable=False,
            server_default=text("now()"),
            comment="when the row came to us",
        ),
        comment=comment,
        info={"source": True},
    )


def _entity(name: str, comment: str) -> Column[str]:
    return Column(name, Text, nullable=False, comment=comment, info={"part": "entity", "longest": ID_LONGEST})


def _reference(name: str, comment: str) -> Column[str]:
    return Column(name, Text, nullable=False, comment=comment, info={"longest": ID_LONGEST})


def _time(name: str, comment: str) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=False, comment=comment, info={"part": "time"})


def _text(name: str, comment: str, longest: int, *, nullable: bool = True) -> Column[str]:
    return Column(name, Text, nullable=nullable, comment=comment, info={"longest": longest})


def _level(name: str, comment: str, *levels: str) -> tuple[Column[str], CheckConstraint]:
    listed = ", ".join(f"'{level}'" for level in levels)
    column: Column[str] = Column(name, Text, nullable=False, comment=comment, info={"levels": levels})
    return column, CheckConstraint(f"{name} in ({listed})", name=name)


def _number(
    name: str, comment: str, minimum: float, maximum: float, kind: Any = None
) -> tuple[Column[Any], CheckConstraint]:
    info = {"minimum": minimum, "maximum": maximum}
    column: Column[Any] = Column(name, kind or Numeric(14, 2), nullable=False, comment=comment, info=info)
    return column, CheckConstraint(f"{name} between {minimum} and {maximum}", name=name)


# A bank.

customers = _source(
    "customers",
    "a person became a customer of the bank",
    _entity("customer_id", "who"),
    _time("joined_at", "when"),
    Index(None, "customer_id", "joined_at"),
)

accounts = _source(
    "accounts",
    "an account was opened, changed or closed: the row is how it is from then on",
    _reference("account_id", "which account"),
    _entity("customer_id", "whose"),
    _time("changed_at", "from when it is so"),
    *_level("product", "kind of account", "current", "savings", "credit_card", "loan"),
    *_level("status", "whether it can be used", "open", "closed"),
    *_number("credit_limit", "how far below 0 it may go, 0 without a credit line; EUR", 0, MOST_MONEY),
    Index(None, "customer_id", "changed_at"),
)

transactions = _source(
    "transactions",
    "money came to an account or left it",
    _reference("account_id", "on which account"),
    _entity("customer_id", "whose account"),
    _time("booked_at", "when"),
    *_level(
        "kind",
        "salary and income are earned, spend is spent, payment pays an instalment",
        "salary",
        "income",
        "spend",
        "payment",
        "transfer_in",
        "transfer_out",
    ),
    *_number("amount", "how much, never below 0: the kind tells the direction; EUR", 0, MOST_MONEY),
    *_number("balance_after", "balance of the account after it; EUR", -MOST_MONEY, MOST_MONEY),
    Index(None, "customer_id", "booked_at"),
)

instalments = _source(
    "instalments",
    "an instalment of a loan was agreed on, or agreed on anew",
    _reference("instalment_id", "which instalment"),
    _entity("customer_id", "who is to pay it"),
    _time("agreed_at", "when it was agreed on: known long before it falls due"),
    Column("due_at", DateTime(timezone=True), nullable=False, comment="until when it is to be paid"),
    *_number("amount", "how much; EUR", 0, MOST_MONEY),
    Index(None, "customer_id", "agreed_at"),
)

payments = _source(
    "payments",
    "an instalment was paid, in time or late",
    _reference("instalment_id", "which instalment"),
    _entity("customer_id", "who paid"),
    _time("paid_at", "when"),
    *_number("amount", "how much; EUR", 0, MOST_MONEY),
    Index(None, "customer_id", "paid_at"),
)

# A learning service.

users = _source(
    "users",
    "a person signed up for the learning service, or the billing address changed",
    _entity("user_id", "who"),
    _time("changed_at", "from when it is so"),
    _text("country", "country of the billing address, ISO 3166 code; null when not known", COUNTRY_LONGEST),
    _text("source", "how the subscriber was won; null when not known", SOURCE_LONGEST),
    Index(None, "user_id", "changed_at"),
)

activity = _source(
    "activity",
    "a learning session ended",
    _entity("user_id", "who"),
    _time("ended_at", "when it ended: before, nobody knows how long it gets"),
    *_number("watch_minutes", "video watched in it; min", 0, 1440, Numeric(7, 2)),
    *_number("quizzes", "quizzes finished in it; count", 0, 200, Integer),
    Index(None, "user_id", "ended_at"),
)

subscriptions = _source(
    "subscriptions",
    "a subscription began, changed its plan or ended",
    _entity("user_id", "who"),
    _time("changed_at", "from when it is so"),
    *_level("change", "what happened", "begin", "plan", "end"),
    *_level("plan", "the plan from then on; at an end the one that ended", "free_trial", "monthly", "yearly", "family"),
    Index(None, "user_id", "changed_at"),
)

payment_attempts = _source(
    "payment_attempts",
    "the service tried to collect a subscription's fee",
    _entity("user_id", "who"),
    _time("attempted_at", "when"),
    Column("succeeded", Boolean, nullable=False, comment="whether the money came"),
    *_number("amount", "how much; EUR", 0, MOST_MONEY),
    Index(None, "user_id", "attempted_at"),
)

# A shop.

items = _source(
    "items",
    "an item came into the shop, or its category changed",
    _entity("item_id", "which"),
    _time("changed_at", "from when it is so"),
    _text("category", "category of the item", CATEGORY_LONGEST, nullable=False),
    Index(None, "item_id", "changed_at"),
)

item_prices = _source(
    "item_prices",
    "an item's price or discount changed",
    _entity("item_id", "of which"),
    _time("changed_at", "from when it is so"),
    *_number("list_price", "price without discount; EUR", 0, 50_000),
    *_number("discount", "part of the list price taken off; fraction", 0, 1, Numeric(5, 4)),
    Index(None, "item_id", "changed_at"),
)

ratings = _source(
    "ratings",
    "somebody rated an item",
    _entity("item_id", "which"),
    _reference("user_id", "who rated it"),
    _time("rated_at", "when"),
    *_number("stars", "how much it is liked; stars", 1, 5, Numeric(3, 2)),
    Index(None, "item_id", "rated_at", postgresql_include=["stars"]),
)

shop_events = _source(
    "shop_events",
    "a visitor saw an item, put it into the cart, took it out or bought it",
    _entity("user_id", "the visitor"),
    _entity("item_id", "the item"),
    _reference("session_id", "the visit that it is part of"),
    _time("happened_at", "when"),
    *_level("kind", "what happened", "view", "cart", "uncart", "purchase"),
    *_level("device", "device of the session", "desktop", "phone", "tablet"),
    Index(None, "user_id", "happened_at"),
    Index(None, "item_id", "happened_at", postgresql_include=["kind"]),
)

# Stores.

articles = _source(
    "articles",
    "an article was listed, or its category changed",
    _entity("sku_id", "which"),
    _time("changed_at", "from when it is so"),
    *_level("category", "category of the article", "bakery", "drinks", "household", "toys"),
    Index(None, "sku_id", "changed_at"),
)

shelf_prices = _source(
    "shelf_prices",
    "the price of an article in a store changed, or a promotion began or ended",
    _entity("store_id", "in which store"),
    _entity("sku_id", "of which article"),
    _time("changed_at", "from when it is so"),
    *_number("price", "price on the shelf; EUR", 0.01, 10_000),
    Column("promotion", Boolean, nullable=False, comment="whether it is promoted from then on"),
    Index(None, "store_id", "sku_id", "changed_at"),
)

sales = _source(
    "sales",
    "units of an article were sold in a store: one row for a day, or several that count together",
    _entity("store_id", "in which store"),
    _entity("sku_id", "which article"),
    _time("sold_at", "when; the UTC day of it is the day of the sale"),
    *_number("units", "how many; units", 0, 1_000_000, Numeric(12, 3)),
    Index(None, "store_id", "sku_id", "sold_at", postgresql_include=["units"]),
)

SOURCES: dict[str, Table] = {
    table.name: table
    for table in (
        customers,
        accounts,
        transactions,
        instalments,
        payments,
        users,
        activity,
        subscriptions,
        payment_attempts,
        items,
        item_prices,
        ratings,
        shop_events,
        articles,
        shelf_prices,
        sales,
    )
}
"""The tables that events come into, by name."""
