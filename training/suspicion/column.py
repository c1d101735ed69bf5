"""A column as the searches see it: floats, whatever it held."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]

_TIME_WORDS = re.compile(
    r"(^|[^a-z])(time|date|day|week|month|quarter|year|hour|minute|second|timestamp|datetime|epoch|instant|period|ts)s?"
    r"($|[^a-z])"
)


@dataclass(frozen=True, slots=True)
class Column:
    """`values`, shape (rows,): numbers as they are, codes from 0 into `levels`, or days since 1970; NaN is missing."""

    name: str
    kind: Literal["number", "level", "moment"]
    values: Floats
    levels: tuple[str, ...] = ()

    def take(self, rows: Rows) -> Column:
        """The same column of some of the rows, in their order."""
        return Column(self.name, self.kind, self.values[rows], self.levels)

    @property
    def known(self) -> Floats:
        """The values that are not missing, in the order of the file."""
        return self.values[~np.isnan(self.values)]

    @property
    def tells_time(self) -> bool:
        """Whether it holds moments, or its name speaks of time (`Time`, `order_date`, `loggedAtHour`)."""
        spaced = re.sub(r"([a-z])([A-Z])", r"\1_\2", self.name).lower()
        return self.kind == "moment" or _TIME_WORDS.search(spaced) is not None


def columns(features: pd.DataFrame) -> list[Column]:
    """The columns of `features`, which are numbers, flags, categoricals or moments."""
    return [_column(str(name), features[name]) for name in features.columns]


def _column(name: str, series: pd.Series[float]) -> Column:
    if pd.api.types.is_datetime64_any_dtype(series):
        micros = series.to_numpy("datetime64[us]")
        days = np.asarray(micros.astype(np.int64) / 86_400e6, np.float64)
        days[np.isnat(micros)] = np.nan
        return Column(name, "moment", days)
    if pd.api.types.is_numeric_dtype(series):
        return Column(name, "number", np.asarray(series.to_numpy(np.float64, na_value=np.nan), np.float64))
    level = pd.Categorical(series)
    codes = level.codes.astype(np.float64)
    return Column(name, "level", np.where(codes < 0, np.nan, codes), tuple(map(str, level.categories)))
