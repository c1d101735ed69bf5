"""The ledger recomputed from its predictions, for comparison with what is kept in sum."""

from __future__ import annotations

import math
from collections import Counter
from datetime import timedelta
from typing import Any

from ledger.histogram import magnitude_bin, score_bin
from tests.storage.servers import execute

_KEPT = """
select model, width, starts_at, version, role, predictions, scored, score_sum, score_squares, score_min, score_max,
    latency_ms_sum, cached, stale, warned, score_bins, latency_bins, levels, labels, operations
from rollups
"""
_ALL = """
select model, version, role, date_trunc('hour', created_at, 'UTC'), date_trunc('day', created_at, 'UTC'), score, label,
    level, latency_ms, operation, cached, stale, warnings is not null, entity, prediction_id::text,
    least(coalesce(as_of, created_at), created_at), supposed
from predictions
"""


def ids(url: str) -> list[str]:
    """All predictions in the table."""
    return [str(row[0]) for row in execute(url, "select prediction_id::text from predictions order by 1")]


def check_sums(url: str) -> None:
    """Rollups, latest scores and their counts are exactly what the predictions come to."""
    _check_rollups(url, execute(url, _ALL))
    check_latest(url)


def _check_rollups(url: str, rows: list[tuple[Any, ...]]) -> None:
    groups: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        model, version, role, hour, day = row[:5]
        groups.setdefault((model, "hour", hour, version, role), []).append(row)
        groups.setdefault((model, "day", day, version, role), []).append(row)
        groups.setdefault((model, "week", day - timedelta(days=day.weekday()), version, role), []).append(row)
    kept = {row[:5]: row[5:] for row in execute(url, _KEPT)}
    assert set(kept) == set(groups)
    for key, members in groups.items():
        _check_rollup(kept[key], members)


def _check_rollup(kept: tuple[Any, ...], members: list[tuple[Any, ...]]) -> None:
    scores = [row[5] for row in members if row[5] is not None]
    exact = [min(max(score, -1e100), 1e100) for score in scores]
    assert kept[0] == len(members)
    assert kept[1] == len(scores)
    assert is_sum(kept[2], exact)
    assert is_sum(kept[3], [score * score for score in exact])
    assert kept[4:6] == ((min(exact), max(exact)) if exact else (None, None))
    assert is_sum(kept[6], [row[8] or 0 for row in members])
    assert kept[7:10] == tuple(sum(row[place] for row in members) for place in (10, 11, 12))
    bins = Counter(str(score_bin(row[5], row[6] is not None)) for row in members if row[5] is not None)
    assert kept[10] == bins
    assert kept[11] == Counter(str(magnitude_bin(row[8])) for row in members if row[8] is not None)
    assert kept[12] == Counter(row[7] for row in members if row[7] is not None)
    assert kept[13] == Counter(_text(row[6]) for row in members if row[6] is not None)
    assert kept[14] == Counter(row[9] for row in members)


def is_sum(total: float, parts: list[float]) -> bool:
    """Whether it is their sum, up to rounding: where large ones cancel, little can be said of the rest."""
    return abs(total - math.fsum(parts)) <= 1e-12 * math.fsum(map(abs, parts)) + 1e-12


def _text(label: Any) -> str:
    return str(label).lower() if isinstance(label, bool) else str(label)


def check_latest(url: str) -> None:
    """Latest scores and their counts are exactly what the predictions come to."""
    rows: list[tuple[Any, ...]] = execute(url, _ALL)
    newest: dict[tuple[str, str], tuple[Any, ...]] = {}
    for row in rows:
        if row[13] is not None and row[5] is not None and row[2] in {"champion", "canary"} and not row[16]:
            key = (row[0], row[13])
            newest[key] = max(newest.get(key, row), row, key=lambda one: (one[15], one[14]))
    kept = execute(url, "select model, entity, prediction_id::text, score, level, version from latest_scores")
    assert {row[:2]: row[2:] for row in kept} == {
        key: (row[14], row[5], row[7] or "", row[1]) for key, row in newest.items()
    }
    counts = Counter((model, level) for model, _, _, _, level, _ in kept)
    levels = execute(url, "select model, level, entities, score_sum from latest_levels where entities <> 0")
    assert {row[:2]: row[2] for row in levels} == counts
    for model, level, _, total in levels:
        scores = [min(max(float(str(row[3])), -1e100), 1e100) for row in kept if (row[0], row[4]) == (model, level)]
        assert is_sum(float(str(total)), scores), (total, scores)
