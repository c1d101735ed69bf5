"""Axes of moments: ticks where years, months or days begin."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

from registry.card.axis import Axis

DAY = 86_400.0
MOST_TICKS = 5
MONTHS = (1, 2, 3, 6)


def dated(low: float, high: float, start: float, end: float, label: str) -> Axis:
    """An axis of seconds since 1970 (UTC) whose ticks are dates.

    >>> axis = dated(1_700_000_000, 1_712_000_000, 0, 100, "")
    >>> [axis.write(tick) for tick in axis.ticks]
    ['2023-12', '2024-01', '2024-02', '2024-03', '2024-04']
    """
    days = (high - low) / DAY
    form = "%m-%d" if days <= 75 else "%Y-%m" if days <= 1200 else "%Y"
    marks = tuple(mark.timestamp() for mark in _marks(low, high))
    return Axis(low, high, start, end, label, lambda seconds: f"{moment(seconds):{form}}", marks)


def moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _marks(low: float, high: float) -> list[datetime]:
    days = (high - low) / DAY
    first = moment(low)
    if days <= 75:
        step = max(1, math.ceil(days / MOST_TICKS))
        midnight = first.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        found = [midnight + timedelta(days=step * number) for number in range(MOST_TICKS + 1)]
    else:
        months = next((one for one in MONTHS if days / 30.4 / one <= MOST_TICKS + 1), 12)
        if days > 1200:
            months = 12 * math.ceil(days / 365.25 / MOST_TICKS)
        begin = first.year * 12 // months * months
        found = [
            datetime(year, month + 1, 1, tzinfo=UTC)
            for year, month in (divmod(begin + months * number, 12) for number in range(200))
            if year < 10_000
        ]
    return [mark for mark in found if low <= mark.timestamp() <= high]
