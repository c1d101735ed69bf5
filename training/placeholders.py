"""Numbers that stand where a value is missing, as -999 and 9999999 do."""

from __future__ import annotations

from typing import Any

import pandas as pd

FAR = 10.0
"""So many times as far from the median as any other value: what measures something does not lie there alone."""
_NINES = r"-?9{3,}(?:\.0+)?"


def placeholders(values: pd.Series[Any]) -> pd.Series[bool]:
    """Where `values` (float64) are written with nothing but nines, and lie far from all that are not.

    >>> placeholders(pd.Series([1.5, 4.0, 999.0, 2.5])).tolist()
    [False, False, True, False]
    """
    nines = values.map("{:.15g}".format, na_action="ignore").astype("str").str.fullmatch(_NINES, na=False)
    others = values[~nines].dropna()
    if not nines.any() or others.empty:
        return nines & False
    median = others.median()
    far: pd.Series[bool] = (values - median).abs() > FAR * (others - median).abs().max()
    return nines & far
