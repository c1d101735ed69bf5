"""Delinquency: will this bank customer miss a payment in the next 30 days, and what would help?"""

from models.definition import (
    BinaryPolicy,
    Booster,
    Decided,
    Definition,
    F1Threshold,
    Feature,
    Gate,
    Kind,
    Level,
    Number,
    Recipe,
    Schema,
    Target,
)

WINDOWS = (7, 30, 90)

HELP = {
    "offer a lower credit limit or a repayment plan": ("credit_utilisation", "credit_limit"),
    "move the due date to just after the usual income": (
        "salary_regularity",
        "days_since_income",
        "income_trend",
        *(f"income_{days}d" for days in WINDOWS),
    ),
    "offer a budget review with spending alerts": ("spend_trend", *(f"spend_{days}d" for days in WINDOWS)),
    "offer smaller instalments over a longer term": ("due_30d",),
    "agree on a plan for what is overdue and set up direct debit": (
        *(f"{sort}_payments_{days}d" for sort in ("late", "missed") for days in (90, 365)),
        "days_since_payment",
    ),
    "warn of low balances and offer a small overdraft at a fixed price": (
        "balance",
        "balance_min_30d",
        "balance_mean_30d",
        "balance_mean_90d",
        "overdraft_days_30d",
        "overdraft_days_90d",
    ),
    "explain how payments work and set up direct debit": ("tenure_days", "product_count"),
}
"""What helps -> the features that call for it."""
HELP_FOR = {feature: text for text, features in HELP.items() for feature in features}
NOTHING_DUE = "Nothing is due in the next 30 days: no action."
URGENCY = {
    "LOW": "No action.",
    "MEDIUM": "Send a reminder before the due date.",
    "HIGH": "Write within a week: {}.",
    "CRITICAL": "Call within two days: {}.",
}
"""Level -> what to do; {} stands for the help that the strongest driver calls for."""


def intervene(decided: Decided) -> dict[str, object]:
    """The risk level, the features that moved the score most, and what to do about the one that raises it most."""
    raising = [driver for driver in decided.drivers if driver.contribution > 0]
    strongest = max(raising, key=lambda driver: driver.contribution, default=None)
    remedy = HELP_FOR[strongest.feature] if strongest else "ask how things stand"
    return {
        "risk": decided.level,
        "drivers": [driver._asdict() for driver in decided.drivers],
        "intervention": URGENCY[decided.level].format(remedy) if decided.record["due_30d"] else NOTHING_DUE,
    }


def _money(name: str, description: str, example: float, minimum: float = 0) -> Number:
    return Number(name=name, description=description, unit="EUR", minimum=minimum, maximum=10_000_000, example=example)


def _over_windows(name: str, description: str, per_month: float) -> tuple[Feature, ...]:
    """The same sum over the last 7, 30 and 90 days."""
    return tuple(
        _money(f"{name}_{days}d", f"{description} in the last {days} days", round(per_month * days / 30, 2))
        for days in WINDOWS
    )


def _trend(name: str, description: str) -> Number:
    return Number(
        name=f"{name}_trend",
        description=f"{description} in the last 30 days over a third of the last 90; missing when there was none",
        unit="ratio",
        minimum=0,
        maximum=3,
        example=1.1,
        missing=True,
    )


def _count(name: str, description: str, unit: str, maximum: float, example: float, *, missing: bool = False) -> Number:
    return Number(
        name=name,
        description=description,
        unit=unit,
        minimum=0,
        maximum=maximum,
        example=example,
        whole=True,
        missing=missing,
    )


definition = Definition(
    name="delinquency",
    title="Payment delinquency",
    purpose="Find customers who are about to miss a payment while they can still be helped.",
    kind=Kind.BINARY,
    view="customer_behaviour",
    schema=Schema(
        (
            _money("balance", "Balance of all current and savings accounts at the observation", 1840.5, -10_000_000),
            _money("balance_min_30d", "Lowest balance in the last 30 days", 310.2, -10_000_000),
            _money("balance_mean_30d", "Mean balance in the last 30 days", 1320.0, -10_000_000),
            _money("balance_mean_90d", "Mean balance in the last 90 days", 1495.7, -10_000_000),
            *_over_windows("spend", "Money spent", 1860.0),
            *_over_windows("income", "Income received", 2150.0),
            _trend("spend", "Money spent"),
            _trend("income", "Income received"),
            _count("late_payments_90d", "Payments after their due date in the last 90 days", "payments", 90, 1),
            _count("late_payments_365d", "Payments after their due date in the last 365 days", "payments", 365, 2),
            _count("missed_payments_90d", "Payments not made in the last 90 days", "payments", 90, 0),
            _count("missed_payments_365d", "Payments not made in the last 365 days", "payments", 365, 0),
            _count("days_since_payment", "Days since the last payment; missing: none", "days", 3650, 12, missing=True),
            _money("due_30d", "Payments that fall due in the next 30 days", 540.0),
            _money("credit_limit", "Limit of all credit lines; 0 without one", 3000.0),
            Number(
                name="credit_utilisation",
                description="Used part of the credit limit; missing without a credit line",
                unit="fraction",
                minimum=0,
                maximum=5,
                example=0.62,
                missing=True,
            ),
            _count("overdraft_days_30d", "Days with a balance below 0 in the last 30 days", "days", 30, 0),
            _count("overdraft_days_90d", "Days with a balance below 0 in the last 90 days", "days", 90, 2),
            Number(
                name="salary_regularity",
                description="Part of the last six months with an income near its usual day; missing: no income",
                unit="fraction",
                minimum=0,
                maximum=1,
                example=0.833,
                missing=True,
            ),
            _count("days_since_income", "Days since the last income; missing: none", "days", 3650, 9, missing=True),
            _count("product_count", "Products that the customer has", "products", 50, 3),
            _count("tenure_days", "Days since the customer came", "days", 36_500, 980),
        )
    ),
    target=Target(column="missed_payment", description="1 when a payment due in the next 30 days was not made in time"),
    recipe=Recipe(
        group_column="customer_id",
        sample_rows=15_000,
        booster=Booster(rounds=600, max_depth=3, learning_rate=0.05),
    ),
    gates=(
        Gate(metric="roc_auc", at_least=0.8),
        Gate(metric="average_precision", at_least=0.45),
        Gate(metric="expected_calibration_error", at_most=0.03),
    ),
    policy=BinaryPolicy(
        threshold=F1Threshold(),
        levels=(Level("LOW", 0.0), Level("MEDIUM", 0.1), Level("HIGH", 0.3), Level("CRITICAL", 0.6)),
        drivers=3,
        answer=intervene,
    ),
    limits=(
        "It is made to offer help in time, not to grant or refuse credit: it was not examined for that use.",
        "It was trained on customers with a payment due in the next 30 days: its score of others means nothing.",
        "It sees this bank's accounts only; income and debts elsewhere are unknown to it.",
        "Drivers say what moved the score, not what caused the trouble: read the intervention as a suggestion.",
    ),
)
