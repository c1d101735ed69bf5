"""What a model's score is, and what a version of that kind is measured by."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Kind(StrEnum):
    """What a model's score is."""

    BINARY = "binary"
    """The calibrated probability of an event."""
    MULTICLASS = "multiclass"
    """The calibrated probability of the likeliest of several classes."""
    REGRESSION = "regression"
    """The expected quantity."""
    FORECAST = "forecast"
    """The expected sum over a horizon of a quantity that is observed again and again."""
    ANOMALY = "anomaly"
    """How easily a record is told apart from the others, from 0 to 1; nothing is said of what it means."""
    OPTIMISER = "optimiser"
    """What the recommended decision is expected to bring."""


_ESTIMATES = {"rmse": False, "mae": False, "r2": True, "coverage": True, "interval_width": False}
_HIGHER_IS_BETTER: dict[Kind, dict[str, bool]] = {
    Kind.BINARY: {
        "roc_auc": True,
        "average_precision": True,
        "log_loss": False,
        "brier": False,
        "expected_calibration_error": False,
        "f1": True,
        "precision": True,
        "recall": True,
    },
    Kind.MULTICLASS: {
        "log_loss": False,
        "accuracy": True,
        "macro_roc_auc": True,
        "macro_f1": True,
        "brier": False,
        "expected_calibration_error": False,
    },
    Kind.REGRESSION: _ESTIMATES,
    Kind.FORECAST: {
        "mae": False,
        "rmse": False,
        "mase": False,
        "coverage": True,
        "interval_width": False,
    },
    Kind.ANOMALY: {"roc_auc": True, "average_precision": True, "precision": True, "recall": True, "flagged": False},
    Kind.OPTIMISER: _ESTIMATES,
}
METRICS: Mapping[Kind, Mapping[str, bool]] = MappingProxyType(
    {kind: MappingProxyType(metrics) for kind, metrics in _HIGHER_IS_BETTER.items()}
)
"""Kind -> its metrics in the order that versions list them -> whether more is better."""
