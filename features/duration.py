"""Spans of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "min": 60, "h": 3600, "day": 86_400}
_PATTERN = re.compile(r"(\d{1,6}) (s|min|h|days?)")


def read_duration(text: object) -> timedelta:
    """The span that e.g. "30 s", "5 min", "1 h" or "30 days" names. Raises ValueError.

    >>> read_duration("5 min")
    datetime.timedelta(seconds=300)
    """
    match = _PATTERN.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no span of time like '30 s', '5 min', '1 h' or '30 days'")
    return timedelta(seconds=int(match[1]) * _UNITS[match[2].removesuffix("s") or "s"])


def write_duration(span: timedelta) -> str:
    """The shortest way to write it.

    >>> write_duration(timedelta(days=30))
    '30 days'
    """
    seconds = int(span.total_seconds())
    for unit, size in reversed(_UNITS.items()):
        if seconds % size == 0 and seconds >= size:
            number = seconds // size
            return f"{number} {unit}{'s' if unit == 'day' and number > 1 else ''}"
    return f"{seconds} s"
