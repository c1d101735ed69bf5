"""Purchase: will this shop visitor buy this item in the current session?"""

from models.definition import (
    BinaryPolicy,
    Booster,
    Category,
    Decided,
    Definition,
    F1Threshold,
    Feature,
    Flag,
    Gate,
    Kind,
    Level,
    Number,
    Recipe,
    Schema,
    Target,
)


def classify(decided: Decided) -> dict[str, object]:
    """The class at the caller's threshold, with the probability of a purchase and the confidence in the class."""
    return {
        "class": "purchase" if decided.label else "no_purchase",
        "probability": decided.score,
        "confidence": decided.confidence,
    }


def _over_windows(name: str, description: str, maximum: int, example: int) -> tuple[Feature, ...]:
    """The same event counted over the last 7 and 30 days."""
    return tuple(
        Number(
            name=f"{name}_{days}d",
            description=f"{description} in the last {days} days",
            unit="events",
            minimum=0,
            maximum=maximum,
            example=example * (1 if days == 7 else 3),
            whole=True,
        )
        for days in (7, 30)
    )


definition = Definition(
    name="purchase",
    title="Purchase intent",
    purpose="Rank the items of a session by the chance that the visitor buys them now.",
    kind=Kind.BINARY,
    view="shop_sessions",
    schema=Schema(
        (
            *_over_windows("user_views", "Item pages this visitor saw", 10_000, 14),
            *_over_windows("user_carts", "Items this visitor put into the cart", 1_000, 2),
            *_over_windows("user_purchases", "Items this visitor bought", 500, 1),
            *_over_windows("item_views", "Times this item was seen by anyone", 1_000_000, 31),
            *_over_windows("item_purchases", "Times this item was bought by anyone", 100_000, 3),
            Number(
                name="session_minutes",
                description="Minutes since the session began",
                unit="min",
                minimum=0,
                maximum=1440,
                example=7.5,
            ),
            Number(
                name="session_item_views",
                description="Times the visitor saw this item in this session",
                unit="events",
                minimum=0,
                maximum=1000,
                example=2,
                whole=True,
            ),
            Flag(name="in_cart", description="Whether the item lies in the visitor's cart", example=True),
            Number(name="price", description="Price shown", unit="EUR", minimum=0, maximum=50_000, example=39.9),
            Number(
                name="discount",
                description="Part of the list price taken off",
                unit="fraction",
                minimum=0,
                maximum=1,
                example=0.15,
            ),
            Number(
                name="rating",
                description="Mean rating of the item; missing when nobody rated it",
                unit="stars",
                minimum=1,
                maximum=5,
                example=4.3,
                missing=True,
            ),
            Category(
                name="category",
                description="Category of the item",
                levels=("books", "clothing", "electronics", "garden", "groceries", "home", "sports", "toys"),
                example="home",
                unseen="missing",
            ),
            Category(
                name="device",
                description="Device of the session",
                levels=("desktop", "phone", "tablet"),
                example="phone",
            ),
        )
    ),
    target=Target(column="purchased", description="1 when the visitor bought the item within the session"),
    recipe=Recipe(
        group_column="user_id",
        sample_rows=20_000,
        booster=Booster(rounds=600, max_depth=3, learning_rate=0.05),
    ),
    gates=(
        Gate(metric="roc_auc", at_least=0.75),
        Gate(metric="average_precision", at_least=0.45),
        Gate(metric="expected_calibration_error", at_most=0.03),
    ),
    policy=BinaryPolicy(
        threshold=F1Threshold(),
        levels=(Level("LOW", 0.0), Level("MEDIUM", 0.1), Level("HIGH", 0.3), Level("VERY_HIGH", 0.6)),
        answer=classify,
    ),
    limits=(
        "Trained on single items of a session: it does not know that two items exclude each other.",
        "Trained on moments right after the visitor did something with the item: of others it knows little.",
    ),
)
