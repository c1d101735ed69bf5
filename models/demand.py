"""Demand: how many units of this article will this store sell on each of the next days?"""

from models.definition import (
    Booster,
    Category,
    Definition,
    Flag,
    Gate,
    Kind,
    Number,
    Recipe,
    Target,
    Window,
    forecast,
)

FOUR_WEEKS = (
    14,
    13,
    15,
    16,
    19,
    24,
    8,
    12,
    14,
    13,
    17,
    18,
    22,
    9,
    13,
    15,
    14,
    16,
    20,
    25,
    8,
    14,
    12,
    16,
    15,
    19,
    23,
    9,
)

sales = Window(
    time="date",
    unit="units",
    period="day",
    series=("store_id", "sku_id"),
    covariates=(
        Number(
            name="price",
            description="Shelf price when the forecast is made",
            unit="EUR",
            minimum=0.01,
            maximum=10_000,
            example=2.49,
        ),
        Flag(name="promotion", description="Whether the article is promoted when the forecast is made", example=False),
        Category(
            name="category",
            description="Category of the article",
            levels=("bakery", "drinks", "household", "toys"),
            example="bakery",
            unseen="missing",
        ),
    ),
    maximum=1_000_000,
    example=FOUR_WEEKS,
)

definition = Definition(
    name="demand",
    title="Store demand",
    purpose="Forecast the daily sales of an article in a store for up to four weeks, to order and to staff by.",
    kind=Kind.FORECAST,
    view="sales_history",
    schema=sales.schema,
    target=Target(column="units", description="Units sold in the store that day", unit="units/day"),
    recipe=Recipe(
        time_column="date",
        sample_rows=2_100,
        booster=Booster(rounds=300, max_depth=5, learning_rate=0.1),
    ),
    gates=(Gate(metric="mase", at_most=0.73), Gate(metric="coverage", at_least=0.85)),
    policy=forecast(sales, coverage=0.9),
    limits=(
        "Price and promotion are those of the moment, as an entity's features are, not what is planned: a promotion is "
        "expected to end as most do. Trained from plain rows, it takes them for those of each day.",
        "Days on which the article was out of stock teach too little demand: leave them out of the history.",
        "The interval is that of each day; the sum over the horizon varies less than the sum of the days' bounds.",
    ),
)
