"""Lists in pages: `?limit=&cursor=` -> `{"items": [...], "next_cursor": ...}`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from storage.cursors import Cursor, CursorError

MAX_LIMIT = 200
T = TypeVar("T")


def counted(cursor: str, of: tuple[str, ...]) -> tuple[str, int]:
    """A name, and the number of entries before the page. Raises CursorError for a word that no page of `of` has given.

    >>> counted(Cursor(("importance",), ("fraud:abc", "50")).written, ("importance",))
    ('fraud:abc', 50)
    """
    name, number = Cursor.read(cursor, of, 2).parts
    if not number.isascii() or not number.isdigit() or len(number) > 9:
        raise CursorError(cursor)
    return name, int(number)


def cut(entries: Sequence[T], limit: int) -> tuple[list[T], bool]:
    """The first entries, and whether there are more."""
    return list(entries[:limit]), len(entries) > limit
