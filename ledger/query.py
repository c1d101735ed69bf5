"""What a question to the ledger may ask for."""

from __future__ import annotations

from datetime import UTC, datetime

from ledger.errors import QueryError

MAX_LIMIT = 1000
FIRST_YEAR, LAST_YEAR = 1990, 2100


def checked_moment(parameter: str, moment: datetime) -> datetime:
    """The moment in UTC. Raises QueryError for one without a time zone, or far from any prediction."""
    if moment.tzinfo is None:
        raise QueryError(parameter, "must have a time zone")
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise QueryError(parameter, f"must be of the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment.astimezone(UTC)


def checked_limit(limit: int) -> int:
    """Raises QueryError for a page that is empty or too long."""
    if not 1 <= limit <= MAX_LIMIT:
        raise QueryError("limit", f"must be from 1 to {MAX_LIMIT}")
    return limit


def is_text(value: str) -> bool:
    """Whether PostgreSQL could hold this text at all; nothing is found under any other."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value
