"""A model's figures over time, in the form that a chart draws: x values, and named series of as many values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import Engine

from ledger.errors import QueryError
from ledger.quantiles import quantiles, scale
from ledger.query import checked_moment, is_text
from ledger.sums import Part, Slice, Sum, merged, sums, week_of
from ledger.times import written
from ledger.totals import Total

Metric = Literal["volume", "score", "distribution", "levels", "labels", "latency", "quality"]
Window = Literal["hour", "day", "week"]
METRICS: tuple[Metric, ...] = get_args(Metric)
WINDOWS: tuple[Window, ...] = get_args(Window)
MAX_POINTS = 400
DEFAULT_POINTS = {"hour": 48, "day": 30, "week": 26}
DISTRIBUTION_BARS = 10
_STEP = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(days=7)}
_READ: Mapping[Metric, tuple[str, ...]] = {
    "volume": ("operations",),
    "score": ("score_bins",),
    "distribution": ("score_bins",),
    "levels": ("levels",),
    "labels": ("labels",),
    "latency": ("latency_bins",),
    "quality": (),
}
_UNITS: Mapping[Metric, str] = {"score": "score", "latency": "ms"}
Values = list[float | int | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One line or one layer of bars: a value for each x; None where there is nothing to say."""

    name: str
    values: Values


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """What a chart draws. `x` are the beginnings of the windows, RFC 3339; the last one may not be over yet."""

    model: str
    metric: Metric
    window: Window
    version: str | None
    unit: str
    x: list[str]
    series: list[Series]


def trends(
    engine: Engine,
    model: str,
    metric: Metric = "volume",
    window: Window = "day",
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    version: str | None = None,
) -> Trend:
    """A figure by hour, day or week (from Monday) in UTC, of one version or all.

    Windows are whole, also those that `start` and `end` lie in; without `start` there are as many as `DEFAULT_POINTS`
    says up to `end`, by default now. volume: predictions of each version, and explanations among them. score: mean,
    least, most and quantiles. distribution: counts by bars of scores. levels, labels: counts by name. latency: mean and
    quantiles in ms. quality: how many came from a cache, were stale, or carried warnings. Challengers in the shadow are
    not counted.

    Raises QueryError for what is not known and for more than 400 windows.
    """
    begin, until = _span(metric, window, start, end)
    steps = _windows(window, begin, until)
    found: list[Sum] = []
    if is_text(model) and (version is None or is_text(version)):
        whole = Part(window, begin, steps[-1] + _STEP[window])
        found = sums(engine, Slice(model, [whole], version), _READ[metric])
    groups: dict[datetime, list[Sum]] = {step: [] for step in steps}
    for one in found:
        groups[one.starts_at].append(one)
    columns = Columns([groups[step] for step in steps])
    return Trend(
        model=model,
        metric=metric,
        window=window,
        version=version,
        unit=_UNITS.get(metric, "predictions"),
        x=[written(step) for step in steps],
        series=_SERIES[metric](columns),
    )


def _span(metric: Metric, window: Window, start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    if metric not in METRICS:
        raise QueryError("metric", f"must be one of {', '.join(METRICS)}")
    if window not in WINDOWS:
        raise QueryError("window", f"must be one of {', '.join(WINDOWS)}")
    until = checked_moment("to", end or datetime.now(UTC))
    step = _STEP[window]
    begin = checked_moment("from", start) if start else until - step * (DEFAULT_POINTS[window] - 1)
    if begin >= until:
        raise QueryError("from", "must be before to")
    begin = _floor(window, begin)
    if (until - begin) / step > MAX_POINTS:
        raise QueryError("from", f"must be at most {MAX_POINTS} windows before to; ask for wider windows")
    return begin, until


def _floor(window: Window, moment: datetime) -> datetime:
    if window == "week":
        return week_of(moment)
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if window == "hour" else hour.replace(hour=0)


def _windows(window: Window, begin: datetime, until: datetime) -> list[datetime]:
    found = []
    while begin < until:
        found.append(begin)
        begin += _STEP[window]
    return found


class Columns:
    """The sums by window: all versions together, and each alone."""

    def __init__(self, columns: Sequence[Sequence[Sum]]) -> None:
        self.totals = [merged([one.total for one in column]) for column in columns]
        self.versions = sorted({one.version for column in columns for one in column})
        self._columns = columns

    def of(self, version: str) -> list[Total]:
        return [merged([one.total for one in column if one.version == version]) for column in self._columns]

    def each(self, name: str, value: Callable[[Total], float | int | None]) -> Series:
        return Series(name, [value(total) for total in self.totals])


def _volume(columns: Columns) -> list[Series]:
    """All together first, then by version where there are several."""
    series = [columns.each("predictions", lambda total: total.predictions)]
    if len(columns.versions) > 1:
        series += [
            Series(version, [total.predictions for total in columns.of(version)]) for version in columns.versions
        ]
    return [*series, columns.each("explanations", lambda total: total.operations["explain"])]


def _score(columns: Columns) -> list[Series]:
    inner = [
        quantiles(total.score_bins, (0.1, 0.5, 0.9), least=total.score_min, most=total.score_max)
        for total in columns.totals
    ]
    return [
        columns.each("mean", lambda total: total.score_sum / total.scored if total.scored else None),
        columns.each("least", lambda total: total.score_min),
        *_lines(("p10", "median", "p90"), inner),
        columns.each("most", lambda total: total.score_max),
    ]


def _lines(names: Sequence[str], points: Sequence[Sequence[float | None]]) -> list[Series]:
    """A series for each name from the points' values, which are in that order."""
    return [Series(name, [values[place] for values in points]) for place, name in enumerate(names)]


def _distribution(columns: Columns) -> list[Series]:
    bars = scale([total.score_bins for total in columns.totals], bars=DISTRIBUTION_BARS)
    counts = [bars.counts(total.score_bins) for total in columns.totals]
    return [Series(name, [column[bar] for column in counts]) for bar, name in enumerate(bars.names)]


def _levels(columns: Columns) -> list[Series]:
    names = sorted({name for total in columns.totals for name in total.levels})
    return [Series(name, [total.levels[name] for total in columns.totals]) for name in names]


def _labels(columns: Columns) -> list[Series]:
    names = sorted({name for total in columns.totals for name in total.labels})
    return [Series(name, [total.labels[name] for total in columns.totals]) for name in names]


def _latency(columns: Columns) -> list[Series]:
    def mean(total: Total) -> float | None:
        count = sum(total.latency_bins.values())
        return total.latency_ms_sum / count if count else None

    slow = [quantiles(total.latency_bins, (0.5, 0.95, 0.99), least=0.0, most=None) for total in columns.totals]
    return [columns.each("mean", mean), *_lines(("median", "p95", "p99"), slow)]


def _quality(columns: Columns) -> list[Series]:
    return [
        columns.each("cached", lambda total: total.cached),
        columns.each("stale", lambda total: total.stale),
        columns.each("warned", lambda total: total.warned),
    ]


_SERIES: Mapping[Metric, Callable[[Columns], list[Series]]] = {
    "volume": _volume,
    "score": _score,
    "distribution": _distribution,
    "levels": _levels,
    "labels": _labels,
    "latency": _latency,
    "quality": _quality,
}
