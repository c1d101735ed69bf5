"""Pricing: which price brings the highest expected profit, and how sure is the demand behind it?"""

from models.definition import (
    Booster,
    Category,
    Definition,
    Expansion,
    Gate,
    Kind,
    Number,
    Recipe,
    Schema,
    Target,
)
from models.optimising import price_search

CATEGORY = Category(
    name="category",
    description="Category of the item",
    levels=("audio", "beauty", "fashion", "garden", "kitchen", "toys"),
    example="kitchen",
)
SEASON = Category(
    name="season",
    description="Season of the week that the price is for",
    levels=("winter", "spring", "summer", "autumn"),
    example="autumn",
)
VIEWS = Number(
    name="weekly_views",
    description="Times the item's page is expected to be seen in the week",
    unit="views/week",
    minimum=0,
    maximum=1_000_000,
    example=800,
    whole=True,
)
RATING = Number(
    name="rating",
    description="Mean rating of the item; missing when nobody rated it",
    unit="stars",
    minimum=1,
    maximum=5,
    example=4.2,
    missing=True,
)


def _money(name: str, description: str, example: float, *, minimum: float = 0.0, missing: bool = False) -> Number:
    return Number(
        name=name,
        description=description,
        unit="EUR",
        minimum=minimum,
        maximum=50_000,
        example=example,
        missing=missing,
    )


definition = Definition(
    name="pricing",
    title="Price recommendation",
    purpose="Recommend the price of an item for the coming week that brings the highest expected profit.",
    kind=Kind.OPTIMISER,
    schema=Schema(
        (
            CATEGORY,
            SEASON,
            _money("unit_cost", "What one unit costs to buy, ship and handle", 19.5),
            _money("current_price", "The usual price of the item today", 34.9, minimum=0.05),
            _money("competitor_price", "The cheapest competitor's price", 36.5, minimum=0.05, missing=True),
            VIEWS,
            RATING,
            _money("min_price", "Lowest price allowed; by default 30 % below the current one", 28.0, missing=True),
            _money("max_price", "Highest price allowed; by default 30 % above the current one", 43.0, missing=True),
            _money(
                "price_step",
                "Prices are multiples of it; by default of a cent",
                0.1,
                minimum=price_search.CENT,
                missing=True,
            ),
        )
    ),
    target=Target(column="units", description="Units sold in the week", unit="units/week"),
    recipe=Recipe(
        group_column="item_id",
        sample_rows=50_000,
        booster=Booster(
            rounds=1500,
            max_depth=6,
            learning_rate=0.05,
            monotone=(("price", -1), ("price_vs_current", -1), ("price_vs_competitor", -1), ("weekly_views", 1)),
        ),
    ),
    gates=(Gate(metric="r2", at_least=0.82), Gate(metric="coverage", at_least=0.86)),
    policy=Expansion(
        inputs=Schema(
            (
                CATEGORY,
                SEASON,
                _money("price", "Price of the week", 34.9),
                Number(
                    name="price_vs_current",
                    description="Price as a part of the item's usual price",
                    unit="ratio",
                    minimum=0,
                    maximum=1_000_000,
                    example=1.0,
                ),
                Number(
                    name="price_vs_competitor",
                    description="Price as a part of the cheapest competitor's; missing when it is not known",
                    unit="ratio",
                    minimum=0,
                    maximum=1_000_000,
                    example=0.956,
                    missing=True,
                ),
                VIEWS,
                RATING,
            )
        ),
        unit="EUR/week",
        rows=price_search.rows,
        combine=price_search.combine,
    ),
    limits=(
        "It reads price effects from prices that were set without regard to demand; where promotions or shortages set "
        "the prices, the curve is biased and needs a price test first.",
        "It knows one item at a time: not what customers buy instead, not the stock, not a competitor's reaction.",
        "The best of many estimates is a lucky one: on synthetic items the gain was overstated by some 4 per cent of "
        "the profit at the median.",
        "Prices below 0.65 or above 1.4 times the current one are considered only when the bounds leave no others.",
    ),
)
