"""Two periods or two versions of a model side by side."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from ledger.errors import QueryError
from ledger.identity import EPOCH
from ledger.quantiles import Scale, quantile, scale
from ledger.query import checked_moment, is_text
from ledger.sums import Part, Slice, Width, merged, sums
from ledger.times import written
from ledger.totals import Total

_LONGEST = timedelta(days=3700)


@dataclass(frozen=True, slots=True)
class Period:
    """One side of a comparison: from `start` up to but without `end`; of one version, or None for all."""

    start: datetime
    end: datetime
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """How many predictions, and which part of their side."""

    count: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One side. `start` and `end` are those of the whole hours or days that were compared."""

    start: str
    end: str
    version: str | None
    predictions: int
    mean_score: float | None
    deviation: float | None
    """Standard deviation of the scores."""
    least: float | None
    median: float | None
    most: float | None
    histogram: list[Share]
    """By the comparison's bars."""
    levels: dict[str, Share]
    labels: dict[str, Share]
    mean_latency_ms: float | None
    p95_latency_ms: float | None
    warned: Share
    stale: Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Differences:
    """What the second side has more than the first; None where one of them has nothing to say."""

    predictions: int
    predictions_ratio: float | None
    mean_score: float | None
    median: float | None
    mean_latency_ms: float | None
    levels: dict[str, float]
    """By level, in shares: 0.1 means that its share has grown by ten points of a hundred."""
    labels: dict[str, float]
    histogram: list[float]
    """By bar, in shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Both sides, whose histograms have the same bars: bar k lies between `edges` k and k + 1."""

    model: str
    a: Side
    b: Side
    edges: list[float]
    difference: Differences


def comparison(engine: Engine, model: str, a: Period, b: Period, *, hourly_days: int = 90) -> Comparison:
    """Two periods, two versions, or two versions in two periods.

    Sides that began in the last `hourly_days` (the setting `ledger.hourly_rollup_days`) are compared by whole hours in
    UTC, others by whole days; their ends are moved outwards to these. Raises QueryError for a period without a time
    zone, for one that ends before it begins, and for two apart that are much the same once they are moved.
    """
    first, second = (_read(engine, model, name, period, hourly_days) for name, period in (("a", a), ("b", b)))
    if a.version == b.version and (a.end <= b.start or b.end <= a.start) and _are_much_the_same(first, second):
        raise QueryError("b.from", "periods are compared by whole hours, or by days where hours are not kept any more")
    bars = scale([first.total.score_bins, second.total.score_bins])
    sides = _side(first, bars), _side(second, bars)
    return Comparison(model=model, a=sides[0], b=sides[1], edges=list(bars.edges), difference=_differences(*sides))


@dataclass(frozen=True, slots=True)
class _Read:
    """A side as it was read."""

    start: datetime
    end: datetime
    version: str | None
    total: Total


def _read(engine: Engine, model: str, name: str, period: Period, hourly_days: int) -> _Read:
    start, end = checked_moment(f"{name}.from", period.start), checked_moment(f"{name}.to", period.end)
    if start >= end:
        raise QueryError(f"{name}.from", "must be before its end")
    if end - start > _LONGEST:
        raise QueryError(f"{name}.from", f"must be at most {_LONGEST.days} days before its end")
    step = timedelta(hours=1) if datetime.now(UTC) - start < timedelta(days=hourly_days) else timedelta(days=1)
    begin, until = EPOCH + (start - EPOCH) // step * step, EPOCH - (EPOCH - end) // step * step
    if not is_text(model) or (period.version is not None and not is_text(period.version)):
        return _Read(begin, until, period.version, Total())
    found = sums(engine, Slice(model, list(_parts(begin, until)), period.version))
    return _Read(begin, until, period.version, merged([one.total for one in found]))


def _are_much_the_same(one: _Read, other: _Read) -> bool:
    """Whether half of the shorter side, or more, is the other's, too."""
    common = min(one.end, other.end) - max(one.start, other.start)
    return 2 * common >= min(one.end - one.start, other.end - other.start)


_WIDTHS: tuple[tuple[Width, timedelta, datetime], ...] = (
    ("week", timedelta(days=7), EPOCH + timedelta(days=4)),
    ("day", timedelta(days=1), EPOCH),
    ("hour", timedelta(hours=1), EPOCH),
)
"""Widths, widest first, and a moment that one of each begins at."""


def _parts(begin: datetime, until: datetime, place: int = 0) -> Iterator[Part]:
    """The period in whole weeks, and what lies before and after them in whole days, and that in hours."""
    width, step, origin = _WIDTHS[place]
    first, last = origin - (origin - begin) // step * step, origin + (until - origin) // step * step
    if first >= last:
        yield from _parts(begin, until, place + 1)
        return
    if begin < first:
        yield from _parts(begin, first, place + 1)
    yield Part(width, first, last)
    if last < until:
        yield from _parts(last, until, place + 1)


def _side(read: _Read, bars: Scale) -> Side:
    total = read.total
    count = total.predictions
    return Side(
        start=written(read.start),
        end=written(read.end),
        version=read.version,
        predictions=count,
        mean_score=_mean(total),
        deviation=_deviation(total),
        least=total.score_min,
        median=_median(total),
        most=total.score_max,
        histogram=[_share(found, total.scored) for found in bars.counts(total.score_bins)],
        levels=_shares(total.levels, count),
        labels=_shares(total.labels, count),
        mean_latency_ms=_latency(total),
        p95_latency_ms=quantile(total.latency_bins, 0.95, least=0.0, most=None),
        warned=_share(total.warned, count),
        stale=_share(total.stale, count),
    )


def _mean(total: Total) -> float | None:
    return total.score_sum / total.scored if total.scored else None


def _deviation(total: Total) -> float | None:
    if not total.scored:
        return None
    mean = total.score_sum / total.scored
    return math.sqrt(max(0.0, total.score_squares / total.scored - mean * mean))


def _median(total: Total) -> float | None:
    return quantile(total.score_bins, 0.5, least=total.score_min, most=total.score_max)


def _latency(total: Total) -> float | None:
    count = sum(total.latency_bins.values())
    return total.latency_ms_sum / count if count else None


def _share(count: int, total: int) -> Share:
    return Share(count=count, share=count / total if total else 0.0)


def _shares(counts: Counter[str], total: int) -> dict[str, Share]:
    return {name: _share(counts[name], total) for name in sorted(counts)}


def _differences(a: Side, b: Side) -> Differences:
    return Differences(
        predictions=b.predictions - a.predictions,
        predictions_ratio=b.predictions / a.predictions if a.predictions else None,
        mean_score=_less(b.mean_score, a.mean_score),
        median=_less(b.median, a.median),
        mean_latency_ms=_less(b.mean_latency_ms, a.mean_latency_ms),
        levels=_moved(a.levels, b.levels),
        labels=_moved(a.labels, b.labels),
        histogram=[after.share - before.share for before, after in zip(a.histogram, b.histogram, strict=True)],
    )


def _less(value: float | None, other: float | None) -> float | None:
    return None if value is None or other is None else value - other


def _moved(before: dict[str, Share], after: dict[str, Share]) -> dict[str, float]:
    none = Share(count=0, share=0.0)
    return {
        name: after.get(name, none).share - before.get(name, none).share
        for name in sorted(before.keys() | after.keys())
    }
