"""Rows that fit a model's schema, whether it has a generator or was added with nothing but a definition."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Category, Definition, Feature, Flag
from training.generators import generators
from training.sources import File, Source, Synthetic


def rows_of(definition: Definition, rows: int, seed: int) -> pd.DataFrame:
    """The generator's rows, else values drawn evenly from every feature's range with a target that follows one."""
    if definition.name in generators:
        return generators[definition.name](rows, seed)
    random = np.random.default_rng(seed)
    columns = {feature.name: _values(feature, rows, random) for feature in definition.schema.features}
    leading = pd.Series(columns[definition.schema.names[0]]).rank(pct=True)
    positive = (leading + random.normal(0, 0.3, rows)) > 0.8
    wanted = definition.target.positive
    other = 0 if wanted in (1, True) else f"not {wanted}"
    columns[definition.target.column] = np.where(positive, wanted, other)
    for extra in (definition.recipe.group_column, definition.recipe.time_column):
        if extra is not None and extra not in columns:
            columns[extra] = np.arange(rows) // 4
    return pd.DataFrame(columns)


def source_of(definition: Definition, rows: int) -> Source:
    """Where training gets such rows from: the generator, else a file."""
    if definition.name in generators:
        return Synthetic(definition.name)
    file = Path(tempfile.mkdtemp()) / f"{definition.name}.parquet"
    rows_of(definition, rows, definition.recipe.seed).to_parquet(file)
    return File(file)


def _values(feature: Feature, rows: int, random: np.random.Generator) -> NDArray[np.generic]:
    match feature:
        case Flag():
            return random.random(rows) < 0.5
        case Category():
            return random.choice(feature.levels, rows)
        case _:
            values = random.uniform(feature.minimum, feature.maximum, rows)
            return np.floor(values).astype(np.int64) if feature.whole else values
