"""Moments as answers carry them."""

from __future__ import annotations

from datetime import UTC, datetime


def written(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds.

    >>> written(datetime(2026, 3, 1, 12, tzinfo=UTC))
    '2026-03-01T12:00:00.000Z'
    """
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='milliseconds')}Z"


def written_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else written(moment)
