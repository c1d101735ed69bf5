"""Card fraud: is this transaction fraudulent, and is stopping it worth a review?"""

from models.definition import (
    BinaryPolicy,
    Booster,
    CostThreshold,
    Decided,
    Definition,
    Gate,
    Kind,
    Level,
    Number,
    Recipe,
    Schema,
    Target,
)

BLOCK_FROM = 0.8
"""From this probability on a transaction is blocked rather than sent to a person."""

COMPONENT_EXAMPLES = (
    -1.36, -0.07, 2.54, 1.38, -0.34, 0.46, 0.24, 0.10, 0.36, 0.09, -0.55, -0.62, -0.99, -0.31,
    1.47, -0.47, 0.21, 0.03, 0.40, 0.25, -0.02, 0.28, -0.11, 0.07, 0.13, -0.19, 0.13, -0.02,
)  # fmt: skip


def decide(decided: Decided) -> dict[str, object]:
    """approve below the threshold, block from `BLOCK_FROM` on, review between them."""
    if not decided.label:
        return {"decision": "approve"}
    return {"decision": "block" if decided.score >= BLOCK_FROM else "review"}


definition = Definition(
    name="fraud",
    title="Card fraud",
    purpose="Score a card transaction while it is being authorised: approve it, block it, or send it to review.",
    kind=Kind.BINARY,
    schema=Schema(
        (
            Number(
                name="Time",
                description="Time since the first transaction of the observed period",
                unit="s",
                minimum=0,
                maximum=31_622_400,
                example=406.0,
            ),
            *(
                Number(
                    name=f"V{i}",
                    description=f"Principal component {i} of the transaction's confidential attributes",
                    unit="standard score",
                    minimum=-200,
                    maximum=200,
                    example=example,
                )
                for i, example in enumerate(COMPONENT_EXAMPLES, start=1)
            ),
            Number(
                name="Amount",
                description="Transaction amount",
                unit="EUR",
                minimum=0,
                maximum=100_000,
                example=149.62,
            ),
        )
    ),
    target=Target(column="Class", description="1 when the transaction was confirmed as fraud"),
    recipe=Recipe(
        time_column="Time",
        sample_rows=200_000,
        booster=Booster(rounds=2000, max_depth=5, learning_rate=0.02),
    ),
    gates=(
        Gate(metric="roc_auc", at_least=0.90),
        Gate(metric="average_precision", at_least=0.50),
        Gate(metric="expected_calibration_error", at_most=0.01),
    ),
    policy=BinaryPolicy(
        threshold=CostThreshold(miss="Amount", alarm=5.0),
        levels=(Level("LOW", 0.0), Level("MEDIUM", 0.05), Level("HIGH", 0.3), Level("CRITICAL", BLOCK_FROM)),
        answer=decide,
    ),
    limits=(
        "The components V1 to V28 come from one card network's transformation; another source needs its own model.",
        "The threshold assumes that a review costs 5 EUR and that a missed fraud costs its whole amount.",
    ),
)
