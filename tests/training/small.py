"""A model small enough to train in a blink, with every kind of feature and a real signal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from models.definition import (
    BinaryPolicy,
    Booster,
    Category,
    CostThreshold,
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
from training.check import check
from training.progress import Progress, silent, stage
from training.table import Table

definition = Definition(
    name="small",
    title="Small",
    purpose="Tests.",
    kind=Kind.BINARY,
    schema=Schema(
        (
            Number(name="x", description="", unit="", minimum=-100, maximum=100, example=0.5, missing=True),
            Number(name="n", description="", unit="", minimum=0, maximum=50, example=3, whole=True),
            Flag(name="f", description="", example=True, missing=True),
            Category(name="c", description="", levels=("a", "b", "NA"), example="a", unseen="missing", missing=True),
            Category(name="d", description="", levels=("low", "mid", "high"), example="mid"),
            Number(name="amount", description="", unit="EUR", minimum=0, maximum=1000, example=20),
        )
    ),
    target=Target(column="y", description=""),
    recipe=Recipe(booster=Booster(rounds=60, early_stopping_rounds=20, max_depth=4, learning_rate=0.2), seed=3),
    gates=(Gate(metric="roc_auc", at_least=0.7), Gate(metric="expected_calibration_error", at_most=0.1)),
    policy=BinaryPolicy(
        threshold=CostThreshold(miss="amount", alarm=10.0), levels=(Level("LOW", 0.0), Level("HIGH", 0.5))
    ),
    limits=("Tests only.",),
)


def frame(rows: int = 3000, seed: int = 0) -> pd.DataFrame:
    """Rows that fit `definition`, with `when` (days) and `who` (eight rows each) for splits."""
    random = np.random.default_rng(seed)
    x, n, f = random.normal(0, 1, rows), random.integers(0, 20, rows), random.random(rows) < 0.5
    c, d = random.integers(0, 3, rows), random.integers(0, 3, rows)
    margin = -1.2 + 4 * (np.abs(x) - 0.8) * np.where(f, 1, -1) + 0.05 * n + np.array([0.5, -0.5, 0.0])[c] + 0.4 * d
    columns: dict[str, Any] = {
        "x": np.where(random.random(rows) < 0.1, np.nan, x),
        "n": n,
        "f": f,
        "c": np.array(["a", "b", "NA"], object)[c],
        "d": np.array(["low", "mid", "high"], object)[d],
        "amount": np.round(random.lognormal(3, 0.5, rows), 2),
        "y": (random.random(rows) < 1 / (1 + np.exp(-margin))).astype(int),
        "when": pd.Timestamp("2026-01-01") + pd.to_timedelta(np.sort(random.integers(0, 100, rows)), unit="D"),
        "who": random.permutation(np.arange(rows) // 8),
    }
    return pd.DataFrame(columns)


def table(rows: int = 3000, seed: int = 0) -> Table:
    return check(frame(rows, seed), definition, "small rows")


@dataclass(frozen=True)
class Given:
    """A source of the frame that it is given."""

    rows: pd.DataFrame

    def is_synthetic(self, table: Table) -> bool:
        return True

    def arguments(self, table: Table) -> tuple[str, ...]:
        return "--data", "given.csv"

    def describe(self, table: Table) -> str:
        return f"given, {len(table)} rows"

    def table(self, definition: Definition, rows: int | None, progress: Progress = silent) -> Table:
        with stage(progress, "read"):
            return check(self.rows if rows is None else self.rows.head(rows), definition, "given rows")
