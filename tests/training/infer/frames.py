"""Rows to infer from: all columns are text, as `read` gives them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from training.infer import Inferred, Wishes, infer

ROWS = 400


def column(values: Sequence[Any]) -> pd.Series[Any]:
    """`values`, over and over, to the length of the frame."""
    cells = [values[row % len(values)] for row in range(ROWS)]
    return pd.Series([None if cell is None else str(cell) for cell in cells], dtype="str")


def frame(**columns: Sequence[Any] | pd.Series[Any]) -> pd.DataFrame:
    """A frame with these columns, a number `x` and a target `y` of yes and no."""
    random = np.random.default_rng(0)
    made = {name: given if isinstance(given, pd.Series) else column(given) for name, given in columns.items()}
    made.setdefault("x", pd.Series(random.normal(0, 1, ROWS).round(3).astype(str), dtype="str"))
    made.setdefault("y", column(["no", "no", "yes", "no", "yes"]))
    return pd.DataFrame(made)


def inferred(rows: pd.DataFrame, **wishes: Any) -> Inferred:
    """What is inferred for a model `lapse` from `rows` with target `y`."""
    return infer(rows, Wishes(**({"name": "lapse", "target": "y", "origin": "rows.csv"} | wishes)))


def feature(values: Sequence[Any] | pd.Series[Any], name: str = "c", **wishes: Any) -> Any:
    """The feature that a column becomes."""
    return inferred(frame(**{name: values}), **wishes).definition.schema[name]


def left_out(values: Sequence[Any] | pd.Series[Any], name: str = "c", **wishes: Any) -> str:
    """Why a column is left out; empty when it is not."""
    found = inferred(frame(**{name: values}), **wishes)
    return next((left.reason for left in found.left_out if left.name == name), "")
