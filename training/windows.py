"""Rows for a forecasting estimator: every series seen from many origins, through the window that serving uses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Definition, Schema, Window
from models.definition.forecast import LEVEL, USUAL
from training import columns
from training.errors import DataError
from training.periods import Tally, by_period
from training.table import Table
from training.unnamed import unnamed_levels

MOST_ROWS = 60_000
"""Rows of all windows together: origins are spaced so that there are about as many."""
REMEMBERED = 1_000
"""Periods before the origin that a window is given: more than any of its inputs looks at."""

Floats = NDArray[np.float64]


def table(frame: pd.DataFrame, definition: Definition, window: Window, origin: str) -> Table:
    """One row for each origin and period ahead; its time is that of the period, so that no row is older than what it is
    split from. The target is the distance from what is usual as a multiple of the series' level at the origin, which
    is the row's scale.

    Raises DataError for dates, quantities or covariates that do not fit, and for series that are too short.
    """
    assert definition.target is not None
    problems: list[str] = []
    moments = columns.times(frame, window.time, problems)
    values = columns.numeric(frame[definition.target.column], definition.target.column, problems)
    known = Schema(window.covariates)
    covariates = columns.features(frame, known, problems, definition.file) if window.covariates else None
    if problems or moments is None:
        raise DataError(origin, problems)
    if not np.issubdtype(moments.dtype, np.datetime64):
        raise DataError(origin, [f"column {window.time!r} must hold dates"])
    numbers = (
        frame.groupby(list(window.series), sort=True).ngroup() if window.series else np.zeros(len(frame), np.int64)
    )
    tally = Tally(window)
    series = [
        one
        for rows in pd.Series(np.arange(len(frame))).groupby(np.asarray(numbers)).indices.values()
        for one in _regular(moments, values, covariates, np.asarray(rows), tally)
    ]
    made = _windows(series, definition, window, origin, tally)
    return replace(made, findings=(*made.findings, *tally.findings(), *unnamed_levels(frame, known, definition.file)))


class _OneSeries:
    """A series without gaps: its moments, values and covariates, one entry per period each; `observed` says which
    values are none that were filled in."""

    __slots__ = ("covariates", "moments", "observed", "values")

    def __init__(
        self, moments: pd.DatetimeIndex, values: Floats, observed: NDArray[np.bool_], covariates: pd.DataFrame | None
    ) -> None:
        self.observed = observed
        self.moments = moments
        self.values = values.tolist()
        self.covariates = None if covariates is None else covariates.to_numpy(object)


def _regular(
    moments: NDArray[Any],
    values: pd.Series[Any],
    covariates: pd.DataFrame | None,
    rows: NDArray[np.intp],
    tally: Tally,
) -> Iterator[_OneSeries]:
    """The series with one value per period; nothing where too much of it is missing or it is too short."""
    found = pd.DataFrame({"value": values.to_numpy()[rows]}, index=pd.DatetimeIndex(moments[rows]))
    if covariates is not None:
        found = pd.concat([found, covariates.iloc[rows].set_index(found.index)], axis=1)
    whole = by_period(found, tally.window)
    made = tally.take(whole["value"])
    if made is not None:
        kept = whole.drop(columns="value").ffill().bfill() if covariates is not None else None
        yield _OneSeries(pd.DatetimeIndex(whole.index), made.values, ~made.estimated, kept)


def _windows(series: list[_OneSeries], definition: Definition, window: Window, origin: str, tally: Tally) -> Table:
    if not tally.enough:
        raise DataError(origin, [tally.refusal()])
    stride = max(1, tally.origins * window.longest // MOST_ROWS)
    rows: list[Any] = []
    targets: list[float] = []
    times: list[NDArray[Any]] = []
    for number, one in enumerate(series):
        for start in range(window.least_history + 7 * number % stride, len(one.values), stride):
            end = min(start + window.longest, len(one.values))
            observed = one.observed[start:end]
            rows += compress(_from_origin(one, start, end, window), observed)
            targets += compress(one.values[start:end], observed)
            times.append(one.moments[start:end][observed].to_numpy("datetime64[s]"))
    level, usual = (window.inputs.names.index(name) for name in (LEVEL, USUAL))
    scales, offsets = (np.array([row[place] for row in rows], np.float64) for place in (level, usual))
    features = pd.DataFrame(rows, columns=list(window.inputs.names))
    problems: list[str] = []
    checked = columns.features(features, window.inputs, problems)
    if problems:
        raise DataError(origin, problems)
    return Table(
        checked,
        np.array(targets) / scales - offsets,
        np.concatenate(times),
        scales=scales,
        offsets=offsets,
        findings=(f"{len(series):,} series seen from {len(rows) // max(1, window.longest):,} or more origins",),
    )


def _from_origin(one: _OneSeries, start: int, end: int, window: Window) -> list[Any]:
    """The rows of one origin, each with the covariates of its own period."""
    record: dict[str, Any] = {
        window.time: one.moments[start].isoformat(),
        "history": one.values[max(0, start - REMEMBERED) : start],
        "horizon": end - start,
    }
    rows = [list(row) for row in window.rows(record)]
    if one.covariates is not None:
        count = one.covariates.shape[1]
        for row, known in zip(rows, one.covariates[start:end], strict=True):
            row[-count:] = known.tolist()
    return rows
