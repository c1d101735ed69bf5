"""Honest rows for traps to be put into, and their findings in short."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from training.suspicion import find

Found = set[tuple[str, str | None, str]]


def honest(rows: int = 1500, seed: int = 0) -> tuple[pd.DataFrame, NDArray[np.float64]]:
    """Four columns with a ROC AUC of about 0.8 together, and the classes; in random order."""
    random = np.random.default_rng(seed)
    a, b, c = random.normal(0, 1, rows), random.normal(0, 1, rows), random.integers(0, 5, rows)
    positive = random.random(rows) < 1 / (1 + np.exp(-(1.2 * a - b * (c > 2))))
    level = pd.Series(np.array(["low", "mid", "high"], object)[random.integers(0, 3, rows)]).astype("category")
    frame = pd.DataFrame({"a": a, "b": np.where(random.random(rows) < 0.1, np.nan, b), "c": c * 1.0, "d": level})
    return frame, positive.astype(np.float64)


def found(features: pd.DataFrame, target: Any, *, discrete: bool = True) -> Found:
    """(sort, column, action) of every trap."""
    return {
        (trap.sort, trap.column, trap.action)
        for trap in find(features, np.asarray(target, np.float64), discrete=discrete)
    }


def acted_on(features: pd.DataFrame, target: Any, *, discrete: bool = True) -> Found:
    """The same without notes."""
    return {trap for trap in found(features, target, discrete=discrete) if trap[2] != "note"}


def evidence(features: pd.DataFrame, target: Any, column: str | None, *, discrete: bool = True) -> str:
    """What is said of one column."""
    traps = find(features, np.asarray(target, np.float64), discrete=discrete)
    return "; ".join(trap.evidence for trap in traps if trap.column == column)
