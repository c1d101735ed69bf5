"""What the generators share: columns by name, ids, moments, and rows put together in order."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Columns = dict[str, NDArray[Any]]

SECONDS_PER_DAY = 86_400


def ids(prefix: str, numbers: Ints, width: int) -> NDArray[np.str_]:
    """E.g. C000123: every number once formatted, however often it stands."""
    most = int(numbers.max(initial=0)) + 1
    names = np.array([f"{prefix}{number:0{width}d}" for number in range(most)])
    return np.asarray(names[numbers])


def moments(seconds: Floats | Ints) -> NDArray[np.datetime64]:
    """UTC moments of Unix seconds, whole seconds."""
    return np.floor(seconds).astype("datetime64[s]")


def joined(parts: list[Columns]) -> Columns:
    """The rows of all parts, one after the other."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def chosen(columns: Columns, rows: Bools | Ints) -> Columns:
    """Some rows, or all in another order."""
    return {name: values[rows] for name, values in columns.items()}


def ordered(columns: Columns, *by: str) -> Columns:
    """The rows in the order of those columns, the first one leading."""
    return chosen(columns, np.lexsort([columns[name] for name in reversed(by)]))


def logistic(margin: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-margin)))
