"""Source tables: events and changing attributes that features are computed from."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the sources of all views."""
    op.create_table(
        "customers",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("customer_id", sa.Text, nullable=False, comment="who"),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_customers"),
        comment="a person became a customer of the bank",
    )
    op.create_index("ix_customers_customer_id_joined_at", "customers", ["customer_id", "joined_at"])
    op.create_table(
        "accounts",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("account_id", sa.Text, nullable=False, comment="which account"),
        sa.Column("customer_id", sa.Text, nullable=False, comment="whose"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column("product", sa.Text, nullable=False, comment="kind of account"),
        sa.Column("status", sa.Text, nullable=False, comment="whether it can be used"),
        sa.Column(
            "credit_limit",
            sa.Numeric(precision=14, scale=2),
            nullable=False,
            comment="how far below 0 it may go, 0 without a credit line; EUR",
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("product in ('current', 'savings', 'credit_card', 'loan')", name="product"),
        sa.CheckConstraint("status in ('open', 'closed')", name="status"),
        sa.CheckConstraint("credit_limit between 0 and 10000000", name="credit_limit"),
        sa.PrimaryKeyConstraint("event_id", name="pk_accounts"),
        comment="an account was opened, changed or closed: the row is how it is from then on",
    )
    op.create_index("ix_accounts_customer_id_changed_at", "accounts", ["customer_id", "changed_at"])
    op.create_table(
        "transactions",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("account_id", sa.Text, nullable=False, comment="on which account"),
        sa.Column("customer_id", sa.Text, nullable=False, comment="whose account"),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column(
            "kind",
            sa.Text,
            nullable=False,
            comment="salary and income are earned, spend is spent, payment pays an instalment",
        ),
        sa.Column(
            "amount",
            sa.Numeric(precision=14, scale=2),
            nullable=False,
            comment="how much, never below 0: the kind tells the direction; EUR",
        ),
        sa.Column(
            "balance_after",
            sa.Numeric(precision=14, scale=2),
            nullable=False,
            comment="balance of the account after it; EUR",
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint(
            "kind in ('salary', 'income', 'spend', 'payment', 'transfer_in', 'transfer_out')",
            name="kind",
        ),
        sa.CheckConstraint("amount between 0 and 10000000", name="amount"),
        sa.CheckConstraint("balance_after between -10000000 and 10000000", name="balance_after"),
        sa.PrimaryKeyConstraint("event_id", name="pk_transactions"),
        comment="money came to an account or left it",
    )
    op.create_index("ix_transactions_customer_id_booked_at", "transactions", ["customer_id", "booked_at"])
    op.create_table(
        "instalments",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("instalment_id", sa.Text, nullable=False, comment="which instalment"),
        sa.Column("customer_id", sa.Text, nullable=False, comment="who is to pay it"),
        sa.Column(
            "agreed_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it was agreed on: known long before it falls due",
        ),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False, comment="until when it is to be paid"),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False, comment="how much; EUR"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("amount between 0 and 10000000", name="amount"),
        sa.PrimaryKeyConstraint("event_id", name="pk_instalments"),
        comment="an instalment of a loan was agreed on, or agreed on anew",
    )
    op.create_index("ix_instalments_customer_id_agreed_at", "instalments", ["customer_id", "agreed_at"])
    op.create_table(
        "payments",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("instalment_id", sa.Text, nullable=False, comment="which instalment"),
        sa.Column("customer_id", sa.Text, nullable=False, comment="who paid"),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False, comment="how much; EUR"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("amount between 0 and 10000000", name="amount"),
        sa.PrimaryKeyConstraint("event_id", name="pk_payments"),
        comment="an instalment was paid, in time or late",
    )
    op.create_index("ix_payments_customer_id_paid_at", "payments", ["customer_id", "paid_at"])
    op.create_table(
        "users",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("user_id", sa.Text, nullable=False, comment="who"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column(
            "country",
            sa.Text,
            nullable=True,
            comment="country of the billing address, ISO 3166 code; null when not known",
        ),
        sa.Column("source", sa.Text, nullable=True, comment="how the subscriber was won; null when not known"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_users"),
        comment="a person signed up for the learning service, or the billing address changed",
    )
    op.create_index("ix_users_user_id_changed_at", "users", ["user_id", "changed_at"])
    op.create_table(
        "activity",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("user_id", sa.Text, nullable=False, comment="who"),
        sa.Column(
            "ended_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when it ended: before, nobody knows how long it gets",
        ),
        sa.Column(
            "watch_minutes", sa.Numeric(precision=7, scale=2), nullable=False, comment="video watched in it; min"
        ),
        sa.Column("quizzes", sa.Integer, nullable=False, comment="quizzes finished in it; count"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("quizzes between 0 and 200", name="quizzes"),
        sa.CheckConstraint("watch_minutes between 0 and 1440", name="watch_minutes"),
        sa.PrimaryKeyConstraint("event_id", name="pk_activity"),
        comment="a learning session ended",
    )
    op.create_index("ix_activity_user_id_ended_at", "activity", ["user_id", "ended_at"])
    op.create_table(
        "subscriptions",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("user_id", sa.Text, nullable=False, comment="who"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column("change", sa.Text, nullable=False, comment="what happened"),
        sa.Column("plan", sa.Text, nullable=False, comment="the plan from then on; at an end the one that ended"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("change in ('begin', 'plan', 'end')", name="change"),
        sa.CheckConstraint("plan in ('free_trial', 'monthly', 'yearly', 'family')", name="plan"),
        sa.PrimaryKeyConstraint("event_id", name="pk_subscriptions"),
        comment="a subscription began, changed its plan or ended",
    )
    op.create_index("ix_subscriptions_user_id_changed_at", "subscriptions", ["user_id", "changed_at"])
    op.create_table(
        "payment_attempts",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("user_id", sa.Text, nullable=False, comment="who"),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("succeeded", sa.Boolean, nullable=False, comment="whether the money came"),
        sa.Column("amount", sa.Numeric(precision=14, scale=2), nullable=False, comment="how much; EUR"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("amount between 0 and 10000000", name="amount"),
        sa.PrimaryKeyConstraint("event_id", name="pk_payment_attempts"),
        comment="the service tried to collect a subscription's fee",
    )
    op.create_index("ix_payment_attempts_user_id_attempted_at", "payment_attempts", ["user_id", "attempted_at"])
    op.create_table(
        "items",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("item_id", sa.Text, nullable=False, comment="which"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column("category", sa.Text, nullable=False, comment="category of the item"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.PrimaryKeyConstraint("event_id", name="pk_items"),
        comment="an item came into the shop, or its category changed",
    )
    op.create_index("ix_items_item_id_changed_at", "items", ["item_id", "changed_at"])
    op.create_table(
        "item_prices",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("item_id", sa.Text, nullable=False, comment="of which"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column(
            "list_price", sa.Numeric(precision=14, scale=2), nullable=False, comment="price without discount; EUR"
        ),
        sa.Column(
            "discount",
            sa.Numeric(precision=5, scale=4),
            nullable=False,
            comment="part of the list price taken off; fraction",
        ),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("discount between 0 and 1", name="discount"),
        sa.CheckConstraint("list_price between 0 and 50000", name="list_price"),
        sa.PrimaryKeyConstraint("event_id", name="pk_item_prices"),
        comment="an item's price or discount changed",
    )
    op.create_index("ix_item_prices_item_id_changed_at", "item_prices", ["item_id", "changed_at"])
    op.create_table(
        "ratings",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("item_id", sa.Text, nullable=False, comment="which"),
        sa.Column("user_id", sa.Text, nullable=False, comment="who rated it"),
        sa.Column("rated_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("stars", sa.Numeric(precision=3, scale=2), nullable=False, comment="how much it is liked; stars"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("stars between 1 and 5", name="stars"),
        sa.PrimaryKeyConstraint("event_id", name="pk_ratings"),
        comment="somebody rated an item",
    )
    op.create_index("ix_ratings_item_id_rated_at", "ratings", ["item_id", "rated_at"], postgresql_include=["stars"])
    op.create_table(
        "shop_events",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("user_id", sa.Text, nullable=False, comment="the visitor"),
        sa.Column("item_id", sa.Text, nullable=False, comment="the item"),
        sa.Column("session_id", sa.Text, nullable=False, comment="the visit that it is part of"),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False, comment="when"),
        sa.Column("kind", sa.Text, nullable=False, comment="what happened"),
        sa.Column("device", sa.Text, nullable=False, comment="device of the session"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("device in ('desktop', 'phone', 'tablet')", name="device"),
        sa.CheckConstraint("kind in ('view', 'cart', 'uncart', 'purchase')", name="kind"),
        sa.PrimaryKeyConstraint("event_id", name="pk_shop_events"),
        comment="a visitor saw an item, put it into the cart, took it out or bought it",
    )
    op.create_index(
        "ix_shop_events_item_id_happened_at", "shop_events", ["item_id", "happened_at"], postgresql_include=["kind"]
    )
    op.create_index("ix_shop_events_user_id_happened_at", "shop_events", ["user_id", "happened_at"])
    op.create_table(
        "articles",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("sku_id", sa.Text, nullable=False, comment="which"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column("category", sa.Text, nullable=False, comment="category of the article"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("category in ('bakery', 'drinks', 'household', 'toys')", name="category"),
        sa.PrimaryKeyConstraint("event_id", name="pk_articles"),
        comment="an article was listed, or its category changed",
    )
    op.create_index("ix_articles_sku_id_changed_at", "articles", ["sku_id", "changed_at"])
    op.create_table(
        "shelf_prices",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("store_id", sa.Text, nullable=False, comment="in which store"),
        sa.Column("sku_id", sa.Text, nullable=False, comment="of which article"),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False, comment="from when it is so"),
        sa.Column("price", sa.Numeric(precision=14, scale=2), nullable=False, comment="price on the shelf; EUR"),
        sa.Column("promotion", sa.Boolean, nullable=False, comment="whether it is promoted from then on"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("price between 0.01 and 10000", name="price"),
        sa.PrimaryKeyConstraint("event_id", name="pk_shelf_prices"),
        comment="the price of an article in a store changed, or a promotion began or ended",
    )
    op.create_index("ix_shelf_prices_store_id_sku_id_changed_at", "shelf_prices", ["store_id", "sku_id", "changed_at"])
    op.create_table(
        "sales",
        sa.Column("event_id", sa.Text, nullable=False, comment="the row's own id"),
        sa.Column("store_id", sa.Text, nullable=False, comment="in which store"),
        sa.Column("sku_id", sa.Text, nullable=False, comment="which article"),
        sa.Column(
            "sold_at",
            sa.DateTime(timezone=True),
            nullable=False,
            comment="when; the UTC day of it is the day of the sale",
        ),
        sa.Column("units", sa.Numeric(precision=12, scale=3), nullable=False, comment="how many; units"),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("now()"),
            nullable=False,
            comment="when the row came to us",
        ),
        sa.CheckConstraint("units between 0 and 1000000", name="units"),
        sa.PrimaryKeyConstraint("event_id", name="pk_sales"),
        comment="units of an article were sold in a store: one row for a day, or several that count together",
    )
    op.create_index(
        "ix_sales_store_id_sku_id_sold_at", "sales", ["store_id", "sku_id", "sold_at"], postgresql_include=["units"]
    )


def downgrade() -> None:
    """Drop the sources with all they hold."""
    for table in reversed(_TABLES):
        op.drop_table(table)


_TABLES = (
    "customers",
    "accounts",
    "transactions",
    "instalments",
    "payments",
    "users",
    "activity",
    "subscriptions",
    "payment_attempts",
    "items",
    "item_prices",
    "ratings",
    "shop_events",
    "articles",
    "shelf_prices",
    "sales",
)
