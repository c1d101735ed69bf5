"""Churn: will this subscriber of a learning service leave within the next 30 days?"""

from models.definition import (
    BinaryPolicy,
    Booster,
    Category,
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

COUNTRIES = ("AT", "AU", "BR", "CA", "CH", "DE", "ES", "FR", "GB", "IN", "IT", "JP", "MX", "NL", "PL", "SE", "US")


def explain_risk(decided: Decided) -> dict[str, object]:
    """The risk level and the features that moved the score most."""
    drivers = [
        {"feature": driver.feature, "value": driver.value, "contribution": driver.contribution}
        for driver in decided.drivers
    ]
    return {"risk": decided.level, "drivers": drivers}


def _over_windows(
    name: str, description: str, unit: str, per_day: float, example_per_day: float
) -> tuple[Feature, ...]:
    """The same activity counted over the last 7, 14 and 30 days."""
    return tuple(
        Number(
            name=f"{name}_{days}d",
            description=f"{description} in the last {days} days",
            unit=unit,
            minimum=0,
            maximum=per_day * days,
            example=round(example_per_day * days),
            whole=True,
        )
        for days in (7, 14, 30)
    )


definition = Definition(
    name="churn",
    title="Subscriber churn",
    purpose="Find subscribers who are about to leave while there is still time to win them back.",
    kind=Kind.BINARY,
    view="user_engagement",
    schema=Schema(
        (
            *_over_windows("active_days", "Days with at least one session", "days", 1, 0.5),
            *_over_windows("watch_minutes", "Minutes of video watched", "min", 1440, 12),
            *_over_windows("quizzes", "Quizzes finished", "quizzes", 200, 0.3),
            *_over_windows("payments_failed", "Failed payment attempts", "payments", 10, 0.0),
            Number(
                name="days_since_active",
                description="Days since the last session; missing when there was none",
                unit="days",
                minimum=0,
                maximum=3650,
                example=2,
                missing=True,
            ),
            Number(
                name="tenure_days",
                description="Days since the subscription began",
                unit="days",
                minimum=0,
                maximum=7300,
                example=210,
                whole=True,
            ),
            Category(
                name="plan",
                description="Subscription plan",
                levels=("free_trial", "monthly", "yearly", "family"),
                example="monthly",
            ),
            Category(
                name="country",
                description="Country of the billing address, ISO 3166 code; others count as missing",
                levels=COUNTRIES,
                example="DE",
                unseen="missing",
                missing=True,
            ),
            Category(
                name="source",
                description="How the subscriber was won",
                levels=("organic", "search_ad", "social_ad", "referral", "partner"),
                example="organic",
                unseen="missing",
                missing=True,
            ),
        )
    ),
    target=Target(column="churned", description="1 when the subscription ended within 30 days of the observation"),
    recipe=Recipe(
        group_column="user_id",
        sample_rows=20_000,
        booster=Booster(rounds=500, max_depth=4, learning_rate=0.08),
    ),
    gates=(
        Gate(metric="roc_auc", at_least=0.75),
        Gate(metric="expected_calibration_error", at_most=0.04),
    ),
    policy=BinaryPolicy(
        threshold=F1Threshold(),
        levels=(Level("LOW", 0.0), Level("MEDIUM", 0.15), Level("HIGH", 0.35), Level("CRITICAL", 0.6)),
        drivers=3,
        answer=explain_risk,
    ),
    limits=(
        "A subscriber with less than a week of history is scored mostly by plan and source.",
        "It was trained on people who subscribe: its score of somebody whose subscription has ended means nothing.",
    ),
)
