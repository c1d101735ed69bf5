"""Rows for a forecasting estimator: every series seen from many origins, through the window that serving uses."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import compress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.definition import Definition, Schema, Window
from models.definition.feature import read_moment
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
    made = _windows(series, window, origin, tally)
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


def seen(records: pd.DataFrame, outcomes: Sequence[Sequence[float]], window: Window, origin: str) -> Table:
    """The same from records as serving gets them (all of the window's schema but the horizon), one for each origin, and
    from what came in the periods after each. Covariates are those of the origin: nobody knows more of an entity.

    Raises DataError for values that do not fit.
    """
    gathered = _Gathered()
    columns_of = list(records.columns)
    for values, later in zip(records.itertuples(index=False, name=None), outcomes, strict=True):
        record = {**dict(zip(columns_of, values, strict=True)), "horizon": len(later)}
        first = read_moment(str(record[window.time]))
        moments = [window.moment(first, ahead).replace(tzinfo=None) for ahead in range(len(later))]
        gathered.add(window.rows(record), later, np.array(moments, "datetime64[s]"))
    return gathered.table(window, origin, ())


def _windows(series: list[_OneSeries], window: Window, origin: str, tally: Tally) -> Table:
    if not tally.enough:
        raise DataError(origin, [tally.refusal()])
    stride = max(1, tally.origins * window.longest // MOST_ROWS)
    gathered = _Gathered()
    for number, one in enumerate(series):
        for start in range(window.least_history + 7 * number % stride, len(one.values), stride):
            end = min(start + window.longest, len(one.values))
            observed = one.observed[start:end]
            gathered.add(
                compress(_from_origin(one, start, end, window), observed),
                compress(one.values[start:end], observed),
                one.moments[start:end][observed].to_numpy("datetime64[s]"),
            )
    origins = len(gathered.rows) // max(1, window.longest)
    return gathered.table(window, origin, (f"{len(series):,} series seen from {origins:,} or more origins",))


class _Gathered:
    """Rows of many origins, put together."""

    __slots__ = ("rows", "targets", "times")

    def __init__(self) -> None:
        self.rows: list[Any] = []
        self.targets: list[float] = []
        self.times: list[NDArray[Any]] = []

    def add(self, rows: Iterable[Any], quantities: Iterable[float], moments: NDArray[Any]) -> None:
        """Those of one origin: an entry for each period ahead in all three."""
        self.rows += rows
        self.targets += quantities
        self.times.append(moments)

    def table(self, window: Window, origin: str, findings: tuple[str, ...]) -> Table:
        level, usual = (window.inputs.names.index(name) for name in (LEVEL, USUAL))
        scales, offsets = (np.array([row[place] for row in self.rows], np.float64) for place in (level, usual))
        problems: list[str] = []
        inputs = pd.DataFrame(self.rows, columns=list(window.inputs.names))
        features = columns.features(inputs, window.inputs, problems)
        if problems:
            raise DataError(origin, problems)
        target = np.array(self.targets) / scales - offsets
        times = np.concatenate(self.times)
        return Table(features, target, times, scales=scales, offsets=offsets, findings=findings)


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
