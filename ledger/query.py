"""What a question to the ledger may ask for."""

from __future__ import annotations

from ledger.errors import QueryError

MAX_LIMIT = 1000


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
