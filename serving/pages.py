"""Lists in pages: `?limit=&cursor=` -> `{"items": [...], "next_cursor": ...}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from storage.cursors import Cursor, CursorError

MAX_LIMIT = 200
T = TypeVar("T")


def counted(cursor: str) -> tuple[str, int]:
    """A name, and the number of entries before the page. Raises CursorError for a word that no page has given.

    >>> counted(Cursor(("fraud:abc", "50")).written)
    ('fraud:abc', 50)
    """
    name, number = Cursor.read(cursor, 2).parts
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise CursorError(cursor)
    return name, int(number)


def cut(entries: Sequence[T], limit: int) -> tuple[list[T], bool]:
    """The first entries, and whether there are more."""
    return list(entries[:limit]), len(entries) > limit
