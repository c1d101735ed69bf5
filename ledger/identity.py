"""Prediction ids as moments: they are UUIDs of version 7 (RFC 9562), whose first 48 bits are Unix milliseconds."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_LAST_MS = (1 << 48) - 1


def milliseconds(prediction_id: str) -> int:
    """When the id was made, in Unix milliseconds. Raises ValueError for a text that does not begin as an id does.

    >>> milliseconds("0190163d-8694-739b-aea5-966c26f8ad91")
    1718368208532
    """
    return int(prediction_id[:8] + prediction_id[9:13], 16)


def lowest(moment: datetime) -> UUID:
    """The least id that can be made at `moment` or later; ids below it were made before.

    >>> lowest(datetime(2024, 6, 14, 12, 30, 8, 532000, tzinfo=UTC))
    UUID('0190163d-8694-0000-0000-000000000000')
    """
    return lowest_of(-((EPOCH - moment) // _MILLISECOND))


def lowest_of(millisecond: int) -> UUID:
    """The least id of a Unix millisecond."""
    return UUID(int=min(max(millisecond, 0), _LAST_MS) << 80)
