"""Revenue leak: was less billed on this invoice line than the contract allows, and how much is at risk?"""

from models.definition import (
    BinaryPolicy,
    Booster,
    Category,
    CostThreshold,
    Decided,
    Definition,
    Flag,
    Gate,
    Kind,
    Level,
    Number,
    Recipe,
    Schema,
    Target,
)

CHECK_COST = 25.0
"""EUR of working time that one manual check of a line takes."""
TYPICAL_LEAK = 300.0
"""EUR, the mean of the confirmed leaks in the training rows: what a missed one costs."""


def at_risk(decided: Decided) -> dict[str, object]:
    """How likely a leak is, what it would amount to, and the product of both, by which a batch is ranked (EUR)."""
    amount = max(decided.amount or 0.0, 0.0)
    return {
        "leak_probability": decided.score,
        "amount_if_leak": amount,
        "expected_amount_at_risk": decided.score * amount,
    }


def _fraction(name: str, description: str, example: float) -> Number:
    return Number(name=name, description=description, unit="fraction", minimum=0, maximum=1, example=example)


def _price(name: str, description: str, example: float) -> Number:
    return Number(name=name, description=description, unit="EUR/unit", minimum=0, maximum=1_000_000, example=example)


def _units(name: str, description: str, example: float, *, missing: bool = False) -> Number:
    return Number(
        name=name,
        description=description,
        unit="units",
        minimum=0,
        maximum=100_000_000,
        example=example,
        missing=missing,
    )


definition = Definition(
    name="revenue_leak",
    title="Revenue leak",
    purpose="Find invoice lines that were billed too low, the costly ones first, before the period is closed.",
    kind=Kind.BINARY,
    schema=Schema(
        (
            Category(
                name="product_line",
                description="Product line; others count as missing",
                levels=("cloud", "telecom", "software", "support", "services", "goods"),
                example="cloud",
                unseen="missing",
            ),
            Category(
                name="currency",
                description="Currency of the contract, ISO 4217 code; others count as missing",
                levels=("EUR", "USD", "GBP", "CHF", "SEK"),
                example="EUR",
                unseen="missing",
            ),
            Category(
                name="billing_system",
                description="How the line was made",
                levels=("automatic", "imported", "manual"),
                example="imported",
            ),
            _price("contracted_price", "Price in the contract, in EUR at the day's rate", 0.95),
            _price("billed_price", "Price on the line, in EUR at the day's rate", 0.88),
            _units("metered_units", "Units that the meter counted; missing where there is none", 1730.0, missing=True),
            _units("billed_units", "Units on the line", 1640),
            _units("usual_units", "Mean units of the last six months", 1690.5),
            _fraction("estimated_readings", "Part of the meter's readings that were estimated; 0 without meter", 0.04),
            _fraction("discount_agreed", "Discount in the contract; 0 once its term has ended", 0.1),
            _fraction("discount_applied", "Discount on the line", 0.1),
            Number(
                name="invoice_amount",
                description="Net amount of the line",
                unit="EUR",
                minimum=0,
                maximum=100_000_000,
                example=1298.88,
            ),
            Number(
                name="contract_age_days",
                description="Days since the contract began",
                unit="days",
                minimum=0,
                maximum=18_250,
                example=820,
                whole=True,
            ),
            Number(
                name="days_to_renewal",
                description="Days until the term ends; negative once it has ended without a renewal",
                unit="days",
                minimum=-3650,
                maximum=3650,
                example=120,
                whole=True,
            ),
            Number(
                name="days_since_price_change",
                description="Days since the contract's price was last changed; missing when it never was",
                unit="days",
                minimum=0,
                maximum=18_250,
                example=45,
                whole=True,
                missing=True,
            ),
            Number(
                name="amendments",
                description="Amendments to the contract",
                unit="amendments",
                minimum=0,
                maximum=200,
                example=2,
                whole=True,
            ),
            Number(
                name="disputes_365d",
                description="Invoices that the customer disputed in the last 365 days",
                unit="invoices",
                minimum=0,
                maximum=200,
                example=0,
                whole=True,
            ),
            Flag(name="manual_override", description="Whether somebody changed the line by hand", example=False),
        )
    ),
    target=Target(column="leak", description="1 when an audit confirmed that less was billed than was owed"),
    amount=Target(
        column="leak_amount", unit="EUR", description="Amount that the audit confirmed; missing where there is no leak"
    ),
    recipe=Recipe(group_column="contract_id", booster=Booster(rounds=900, max_depth=5, learning_rate=0.06)),
    gates=(
        Gate(metric="roc_auc", at_least=0.88),
        Gate(metric="average_precision", at_least=0.6),
        Gate(metric="expected_calibration_error", at_most=0.02),
    ),
    policy=BinaryPolicy(
        threshold=CostThreshold(miss=TYPICAL_LEAK, alarm=CHECK_COST),
        levels=(Level("LOW", 0.0), Level("MEDIUM", 0.08), Level("HIGH", 0.3), Level("CRITICAL", 0.7)),
        answer=at_risk,
        rank_by="expected_amount_at_risk",
    ),
    limits=(
        "The threshold weighs a manual check of 25 EUR against a missed leak of 300 EUR; rank by the amount at risk "
        "where leaks differ much in size.",
        "It learned from leaks that audits found: sorts of leak that no audit looked for are unknown to it.",
        "It sees one line: not that a line is lacking altogether, nor that another line makes up for it.",
    ),
)
