"""What new predictions add to the rollups: counted by model, version, role and hour, and again by day and week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

import msgspec

from ledger.copying import clean_text
from ledger.histogram import magnitude_bin, score_bin
from ledger.identity import EPOCH
from ledger.rows import Row

HOUR_MS = 3_600_000
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
_MONDAY = 3
"""Days from a Monday to 1970-01-01."""
Key = tuple[str, str, str, int]
"""Model, version, role, and the number of the hour, day or week since 1970."""
LARGEST = 1e100
"""Scores beyond it count as it in sums, which would not be finite otherwise."""


@dataclass(slots=True)
class Total:
    """Some predictions in sum."""

    predictions: int = 0
    scored: int = 0
    score_sum: float = 0.0
    score_squares: float = 0.0
    score_min: float | None = None
    score_max: float | None = None
    latency_ms_sum: float = 0.0
    cached: int = 0
    stale: int = 0
    warned: int = 0
    score_bins: Counter[int] = field(default_factory=Counter)
    latency_bins: Counter[int] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, rows: Sequence[Row]) -> Self:
        """The sum of some. Column by column: three times as fast as row by row."""
        scored = [(row.score, row.label is not None) for row in rows if row.score is not None]
        scores = [min(max(score, -LARGEST), LARGEST) for score, _ in scored]
        latencies = [row.latency_ms for row in rows if row.latency_ms is not None]
        return cls(
            predictions=len(rows),
            scored=len(scores),
            score_sum=sum(scores),
            score_squares=sum([score * score for score in scores]),
            score_min=min(scores, default=None),
            score_max=max(scores, default=None),
            latency_ms_sum=sum([min(max(latency, 0.0), LARGEST) for latency in latencies]),
            cached=sum([row.cached for row in rows]),
            stale=sum([row.stale for row in rows]),
            warned=sum([row.warned for row in rows]),
            score_bins=Counter([score_bin(score, has_label) for score, has_label in scored]),
            latency_bins=Counter(map(magnitude_bin, latencies)),
            levels=Counter([row.level for row in rows if row.level is not None]),
            labels=Counter([row.label for row in rows if row.label is not None]),
            operations=Counter([row.operation for row in rows]),
        )

    def merge(self, other: Total) -> None:
        """Add another sum."""
        self.predictions += other.predictions
        self.scored += other.scored
        self.score_sum += other.score_sum
        self.score_squares += other.score_squares
        self.latency_ms_sum += other.latency_ms_sum
        self.cached += other.cached
        self.stale += other.stale
        self.warned += other.warned
        self.score_bins.update(other.score_bins)
        self.latency_bins.update(other.latency_bins)
        self.levels.update(other.levels)
        self.labels.update(other.labels)
        self.operations.update(other.operations)
        self.score_min = _chosen(min, self.score_min, other.score_min)
        self.score_max = _chosen(max, self.score_max, other.score_max)


def _chosen(choose: Callable[[float, float], float], one: float | None, other: float | None) -> float | None:
    if one is None or other is None:
        return other if one is None else one
    return choose(one, other)


def totals_json(rows: Iterable[Row]) -> str:
    """The sums of these predictions as a JSON list of rows for the table of rollups."""
    groups: dict[Key, list[Row]] = {}
    for row in rows:
        groups.setdefault((row.model, row.version, row.role, row.made_ms // HOUR_MS), []).append(row)
    hours = {key: Total.of(members) for key, members in groups.items()}
    days = _widened(hours, lambda hour: hour // 24)
    weeks = _widened(days, lambda day: (day + _MONDAY) // 7)
    entries = [_entry("hour", number * HOUR, key, total) for (*key, number), total in hours.items()]
    entries += [_entry("day", number * DAY, key, total) for (*key, number), total in days.items()]
    entries += [_entry("week", (number * 7 - _MONDAY) * DAY, key, total) for (*key, number), total in weeks.items()]
    return msgspec.json.encode(entries).decode()


def _widened(groups: Mapping[Key, Total], number_of: Callable[[int], int]) -> dict[Key, Total]:
    found: dict[Key, Total] = {}
    for (model, version, role, number), total in groups.items():
        found.setdefault((model, version, role, number_of(number)), Total()).merge(total)
    return found


def _entry(width: str, since_epoch: timedelta, key: Sequence[Any], total: Total) -> dict[str, Any]:
    model, version, role = key
    return {
        "model": clean_text(model),
        "width": width,
        "starts_at": EPOCH + since_epoch,
        "version": clean_text(version),
        "role": clean_text(role),
        **{name: getattr(total, name) for name in _PLAIN},
        "score_bins": _named(total.score_bins),
        "latency_bins": _named(total.latency_bins),
        "levels": {clean_text(name): count for name, count in total.levels.items()},
        "labels": {clean_text(_spoken(name)): count for name, count in total.labels.items()},
        "operations": total.operations,
    }


_PLAIN = (
    "predictions", "scored", "score_sum", "score_squares", "score_min", "score_max", "latency_ms_sum", "cached",
    "stale", "warned",
)  # fmt: skip


def _named(bins: Counter[int]) -> dict[str, int]:
    return {str(number): count for number, count in bins.items()}


def _spoken(label: str) -> str:
    """A label in JSON as the text that it is counted by."""
    return str(msgspec.json.decode(label)) if label.startswith('"') else label
