"""The policy that a new model begins with."""

from __future__ import annotations

from models.definition import (
    AnomalyPolicy,
    BinaryPolicy,
    F1Threshold,
    Kind,
    Level,
    MulticlassPolicy,
    Policy,
    RegressionPolicy,
)

HIGH_ODDS = 3.0
"""The level HIGH begins at so many times the odds of the event over all rows; MEDIUM at those odds."""


def policy_for(kind: Kind, rate: float) -> Policy:
    """The policy for a model of `kind`; `rate` is how often a binary model's event occurs."""
    match kind:
        case Kind.BINARY:
            return BinaryPolicy(threshold=F1Threshold(), levels=levels_around(rate))
        case Kind.MULTICLASS:
            return MulticlassPolicy()
        case Kind.ANOMALY:
            return AnomalyPolicy()
        case _:
            return RegressionPolicy()


def levels_around(rate: float) -> tuple[Level, ...]:
    """LOW, MEDIUM and HIGH for an event of that rate (above 0, below 1), in two digits.

    >>> [level.from_score for level in levels_around(0.265)]
    [0.0, 0.27, 0.52]
    """
    odds = HIGH_ODDS * rate / (1 - rate)
    return Level("LOW", 0.0), Level("MEDIUM", _two_digits(rate)), Level("HIGH", _two_digits(odds / (1 + odds)))


def _two_digits(score: float) -> float:
    """Of the score or, above one half, of what is missing to 1: so no two levels become one."""
    return float(f"{score:.2g}") if score <= 0.5 else round(1 - float(f"{1 - score:.2g}"), 12)
