"""Rows that fit a model's inputs, whether it has a generator or was added with nothing but a definition."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Definition, Feature, Flag, Forecast, Kind, Moment, Number
from tests import sample
from training.generators import generators
from training.observed import Observed
from training.sources import File, Source, Synthetic

Values = NDArray[np.generic]
SERIES = 4
"""How many series made-up rows of a forecasting model hold."""


def rows_of(definition: Definition, rows: int, seed: int) -> pd.DataFrame:
    """The generator's rows, else values drawn evenly from every input's range with a target that follows one."""
    if definition.name in generators:
        return generators[definition.name](rows, seed)
    random = np.random.default_rng(seed)
    if isinstance(definition.policy, Forecast):
        return _observations(definition, definition.policy, rows, random)
    columns: dict[str, Any] = {feature.name: _values(feature, rows, random) for feature in definition.inputs.features}
    leading = pd.Series(columns[definition.inputs.names[0]]).rank(pct=True).to_numpy(np.float64)
    followed = leading + random.normal(0, 0.3, rows)
    if definition.target is not None:
        columns[definition.target.column] = _target(definition, followed)
    if definition.amount is not None:
        columns[definition.amount.column] = 100 * followed
    for extra in (definition.recipe.group_column, definition.recipe.time_column):
        if extra is not None and extra not in columns:
            columns[extra] = np.arange(rows) // 4
    return pd.DataFrame(columns)


def source_of(definition: Definition, rows: int) -> Source:
    """Where training gets rows from: the sample data through the model's view, its generator, else a file of such."""
    if definition.learns_from_view:
        return Observed(sample.storage(), sample.ENDS_AT)
    if definition.name in generators:
        return Synthetic(definition.name)
    file = Path(tempfile.mkdtemp()) / f"{definition.name}.parquet"
    rows_of(definition, rows, definition.recipe.seed).to_parquet(file)
    return File(file)


def _target(definition: Definition, followed: NDArray[np.float64]) -> Values:
    target = definition.target
    assert target is not None
    match definition.kind:
        case Kind.BINARY | Kind.ANOMALY:
            other = 0 if target.positive in (1, True) else f"not {target.positive}"
            return np.where(followed > np.quantile(followed, 0.8), target.positive, other)
        case Kind.MULTICLASS:
            edges = np.quantile(followed, np.arange(1, len(target.classes)) / len(target.classes))
            return np.asarray(target.classes)[np.searchsorted(edges, followed)]
        case _:
            return followed


def _observations(definition: Definition, policy: Forecast, rows: int, random: np.random.Generator) -> pd.DataFrame:
    """Some series with a season, one row for each period."""
    window, target = policy.window, definition.target
    assert target is not None
    step = {"hour": "h", "day": "D", "week": "7D", "month": "MS"}[window.period]
    count = max(window.least_history + 2 * window.longest, rows // SERIES)
    number = np.repeat(np.arange(SERIES), count)
    place = np.tile(np.arange(count), SERIES)
    size = (window.minimum + min(window.maximum, window.minimum + 1000)) / 2
    value = size * (1 + 0.3 * np.sin(2 * np.pi * place / window.season) + random.normal(0, 0.05, len(place)))
    columns: dict[str, Any] = {
        window.time: np.tile(pd.date_range("2022-01-01", periods=count, freq=step).to_numpy(), SERIES),
        target.column: np.clip(value, window.minimum, window.maximum),
        **{name: [f"s{one}" for one in number] for name in window.series},
        **{feature.name: _values(feature, len(place), random) for feature in window.covariates},
    }
    return pd.DataFrame(columns)


def _values(feature: Feature, rows: int, random: np.random.Generator) -> Values:
    match feature:
        case Flag():
            return random.random(rows) < 0.5
        case Category():
            return random.choice(feature.levels, rows)
        case Moment():
            return (pd.Timestamp("2025-01-01") + pd.to_timedelta(random.integers(0, 10**7, rows), unit="s")).to_numpy()
        case Number():
            values = random.uniform(feature.minimum, feature.maximum, rows)
            return np.floor(values).astype(np.int64) if feature.whole else values
        case _:
            raise ValueError(f"{feature.name}: no estimator learns from a series")
