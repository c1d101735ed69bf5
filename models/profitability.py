"""Profitability: what margin will this client bring in a month, and how sure is it?"""

from models.definition import (
    Booster,
    Category,
    Definition,
    Estimated,
    Gate,
    Kind,
    Number,
    Recipe,
    RegressionPolicy,
    Schema,
    Target,
)

THIN = 0.15
"""A margin below this part of the revenue is thin: it does not cover the overhead that is not charged to clients."""


def judge(estimated: Estimated) -> dict[str, object]:
    """The margin as a part of the revenue (null without revenue), what to call it, and what moved it most."""
    revenue = estimated.record["revenue"]
    rate = estimated.estimate / revenue if isinstance(revenue, int | float) and revenue > 0 else None
    verdict = "loss" if estimated.estimate < 0 else "thin" if rate is None or rate < THIN else "healthy"
    drivers = [driver._asdict() for driver in estimated.drivers]
    return {"margin_rate": rate, "verdict": verdict, "loss_possible": estimated.low < 0, "drivers": drivers}


def _share(name: str, description: str, example: float) -> Number:
    return Number(name=name, description=description, unit="fraction", minimum=0, maximum=1, example=example)


def _count(name: str, description: str, unit: str, maximum: float, example: float) -> Number:
    return Number(
        name=name, description=description, unit=unit, minimum=0, maximum=maximum, example=example, whole=True
    )


definition = Definition(
    name="profitability",
    title="Client profitability",
    purpose="Estimate what a client's next month will bring after all that serving it costs.",
    kind=Kind.REGRESSION,
    schema=Schema(
        (
            Number(
                name="revenue",
                description="Revenue expected in the month, after discounts",
                unit="EUR/month",
                minimum=0,
                maximum=10_000_000,
                example=4350.0,
            ),
            _share("discount", "Discount on list prices", 0.08),
            _share("software_share", "Software in the revenue", 0.45),
            _share("hardware_share", "Hardware in the revenue", 0.2),
            _share("services_share", "Services in the revenue", 0.35),
            Category(
                name="segment",
                description="Segment of the client",
                levels=("small", "middle", "enterprise", "public"),
                example="middle",
            ),
            Category(
                name="region",
                description="Region that serves the client; others count as missing",
                levels=("north", "south", "east", "west", "abroad"),
                example="west",
                unseen="missing",
            ),
            Category(
                name="channel",
                description="How the client buys",
                levels=("direct", "partner", "online"),
                example="direct",
            ),
            _count("tenure_months", "Months since the first contract", "months", 720, 26),
            _count("seats", "People who use the products", "people", 1_000_000, 34),
            _count("tickets_90d", "Support tickets in the last 90 days", "tickets", 100_000, 9),
            Number(
                name="hours_per_ticket",
                description="Mean working time on a ticket",
                unit="h",
                minimum=0,
                maximum=100,
                example=1.2,
            ),
            _count("orders_30d", "Orders in the last 30 days", "orders", 100_000, 8),
            _count("returns_30d", "Returned orders in the last 30 days", "orders", 100_000, 1),
            _count("payment_days", "Mean days from invoice to payment", "days", 3650, 31),
            _count("locations", "Locations that are served", "locations", 10_000, 2),
            _count("custom_interfaces", "Interfaces built and kept up for this client alone", "interfaces", 1_000, 0),
        )
    ),
    target=Target(column="margin", description="Revenue less all costs of serving the client", unit="EUR/month"),
    recipe=Recipe(group_column="client_id", booster=Booster(rounds=900, max_depth=4, learning_rate=0.06)),
    gates=(
        Gate(metric="r2", at_least=0.82),
        Gate(metric="coverage", at_least=0.87),
        Gate(metric="coverage", at_most=0.94),
    ),
    policy=RegressionPolicy(coverage=0.9, drivers=3, answer=judge),
    limits=(
        "It says what is to be expected of a month like those it was trained on, not what a change of price would do.",
        "Write-offs and single large projects cannot be foreseen from these features; the interval does not hold them.",
        "Overhead that is not charged to clients is not in the margin.",
    ),
)
