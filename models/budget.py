"""Advertising budget: how should it be spread over the channels, and what does the next euro bring in each?"""

from models.definition import (
    Category,
    Definition,
    Expansion,
    Feature,
    Flag,
    Gate,
    Kind,
    Number,
    Recipe,
    Schema,
    Target,
)
from models.optimising import allocation
from models.optimising.allocation import CHANNELS, Channel

CONTEXT: tuple[Feature, ...] = (
    Category(
        name="season",
        description="Season of the week",
        levels=("winter", "spring", "summer", "autumn"),
        example="autumn",
    ),
    Flag(name="promotion", description="Whether a promotion runs in the week", example=False),
)


def _money(name: str, description: str, example: float, *, missing: bool = False) -> Number:
    return Number(
        name=name,
        description=description,
        unit="EUR/week",
        minimum=0,
        maximum=10_000_000,
        example=example,
        missing=missing,
    )


def _bounds(channel: Channel) -> tuple[Feature, ...]:
    least = f"Least to spend on {channel.label}; by default nothing"
    most = f"Most to spend on {channel.label}; by default {channel.largest:,.0f}, the largest in the training rows"
    return (
        _money(f"{channel.name}_min", least, 0, missing=True),
        _money(f"{channel.name}_max", most, channel.largest, missing=True),
    )


SPENDS = tuple(f"{channel.name}_spend" for channel in CHANNELS)

definition = Definition(
    name="budget",
    title="Advertising budget",
    purpose="Spread a week's advertising budget over the channels so that it brings the highest expected revenue.",
    kind=Kind.OPTIMISER,
    schema=Schema(
        (
            _money("total_budget", "What is to be spent on all channels together", 60_000),
            *CONTEXT,
            *(bound for channel in CHANNELS for bound in _bounds(channel)),
        )
    ),
    target=Target(column="revenue", description="Revenue of the market in the week", unit="EUR/week"),
    recipe=Recipe(form="linear", saturating=SPENDS, group_column="market_id", sample_rows=6_000),
    gates=(Gate(metric="r2", at_least=0.85), Gate(metric="coverage", at_least=0.85)),
    policy=Expansion(
        inputs=Schema(
            (
                *(
                    _money(name, f"Spent on {channel.label} in the week", channel.example)
                    for name, channel in zip(SPENDS, CHANNELS, strict=True)
                ),
                *CONTEXT,
            )
        ),
        unit="EUR/week",
        rows=allocation.rows,
        combine=allocation.combine,
    ),
    limits=(
        "It reads effects from spends that were varied on purpose; where spending followed the expected demand, it "
        "credits the channels with what the demand did.",
        "What a channel does for another, or in later weeks, is not seen.",
        "It maximises revenue, not profit: what the goods cost is not deducted.",
    ),
)
